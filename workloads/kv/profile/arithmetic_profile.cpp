// A policy that does the same on two texts drawn at random needs no text.
#include <algorithm>
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/profile/measure_profile.h"

namespace terrace {
namespace {

// Normal numbers in place of a model's.
class DrawnText final : public AttentionTrace {
 public:
  DrawnText(std::int64_t kv_heads, std::int64_t heads, std::int64_t dim, std::int64_t tokens,
            std::uint64_t seed)
      : tokens_(tokens) {
    shape_.layers = 4;
    shape_.heads = heads;
    shape_.kv_heads = kv_heads;
    shape_.head_dim = dim;
    shape_.context = tokens;
    shape_.scale = 1 / std::sqrt(static_cast<float>(dim));
    std::vector<double> turns;
    for (std::int64_t c = 0; c < dim; c += 2)
      turns.push_back(std::pow(1e4, -static_cast<double>(c) / static_cast<double>(dim)));
    shape_.rope = Rope(Rope::Pairing::halves, turns);
    RandomStream random(seed, "drawn text");
    data_.resize(static_cast<std::size_t>(shape_.layers * (heads + 2 * kv_heads) * tokens * dim));
    for (float& x : data_) x = static_cast<float>(random.normal());
  }
  const KvShape& shape() const override { return shape_; }
  std::int64_t tokens() const override { return tokens_; }
  TraceTensors layer(std::int64_t layer) const override {
    const std::int64_t each = tokens_ * shape_.head_dim;
    const float* next = data_.data() + layer * (shape_.heads + 2 * shape_.kv_heads) * each;
    TraceTensors t;
    const auto take = [&](std::vector<RowsView>& to, std::int64_t count) {
      for (std::int64_t h = 0; h < count; ++h, next += each)
        to.emplace_back(next, tokens_, shape_.head_dim, shape_.head_dim);
    };
    take(t.q, shape_.heads);
    take(t.k, shape_.kv_heads);
    take(t.v, shape_.kv_heads);
    return t;
  }

 private:
  KvShape shape_;
  std::int64_t tokens_;
  std::vector<float> data_;
};

// How many entries a compaction moves depends on which stay; it is at most all, and is not held
// against the policy.
bool same(const std::vector<KvFlow>& all_a, const std::vector<KvFlow>& all_b) {
  const auto but_moves = [](std::vector<KvFlow> flows) {
    flows.erase(std::remove_if(flows.begin(), flows.end(),
                               [](const KvFlow& f) { return f.work == KvWork::compact; }),
                flows.end());
    return flows;
  };
  const std::vector<KvFlow> a = but_moves(all_a), b = but_moves(all_b);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const KvFlow& x, const KvFlow& y) {
    return x.work == y.work && x.tier == y.tier && x.writes == y.writes && x.vectors == y.vectors &&
           x.runs == y.runs && x.flops == y.flops;
  });
}

bool same(const KvBand& a, const KvBand& b) {
  return a.kept == b.kept && a.held == b.held && a.lower == b.lower && same(a.decode, b.decode) &&
         same(a.prefill, b.prefill);
}

}  // namespace

KvProfile arithmetic_profile(const KvPolicy& policy, std::int64_t kv_heads, std::int64_t heads,
                             std::int64_t head_dim, const ProfileOptions& options) {
  constexpr std::int64_t too_long = 6144;  // the largest takes some ten seconds
  const std::int64_t tokens =
      std::max(options.tokens, tokens_to_see(policy, options) - options.steps);
  if (tokens > too_long)
    throw BuildError("trace", "so large a budget shows on long texts alone: name a captured trace");
  KvProfile profiles[2];
  for (std::uint64_t i = 0; i < 2; ++i) {
    const DrawnText text(kv_heads, heads, head_dim, tokens + options.steps, i + 1);
    profiles[i] = measure_profile(policy, text, "arithmetic", options);
  }
  const auto& bands = profiles[1].bands;
  if (!std::equal(profiles[0].bands.begin(), profiles[0].bands.end(), bands.begin(), bands.end(),
                  [](const KvBand& a, const KvBand& b) { return same(a, b); }))
    throw BuildError("trace", "what this policy reads depends on the text: name a captured trace");
  if (std::all_of(bands.begin(), bands.end(),
                  [&](const KvBand& b) { return same(b, bands.front()); }))
    profiles[0].bands.resize(1);
  return profiles[0];
}

}  // namespace terrace
