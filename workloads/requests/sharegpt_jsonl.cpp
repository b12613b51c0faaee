// Replays requests with their token ids: one object per line with input_toks, output_toks,
// arrival_time_ns and, where known, input_tok_ids and output_tok_ids.
// Source: the request format of casys-kaist/LLMServingSim (MIT), e.g. 300 ShareGPT conversations.
// State: the rows, all token ids (4 bytes each) and the next one.
#include <fmt/format.h>

#include "sim/registry.h"
#include "workloads/requests/trace/json_reader.h"
#include "workloads/requests/trace/trace_source.h"

namespace terrace {
namespace {

constexpr std::int64_t max_id = 2'147'483'647;

class SharegptJsonl final : public TraceSource {
 public:
  struct Params : TraceParams {
    static void fields(Schema<Params>& s) { TraceParams::fields(s); }
  };
  SharegptJsonl(const Params& params, const Context&) : TraceSource(load(params)) {}

 private:
  static Trace load(const Params& params) {
    TraceText text(params.file);
    JsonReader json(text);
    TraceBuilder builder(params, text, TraceBuilder::Clock::starts_at_zero, "arrival_time_ns",
                         "input_toks");
    std::vector<std::int32_t> outputs;
    JsonRow keys(
        json, {"input_toks", "output_toks", "arrival_time_ns", "input_tok_ids", "output_tok_ids"},
        3, params.ignore);
    while (!builder.full() && json.next()) {
      TraceBuilder::Row row;
      const std::size_t before = builder.tokens().size();
      outputs.clear();
      for (keys.begin(); keys.next();) {
        switch (keys.index()) {
          case 0:
            json.count(1, max_trace_tokens, row.input);
            break;
          case 1:
            json.count(1, max_trace_tokens, row.output);
            break;
          case 2:
            json.time(-9, row.at);
            break;
          case 3:
            json.counts(max_id, builder.tokens());
            break;
          default:
            json.counts(max_id, outputs);
        }
      }
      row.input_ids = builder.tokens().size() - before;
      const auto check = [&](std::size_t key, std::size_t ids, std::int64_t tokens) {
        if (json.good() && keys.seen(key) && static_cast<std::int64_t>(ids) != tokens)
          keys.fail(key, fmt::format("{} ids for {} tokens", ids, tokens));
      };
      check(3, row.input_ids, row.input);
      check(4, outputs.size(), row.output);
      if (json.good() && keys.seen(4) && !keys.seen(3))
        keys.fail(4, "ids of the output, but none of the input");
      builder.tokens().insert(builder.tokens().end(), outputs.begin(), outputs.end());
      json.good() ? builder.add(row) : builder.leave();
    }
    return builder.finish();
  }
};

}  // namespace
TERRACE_REGISTER(RequestSource, SharegptJsonl, "sharegpt_jsonl",
                 "replay of requests with token ids (input_toks, output_toks, arrival_time_ns, …)");
}  // namespace terrace
