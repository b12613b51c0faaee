// Replays a trace whose prompts are known by the ids of their blocks: one object per line with
// timestamp (ms), input_length, output_length, hash_ids and perhaps session.
// Source: kvcache-ai/Mooncake (Apache-2.0); Qin et al., "Mooncake", FAST 2025. Ids stand for 512
// tokens and all before them; the same schema with other block sizes is common.
// State: the rows, their ids and the next one.
#include <fmt/format.h>

#include "sim/registry.h"
#include "workloads/requests/trace/json_reader.h"
#include "workloads/requests/trace/trace_source.h"

namespace terrace {
namespace {

constexpr std::int64_t max_id = 999'999'999'999'999'999;

class MooncakeJsonl final : public TraceSource {
 public:
  struct Params : TraceParams {
    std::int32_t block_tokens = 512;
    static void fields(Schema<Params>& s) {
      TraceParams::fields(s);
      s.field("block_tokens", &Params::block_tokens, "tokens that one of the hash_ids stands for")
          .between(1, 1 << 20);
    }
  };
  MooncakeJsonl(const Params& params, const Context&) : TraceSource(load(params)) {}

 private:
  static Trace load(const Params& params) {
    TraceText text(params.file);
    JsonReader json(text);
    TraceBuilder builder(params, text, TraceBuilder::Clock::starts_at_zero, "timestamp",
                         "input_length");
    builder.block_tokens(params.block_tokens);
    JsonRow keys(json, {"timestamp", "input_length", "output_length", "hash_ids", "session"}, 4,
                 params.ignore);
    while (!builder.full() && json.next()) {
      TraceBuilder::Row row;
      const std::size_t before = builder.blocks().size();
      for (keys.begin(); keys.next();) {
        switch (keys.index()) {
          case 0:
            json.time(-3, row.at);
            break;
          case 1:
            json.count(1, max_trace_tokens, row.input);
            break;
          case 2:
            json.count(1, max_trace_tokens, row.output);
            break;
          case 3:
            json.counts(max_id, builder.blocks());
            break;
          default:
            json.count(0, max_trace_session, row.session);
        }
      }
      const auto ids = static_cast<std::int64_t>(builder.blocks().size() - before);
      const std::int64_t full = row.input / params.block_tokens;
      const bool partial = row.input % params.block_tokens > 0;
      if (json.good() && ids != full && !(partial && ids == full + 1))
        keys.fail(3, fmt::format("{} ids, but {} tokens fill {} blocks of {}", ids, row.input,
                                 full + (partial ? 1 : 0), params.block_tokens));
      json.good() ? builder.add(row) : builder.leave();
    }
    return builder.finish();
  }
};

}  // namespace
TERRACE_REGISTER(RequestSource, MooncakeJsonl, "mooncake_jsonl",
                 "replay of a Mooncake trace: lengths, and block ids that say what prompts share");
}  // namespace terrace
