// Input and output drawn together from the rows of a table: CSV with input_tokens,output_tokens.
// Source: whatever the file was taken from; the bootstrap, which keeps any dependence of the two.
// State: the pairs.
#include "sim/registry.h"
#include "workloads/requests/lengths/request_lengths.h"
#include "workloads/requests/trace/csv_reader.h"

namespace terrace {
namespace {

class SampledLengths final : public RequestLengths {
 public:
  struct Params {
    FilePath file;
    std::vector<std::string> ignore;
    static void fields(Schema<Params>& s) {
      s.field("file", &Params::file, "CSV with columns input_tokens,output_tokens")
          .required()
          .not_empty();
      s.field("ignore", &Params::ignore, "columns that the file has and nobody needs");
    }
  };
  SampledLengths(const Params& params, const Context&) {
    TraceText text(params.file);
    CsvReader csv(text, {{"input_tokens"}, {"output_tokens"}}, params.ignore);
    while (csv.next()) {
      Pair pair;
      const bool input = csv.count(0, 1, 1'000'000'000, pair.input);
      const bool output = csv.count(1, 1, 1'000'000'000, pair.output);
      if (input && output) pairs_.push_back(pair);
    }
    if (!text.failed() && pairs_.empty()) text.fail(std::size_t{0}, "", "no rows to draw from");
    text.raise();
  }
  Pair draw(RandomStream& random) const override {
    const auto last = static_cast<std::int64_t>(pairs_.size()) - 1;
    return pairs_[static_cast<std::size_t>(random.integer(0, last))];
  }

 private:
  std::vector<Pair> pairs_;
};

}  // namespace
TERRACE_REGISTER(RequestLengths, SampledLengths, "sampled",
                 "rows of a table (input_tokens,output_tokens), drawn with replacement");
}  // namespace terrace
