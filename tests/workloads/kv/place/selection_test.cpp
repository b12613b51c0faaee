// Placements that choose what a step reads, against their definitions written out slowly.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

using Estimate = std::function<double(std::int64_t layer, std::int64_t kv, std::int64_t now,
                                      std::int64_t token, const RowsView& q, const RowsView& k)>;

// The `count` tokens of the highest estimate (the most over the query heads), newer ones first of
// equals, the newest always.
std::vector<std::int32_t> best(const AttentionTrace& trace, std::int64_t layer, std::int64_t kv,
                               std::int64_t now, std::int64_t count, const Estimate& estimate) {
  const TraceTensors t = trace.layer(layer);
  const std::int64_t g = trace.shape().group();
  std::vector<std::pair<double, std::int32_t>> ranked;
  for (std::int64_t j = 0; j <= now; ++j) {
    double most = j == now ? 1e300 : -1e300;
    for (std::int64_t i = 0; i < g && j < now; ++i)
      most = std::max(most, estimate(layer, kv, now, j, t.q[static_cast<std::size_t>(kv * g + i)],
                                     t.k[static_cast<std::size_t>(kv)]));
    ranked.emplace_back(most, static_cast<std::int32_t>(j));
  }
  std::sort(ranked.rbegin(), ranked.rend());
  std::vector<std::int32_t> read;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, now + 1); ++i)
    read.push_back(ranked[static_cast<std::size_t>(i)].second);
  std::sort(read.begin(), read.end());
  return read;
}

void require_reads(const AttentionTrace& trace, std::int64_t layer, std::int64_t now,
                   const std::vector<float>& output, std::int64_t kv,
                   const std::vector<std::int32_t>& read) {
  const KvShape& s = trace.shape();
  for (std::int64_t i = 0; i < s.group(); ++i) {
    const std::int64_t head = kv * s.group() + i;
    const auto expected = slow_output(trace, layer, head, now, read);
    INFO("layer " << layer << " head " << head << " token " << now);
    for (std::int64_t c = 0; c < s.head_dim; ++c)
      REQUIRE(output[static_cast<std::size_t>(head * s.head_dim + c)] ==
              Approx(expected[static_cast<std::size_t>(c)]).margin(2e-4));
  }
}

double product(const RowsView& q, std::int64_t now, const RowsView& k, std::int64_t token) {
  double sum = 0;
  for (std::int64_t c = 0; c < q.cols; ++c)
    sum += static_cast<double>(q.at(now, c)) * k.at(token, c);
  return sum;
}

double total(const PolicyCache& cache, KvWork work, KvTier tier, bool writes,
             double PlanItem::*what) {
  double sum = 0;
  for (const PlanItem& i : cache.plan())
    if (i.work == work && i.tier == tier && i.writes == writes) sum += i.*what;
  return sum;
}

}  // namespace

TEST_CASE(
    "labels: the tokens that the strongest calibrated channels rank first (Double Sparsity)") {
  const RandomTrace trace(4);
  const KvShape& s = trace.shape();
  std::vector<std::vector<std::int64_t>> strongest;  // by layer and KV head: 4 of 16 channels
  for (std::int64_t l = 0; l < s.layers; ++l)
    for (std::int64_t kv = 0; kv < s.kv_heads; ++kv) {
      const TraceTensors t = trace.layer(l);
      std::vector<std::pair<double, std::int64_t>> weight;
      for (std::int64_t c = 0; c < s.head_dim; ++c) {
        double sum = 0;
        for (std::int64_t i = 0; i < s.group(); ++i)
          for (std::int64_t j = 0; j < trace.tokens(); ++j)
            sum += std::fabs(t.q[static_cast<std::size_t>(kv * s.group() + i)].at(j, c) *
                             t.k[static_cast<std::size_t>(kv)].at(j, c));
        weight.emplace_back(-sum, c);
      }
      std::sort(weight.begin(), weight.end());
      strongest.emplace_back();
      for (int i = 0; i < 4; ++i)
        strongest.back().push_back(weight[static_cast<std::size_t>(i)].second);
    }
  Walk how;
  how.calibration = &trace;
  const Estimate estimate = [&](auto layer, auto kv, auto now, auto token, const RowsView& q,
                                const RowsView& k) {
    double sum = 0;
    for (const std::int64_t c : strongest[static_cast<std::size_t>(layer * s.kv_heads + kv)])
      sum += static_cast<double>(q.at(now, c)) * k.at(token, c);
    return sum;
  };
  walk(policy_of("{place: {kind: label_channels, channels: 0.25, tokens: 12}}"), trace, how,
       [&](const PolicyCache& cache, std::int64_t seen, const auto& outputs) {
         for (std::int64_t l = 0; !outputs.empty() && l < s.layers; ++l)
           for (std::int64_t kv = 0; kv < s.kv_heads; ++kv)
             require_reads(trace, l, seen - 1, outputs[static_cast<std::size_t>(l)], kv,
                           best(trace, l, kv, seen - 1, 12, estimate));
         // 4 numbers of 16 bits for every token and head.
         REQUIRE(cache.bits().labels == 4.0 * 16 * static_cast<double>(seen) * 4);
       });
}

