// Merging against a literal merge, entry by entry.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

struct Entry {
  std::int32_t position;
  std::vector<double> k, v;
  double count = 1;
};

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("what must go joins the kept token whose key is most alike, weighted by token counts") {
  const RandomTrace trace(5);
  const double threshold = 0.2;
  const KvPolicy policy = policy_of(
      "{score: recency, budget: {kind: uniform, tokens: 20}, protect: {sinks: 2, recent: 3}, "
      "compact: {kind: nearest_merge, threshold: 0.2, compensate: true}}");
  // Recency: sinks stay, then the oldest goes. One head, literally.
  const TraceTensors t = trace.layer(0);
  std::vector<Entry> entries;
  std::int64_t done = 0, merged = 0;
  walk(policy, trace, {}, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    for (; done < seen; ++done) {
      Entry e;
      e.position = static_cast<std::int32_t>(done);
      e.k.assign(t.k[0].row(done), t.k[0].row(done) + 16);
      e.v.assign(t.v[0].row(done), t.v[0].row(done) + 16);
      entries.push_back(e);
    }
    const std::size_t go = entries.size() - 20;
    const std::vector<Entry> before = entries;
    for (std::size_t g = 2; g < 2 + go; ++g) {
      std::size_t best = 0;
      double most = threshold;
      for (std::size_t s = 2 + go; s < before.size() && before[s].position < seen - 3; ++s)
        if (const double like = cosine(before[g].k, before[s].k); like >= most) {
          most = like;
          best = s;
        }
      if (best == 0) continue;
      ++merged;
      Entry& e = entries[best];
      for (std::size_t c = 0; c < 16; ++c) {
        e.k[c] =
            (e.count * e.k[c] + before[g].count * before[g].k[c]) / (e.count + before[g].count);
        e.v[c] =
            (e.count * e.v[c] + before[g].count * before[g].v[c]) / (e.count + before[g].count);
      }
      e.count += before[g].count;
    }
    entries.erase(entries.begin() + 2, entries.begin() + 2 + static_cast<std::ptrdiff_t>(go));
    const HeadCache& head = cache.head(0, 0);
    REQUIRE(head.size() == static_cast<std::int64_t>(entries.size()));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto slot = static_cast<std::int64_t>(i);
      REQUIRE(head.positions()[i] == entries[i].position);
      REQUIRE(head.log_weights()[i] == Approx(std::log(entries[i].count)).margin(1e-6));
      for (std::int64_t c = 0; c < 16; ++c) {
        REQUIRE(head.keys().at(slot, c) ==
                Approx(entries[i].k[static_cast<std::size_t>(c)]).margin(1e-4));
        REQUIRE(head.values().at(slot, c) ==
                Approx(entries[i].v[static_cast<std::size_t>(c)]).margin(1e-4));
      }
    }
  });
  REQUIRE(merged > 5);
}

}  // namespace terrace
