// Page selection against its definition, and what a step then reads.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"

namespace terrace {

TEST_CASE("a step reads the pages with the highest bound on a logit, and its own (Quest)") {
  const RandomTrace trace(3);
  const KvShape& s = trace.shape();
  const KvPolicy policy = policy_of("{place: {kind: pages, page: 8, tokens: 24}}");
  walk(policy, trace, {}, [&](const PolicyCache&, std::int64_t seen, const auto& outputs) {
    for (std::size_t l = 0; l < outputs.size(); ++l) {
      const TraceTensors t = trace.layer(static_cast<std::int64_t>(l));
      for (std::int64_t kv = 0; kv < s.kv_heads; ++kv) {
        const RowsView& k = t.k[static_cast<std::size_t>(kv)];
        const std::int64_t now = seen - 1, pages = (seen + 7) / 8;
        std::vector<std::pair<double, std::int64_t>> ranked;
        for (std::int64_t p = 0; p < pages; ++p) {
          double most = -1e300;
          for (std::int64_t i = 0; i < s.group(); ++i) {
            double bound = 0;
            for (std::int64_t c = 0; c < s.head_dim; ++c) {
              const double q = t.q[static_cast<std::size_t>(kv * s.group() + i)].at(now, c);
              double low = 1e300, high = -1e300;
              for (std::int64_t j = p * 8; j < std::min(seen, (p + 1) * 8); ++j) {
                low = std::min<double>(low, k.at(j, c));
                high = std::max<double>(high, k.at(j, c));
              }
              bound += std::max(q * low, q * high);
            }
            most = std::max(most, bound);
          }
          ranked.emplace_back(p + 1 == pages ? 1e300 : most, p);
        }
        std::sort(ranked.rbegin(), ranked.rend());
        std::vector<std::int32_t> read;
        for (std::size_t i = 0; i < 3; ++i)
          for (std::int64_t j = ranked[i].second * 8;
               j < std::min(seen, (ranked[i].second + 1) * 8); ++j)
            read.push_back(static_cast<std::int32_t>(j));
        std::sort(read.begin(), read.end());
        for (std::int64_t i = 0; i < s.group(); ++i) {
          const std::int64_t head = kv * s.group() + i;
          const auto expected = slow_output(trace, static_cast<std::int64_t>(l), head, now, read);
          for (std::int64_t c = 0; c < s.head_dim; ++c)
            REQUIRE(outputs[l][static_cast<std::size_t>(head * s.head_dim + c)] ==
                    Approx(expected[static_cast<std::size_t>(c)]).margin(1e-4));
        }
      }
    }
  });
}

TEST_CASE("selected pages are read in whole runs, after a scan of two keys for each page") {
  const RandomTrace trace(3);
  const KvPolicy policy = policy_of("{place: {kind: pages, page: 8, tokens: 24}, page: 8}");
  QualityOptions options;
  options.prompt = 88;
  const TraceQuality q = measure_quality(policy, trace, options);
  const double heads = 2 * 2, head_bytes = 16 * 2;
  double labels = 0, tokens = 0;
  for (std::int64_t seen = 89; seen <= 96; ++seen) {
    labels += heads * static_cast<double>((seen + 7) / 8) * 2 * head_bytes;
    const std::int64_t own = seen % 8 == 0 ? 8 : seen % 8;  // of the page being filled
    tokens += heads * static_cast<double>(16 + own);
  }
  const auto at = [&](KvWork work) { return q.decode_work[static_cast<std::size_t>(work) * 4]; };
  REQUIRE(at(KvWork::select).bytes == Approx(labels));
  REQUIRE(at(KvWork::attend).bytes == Approx(tokens * 2 * head_bytes));
  REQUIRE(at(KvWork::attend).runs == Approx(8 * heads * 3 * 2));  // three pages of keys, of values
  REQUIRE(q.bits.labels / 8 == Approx(heads * 12 * 2 * head_bytes));
}

}  // namespace terrace