TEST_CASE("layers above one that chooses read what it chose, and it reads all (TidalDecode)") {
  const RandomTrace trace(6, {96, 5, 4, 2, 16, 24, true});
  const Estimate dot_product = [](auto, auto, auto now, auto token, const RowsView& q,
                                  const RowsView& k) { return product(q, now, k, token); };
  walk(policy_of("{place: {kind: position_persistent, choose_at: [1, 3], tokens: 10}}"), trace, {},
       [&](const PolicyCache&, std::int64_t seen, const auto& outputs) {
         std::vector<std::int32_t> all(static_cast<std::size_t>(seen));
         std::iota(all.begin(), all.end(), 0);
         for (std::size_t l = 0; l < outputs.size() && !outputs.empty(); ++l)
           for (std::int64_t kv = 0; kv < 2; ++kv)
             require_reads(trace, static_cast<std::int64_t>(l), seen - 1, outputs[l], kv,
                           l == 2 || l == 4 ? best(trace, static_cast<std::int64_t>(l) - 1, kv,
                                                   seen - 1, 10, dot_product)
                                            : all);
       });
}

TEST_CASE("150 tables of 10 bits draw 0.968 % of keys at a right angle (MagicPIG)") {
  // 1 - (1 - 2^-10)^150 - 150 2^-10 (1 - 2^-10)^149.
  const double hit = 1.0 / 1024;
  const double drawn = 1 - std::pow(1 - hit, 150) - 150 * hit * std::pow(1 - hit, 149);
  REQUIRE(drawn == Approx(0.00968).epsilon(1e-3));
  const RandomTrace trace(7);
  double tables = 0;
  walk(policy_of("{place: {kind: lsh_sampling, bits: 10, share: 0.00968, recent: 16}}"), trace, {},
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         if (tables > 0) return;
         // Each of the 64 prompt tokens puts 4 bytes into every table of 4 heads.
         tables = total(cache, KvWork::select, KvTier::lower, true, &PlanItem::bytes) / 4 / 64 / 4;
       });
  REQUIRE(tables == 150);
}

TEST_CASE("sampling by hash tables is right on average: many tables give full attention back") {
  // The estimate's mean over seeds comes near the full output; its error falls as tables grow.
  const RandomTrace trace(8, {80, 1, 2, 2, 16, 16, true});
  const auto error = [&](const std::string& share) {
    double sum = 0, norm = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Walk how;
      how.steps = 4;
      how.seed = seed;
      walk(policy_of("{place: {kind: lsh_sampling, bits: 4, sinks: 0, recent: 1, share: " + share +
                     "}}"),
           trace, how, [&](const PolicyCache&, std::int64_t seen, const auto& outputs) {
             if (outputs.empty()) return;
             std::vector<std::int32_t> all(static_cast<std::size_t>(seen));
             std::iota(all.begin(), all.end(), 0);
             for (std::int64_t h = 0; h < 2; ++h) {
               const auto full = slow_output(trace, 0, h, seen - 1, all);
               for (std::int64_t c = 0; c < 16; ++c) {
                 const double x = full[static_cast<std::size_t>(c)];
                 const double d = outputs[0][static_cast<std::size_t>(h * 16 + c)] - x;
                 sum += d * d;
                 norm += x * x;
               }
             }
           });
    }
    return std::sqrt(sum / norm);
  };
  const double few = error("0.1"), many = error("0.9");
  INFO("relative error " << few << " at 10 %, " << many << " at 90 %");
  REQUIRE(many < 0.1);
  REQUIRE(many < few);
}

