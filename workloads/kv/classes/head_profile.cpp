// Attention of a few queries of a captured text, head by head.
#include "workloads/kv/classes/head_profile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/attention_kernel.h"

namespace terrace {
namespace {

// Sums over tokens that pass: mass of exp(logit - most) and its weighted values.
struct Partial {
  double mass = 0;
  std::vector<double> out;
  void add(double w, const float* v) {
    mass += w;
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += w * static_cast<double>(v[c]);
  }
};

}  // namespace

std::vector<HeadProfile> profile_heads(const AttentionTrace& trace, std::int64_t sinks,
                                       std::int64_t recent, std::int64_t period,
                                       std::int64_t queries) {
  const KvShape& s = trace.shape();
  const std::int64_t tokens = trace.tokens(), half = tokens / 2;
  queries = std::clamp<std::int64_t>(tokens - half, 1, queries);
  std::vector<HeadProfile> all(static_cast<std::size_t>(s.layers * s.kv_heads));
  for (std::int64_t l = 0; l < s.layers; ++l) {
    const TraceTensors t = trace.layer(l);
    for (std::int64_t h = 0; h < s.heads; ++h) {
      const RowsView &q = t.q[static_cast<std::size_t>(h)],
                     &k = t.k[static_cast<std::size_t>(s.kv_head(h))],
                     &v = t.v[static_cast<std::size_t>(s.kv_head(h))];
      HeadProfile& p = all[static_cast<std::size_t>(l * s.kv_heads + s.kv_head(h))];
      double difference = 0, reference = 0;
      for (std::int64_t i = 0; i < queries; ++i) {
        const std::int64_t at = tokens - 1 - i * (tokens - half) / queries;
        std::vector<double> logits;
        for (std::int64_t j = 0; j <= at; ++j)
          logits.push_back(static_cast<double>(s.scale) * dot(q.row(at), k.row(j), s.head_dim));
        const double most = *std::max_element(logits.begin(), logits.end());
        Partial full, near;
        full.out.assign(static_cast<std::size_t>(s.head_dim), 0.0);
        near.out = full.out;
        double echo = 0;
        for (std::int64_t j = 0; j <= at; ++j) {
          const double w = std::exp(logits[static_cast<std::size_t>(j)] - most);
          full.add(w, v.row(j));
          if (j < sinks || j > at - recent) near.add(w, v.row(j));
          if (period > 0 && (j == at - period || j == at - period + 1)) echo += w;
        }
        const double share = 1.0 / static_cast<double>(queries * s.group());
        p.far += share * (1 - near.mass / full.mass);
        p.echo += share * echo / full.mass;
        for (std::size_t c = 0; c < full.out.size(); ++c) {
          const double y = full.out[c] / full.mass;
          const double d = y - (near.mass > 0 ? near.out[c] / near.mass : 0);
          difference += d * d;
          reference += y * y;
        }
      }
      p.error += reference > 0 ? difference / reference / static_cast<double>(s.group()) : 0;
    }
  }
  return all;
}

std::vector<std::uint8_t> first_heads(const std::vector<double>& measure, double share) {
  std::vector<std::size_t> order(measure.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return measure[a] > measure[b]; });
  const auto count =
      static_cast<std::size_t>(std::ceil(share * static_cast<double>(measure.size()) - 1e-9));
  std::vector<std::uint8_t> first(measure.size(), 0);
  for (std::size_t i = 0; i < count; ++i) first[order[i]] = 1;
  return first;
}

}  // namespace terrace
