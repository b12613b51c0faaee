// Scores that belong to a budget or a way to merge: CAKE's, EMS's and ZipCache's, written out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "sim/random.h"
#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

// The prompt of the walk has 64 tokens.
struct LiteralShift final : LiteralScore {
  std::map<std::int32_t, std::vector<double>> rows;  // by position: of the last 16 queries
  void attended(std::int64_t query, bool prefill, const std::vector<std::int32_t>& positions,
                const std::vector<double>& p) override {
    if (!prefill || query < 64 - 16) return;
    for (std::int32_t at = 0; at < 64; ++at) {
      const auto i = static_cast<std::size_t>(at);
      rows[at].push_back(i < positions.size() ? p[i] : 0);
    }
  }
  double indicator(std::int32_t position) {
    if (position >= 64) return 0;
    double mean = 0, variance = 0;
    for (const double x : rows[position]) mean += x / 16;
    for (const double x : rows[position]) variance += (x - mean) * (x - mean) / 15;
    return mean + 50 * variance;
  }
  double score(std::int32_t position, const std::vector<std::int32_t>& kept) override {
    if (position >= 64) return 1e30;
    const auto i = std::find(kept.begin(), kept.end(), position) - kept.begin();
    double sum = 0;
    for (std::ptrdiff_t j = i - 2; j <= i + 2; ++j)
      if (j >= 0 && j < static_cast<std::ptrdiff_t>(kept.size()))
        sum += indicator(kept[static_cast<std::size_t>(j)]);
    return sum / 5;
  }
};

struct LiteralGlobalLocal final : LiteralScore {
  std::map<std::int32_t, double> global, local;
  void attended(std::int64_t query, bool prefill, const std::vector<std::int32_t>& positions,
                const std::vector<double>& p) override {
    for (std::size_t i = 0; i < positions.size(); ++i) {
      global[positions[i]] += p[i];
      if (!prefill || query >= 64 - 8) local[positions[i]] += p[i];
    }
  }
  double score(std::int32_t position, const std::vector<std::int32_t>& kept) override {
    double all = 0, last = 0;
    for (const std::int32_t at : kept) all += global[at], last += local[at];
    return std::max(local[position], global[position] * last / all);
  }
};

struct LiteralProbes final : LiteralScore {
  std::uint64_t seed = 0;
  std::map<std::int32_t, double> sum, seen;
  void attended(std::int64_t query, bool prefill, const std::vector<std::int32_t>& positions,
                const std::vector<double>& p) override {
    const double lot = static_cast<double>(mix_bits(seed, static_cast<std::uint64_t>(query))) /
                       18446744073709551616.0;
    if (prefill && query < 64 - 6 && lot >= 0.2) return;  // a tenth of 64 is 6
    for (std::size_t i = 0; i < positions.size(); ++i) {
      sum[positions[i]] += p[i];
      seen[positions[i]] += 1;
    }
  }
  double score(std::int32_t position, const std::vector<std::int32_t>&) override {
    return seen[position] > 0 ? sum[position] / seen[position] : 0;
  }
};

}  // namespace

TEST_CASE("CAKE's indicator is the mean and gamma times the variance of the last queries") {
  require_literal_eviction(
      "{score: {kind: mean_and_shift, window: 16, kernel: 5, gamma: 50}, budget: {kind: uniform, "
      "tokens: 24}}",
      RandomTrace(71), [](auto, auto) { return std::make_unique<LiteralShift>(); });
}

TEST_CASE("EMS's score is the larger of local attention and global attention brought to its mean") {
  require_literal_eviction(
      "{score: {kind: global_local, window: 8}, budget: {kind: uniform, tokens: 24}}",
      RandomTrace(72), [](auto, auto) { return std::make_unique<LiteralGlobalLocal>(); });
}

TEST_CASE("ZipCache's saliency is the mean attention of the probes that see a token") {
  require_literal_eviction(
      "{score: {kind: probe_saliency, recent: 0.1, random: 0.2}, budget: {kind: uniform, tokens: "
      "24}}",
      RandomTrace(73), [](std::int64_t layer, std::int64_t head) {
        auto literal = std::make_unique<LiteralProbes>();
        const auto place = static_cast<std::uint64_t>(layer * 2 + head);
        literal->seed = mix_bits(mix_bits(7, place), 3);  // a score's stream; the walk's seed is 7
        return literal;
      });
}

}  // namespace terrace
