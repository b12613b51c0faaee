// Replays a plain table: arrival_s,input_tokens,output_tokens and perhaps session, in any order.
// Source: nobody's format; what people export. Arrivals are seconds since the start, in decimal.
// State: the rows and the next one.
#include "sim/registry.h"
#include "workloads/requests/trace/csv_reader.h"
#include "workloads/requests/trace/trace_source.h"

namespace terrace {
namespace {

class Csv final : public TraceSource {
 public:
  struct Params : TraceParams {
    static void fields(Schema<Params>& s) { TraceParams::fields(s); }
  };
  Csv(const Params& params, const Context&) : TraceSource(load(params)) {}

 private:
  static Trace load(const Params& params) {
    TraceText text(params.file);
    enum : std::size_t { time, input, output, session };
    CsvReader csv(text, {{"arrival_s"}, {"input_tokens"}, {"output_tokens"}, {"session", false}},
                  params.ignore);
    TraceBuilder builder(params, text, TraceBuilder::Clock::starts_at_zero, "arrival_s",
                         "input_tokens");
    std::string why;
    while (!builder.full() && csv.next()) {
      TraceBuilder::Row row;
      bool good = parse_time(csv.cell(time), 0, row.at, why) || (csv.fail(time, why), false);
      good &= csv.count(input, 1, max_trace_tokens, row.input);
      good &= csv.count(output, 1, max_trace_tokens, row.output);
      if (csv.has(session)) good &= csv.count(session, 0, max_trace_session, row.session);
      good ? builder.add(row) : builder.leave();
    }
    return builder.finish();
  }
};

}  // namespace
TERRACE_REGISTER(RequestSource, Csv, "csv",
                 "replay of a table: arrival_s,input_tokens,output_tokens[,session]");
}  // namespace terrace
