// The lengths of a histogram file: CSV with columns tokens,count, one row per length.
// Source: whatever the file was counted from.
// State: the lengths in order with their cumulative shares.
#include <algorithm>

#include "sim/registry.h"
#include "workloads/requests/lengths/length_distribution.h"
#include "workloads/requests/trace/csv_reader.h"
#include "workloads/requests/trace/numbers.h"

namespace terrace {
namespace {

class EmpiricalLength final : public LengthDistribution {
 public:
  struct Params {
    FilePath file;
    static void fields(Schema<Params>& s) {
      s.field("file", &Params::file, "CSV with columns tokens,count").required().not_empty();
    }
  };
  EmpiricalLength(const Params& params, const Context&) {
    TraceText text(params.file);
    CsvReader csv(text, {{"tokens"}, {"count"}}, {});
    std::vector<std::pair<std::int64_t, double>> bins;
    double total = 0;
    std::string why;
    while (csv.next()) {
      std::int64_t tokens = 0;
      double count = 0;
      bool good = csv.count(0, 1, 1'000'000'000, tokens);
      if (!parse_decimal(csv.cell(1), count, why)) {
        csv.fail(1, why);
      } else if (count < 0) {
        csv.fail(1, std::string(csv.cell(1)) + " is negative");
      } else if (good && count > 0) {
        bins.emplace_back(tokens, count);
        total += count;
      }
    }
    if (!text.failed() && bins.empty()) text.fail(std::size_t{0}, "count", "nothing is counted");
    text.raise();
    std::sort(bins.begin(), bins.end());
    double below = 0;
    for (const auto& [tokens, count] : bins) {
      below += count;
      tokens_.push_back(tokens);
      shares_.push_back(below / total);
    }
  }
  std::int64_t quantile(double u) const override {
    const auto at = std::lower_bound(shares_.begin(), shares_.end() - 1, u);
    return tokens_[static_cast<std::size_t>(at - shares_.begin())];
  }

 private:
  std::vector<std::int64_t> tokens_;
  std::vector<double> shares_;  // of lengths up to this one
};

}  // namespace
TERRACE_REGISTER(LengthDistribution, EmpiricalLength, "empirical",
                 "the lengths of a histogram file (tokens,count)");
}  // namespace terrace
