// Replays an Azure LLM inference trace: TIMESTAMP,ContextTokens,GeneratedTokens, UTC to 100 ns.
// Source: Azure/AzurePublicDataset (CC-BY-4.0), AzureLLMInferenceTrace 2023 and 2024; Patel et al.,
// "Splitwise", ISCA 2024. The first row sent arrives at 0; what prompts share is not known.
// State: the rows and the next one.
#include "sim/registry.h"
#include "workloads/requests/trace/csv_reader.h"
#include "workloads/requests/trace/trace_source.h"

namespace terrace {
namespace {

class AzureCsv final : public TraceSource {
 public:
  struct Params : TraceParams {
    static void fields(Schema<Params>& s) { TraceParams::fields(s); }
  };
  AzureCsv(const Params& params, const Context&) : TraceSource(load(params)) {}

 private:
  static Trace load(const Params& params) {
    TraceText text(params.file);
    enum : std::size_t { time, input, output };
    CsvReader csv(text, {{"TIMESTAMP"}, {"ContextTokens"}, {"GeneratedTokens"}}, params.ignore);
    TraceBuilder builder(params, text, TraceBuilder::Clock::starts_at_first_row, "TIMESTAMP",
                         "ContextTokens");
    std::string why;
    while (!builder.full() && csv.next()) {
      TraceBuilder::Row row;
      bool good = parse_date_time(csv.cell(time), row.at, why) || (csv.fail(time, why), false);
      good &= csv.count(input, 1, max_trace_tokens, row.input);
      good &= csv.count(output, 1, max_trace_tokens, row.output);
      good ? builder.add(row) : builder.leave();
    }
    return builder.finish();
  }
};

}  // namespace
TERRACE_REGISTER(RequestSource, AzureCsv, "azure_csv",
                 "replay of an Azure LLM inference trace (TIMESTAMP,ContextTokens,"
                 "GeneratedTokens)");
}  // namespace terrace