TEST_CASE("coarse clusters that look unlike the query are dropped before fine ones (MPCache)") {
  const RandomTrace trace(9, {96, 2, 4, 2, 16, 24, true});
  const auto likeness = [&](const RowsView& q, std::int64_t now, const RowsView& k,
                            std::int64_t token, std::int64_t size) {
    double sum = 0;
    const std::int64_t first = token / size * size, end = std::min(now + 1, first + size);
    for (std::int64_t c = 0; c < q.cols; ++c) {
      double low = 1e300, high = -1e300;
      for (std::int64_t j = first; j < end; ++j) {
        low = std::min<double>(low, k.at(j, c));
        high = std::max<double>(high, k.at(j, c));
      }
      sum += q.at(now, c) * (0.6 * high + 0.4 * low);
    }
    return sum;
  };
  walk(policy_of("{place: {kind: hierarchy, coarse: 8, fine: 4, coarse_share: 0.5, tokens: 16}}"),
       trace, {}, [&](const PolicyCache&, std::int64_t seen, const auto& outputs) {
         if (outputs.empty()) return;
         const std::int64_t now = seen - 1, clusters = (seen + 7) / 8;
         const TraceTensors t = trace.layer(0);
         for (std::int64_t kv = 0; kv < 2; ++kv) {
           std::vector<std::pair<double, std::int64_t>> coarse;
           for (std::int64_t c = 0; c < clusters; ++c) {
             double most = -1e300;
             for (std::int64_t i = 0; i < 2; ++i)
               most = std::max(most, likeness(t.q[static_cast<std::size_t>(kv * 2 + i)], now,
                                              t.k[static_cast<std::size_t>(kv)], c * 8, 8));
             coarse.emplace_back(-most, c);
           }
           std::sort(coarse.begin(), coarse.end());
           std::vector<bool> in(static_cast<std::size_t>(clusters), false);
           for (std::int64_t c = 0; c < clusters / 2; ++c)
             in[static_cast<std::size_t>(coarse[static_cast<std::size_t>(c)].second)] = true;
           const Estimate estimate = [&](auto, auto, auto at, auto token, const RowsView& q,
                                         const RowsView& k) {
             return in[static_cast<std::size_t>(token / 8)] ? likeness(q, at, k, token, 4) : -1e200;
           };
           const auto read = best(trace, 0, kv, now, 16, estimate);
           require_reads(trace, 0, now, outputs[0], kv, read);
           require_reads(trace, 1, now, outputs[1], kv, read);  // follows the layer below
         }
       });
}

TEST_CASE("blocks of queries read a share of what they see in prefill too (DHSA)") {
  const RandomTrace trace(10, {128, 2, 4, 2, 16, 24, true});
  QualityOptions o;
  o.prompt = 96;
  const auto flops = [&](const char* yaml) {
    return measure_quality(policy_of(yaml), trace, o)
        .prefill_work[static_cast<std::size_t>(KvWork::attend) * 4]
        .flops;
  };
  const double all = flops("{}"), some = flops("{place: {kind: dynamic_chunks, share: 0.25}}");
  REQUIRE(some ==
          Approx(all * 24 / 48).epsilon(0.02));  // 24 of the 48 that a query sees on average
  require_sound(policy_of("{place: {kind: dynamic_chunks, share: 0.25}}"), trace);
}

}  // namespace terrace
