// The key whose hash differs most from the query's goes: signs of random projections stand for
// angles, so that no attention need be computed.
// Source: Liu et al., "HashEvict: a pre-attention KV cache eviction strategy using
// locality-sensitive hashing", arXiv 2412.16187. With grouped queries the distances to the query
// heads' hashes are added. The paper evicts before the step's attention; here the step still sees
// the entry that goes, so that one entry more is read and the same set is left.
// State: `bits` bits per entry.
#include "sim/random.h"
#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class HashDistance final : public KvScore {
 public:
  struct Params {
    std::int64_t bits = 16;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "random projections, one bit of hash each").between(1, 64);
    }
  };
  HashDistance(const Params& params, const Context& context)
      : bits_(params.bits), dim_(context.shape.head_dim) {
    RandomStream stream(context.seed, "score.hash_distance");
    for (std::int64_t i = 0; i < bits_ * dim_; ++i)
      projections_.push_back(static_cast<float>(stream.normal()));
  }

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = static_cast<double>(bits_);
    c.flops_per_entry = 2;  // exclusive or, count of ones
    return c;
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) hashes_.push_back(hash(chunk.k.row(t)));
    if (static_cast<std::int64_t>(hashes_.size()) != cache.size())
      throw std::logic_error("a hash for every entry");
    queries_.clear();  // of the last token
    for (std::int64_t i = 0; i < chunk.group; ++i)
      queries_.push_back(hash(chunk.q.row((chunk.tokens - 1) * chunk.group + i)));
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) {
      int distance = 0;
      for (const std::uint64_t q : queries_)
        distance += __builtin_popcountll(q ^ hashes_[static_cast<std::size_t>(i)]);
      out[i] = static_cast<float>(-distance);
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    for (std::size_t i = 0; i < slots.size(); ++i)
      hashes_[i] = hashes_[static_cast<std::size_t>(slots[i])];
    hashes_.resize(slots.size());
  }

 private:
  std::uint64_t hash(const float* row) const {
    std::uint64_t h = 0;
    for (std::int64_t b = 0; b < bits_; ++b)
      if (dot(row, projections_.data() + b * dim_, dim_) > 0) h |= std::uint64_t{1} << b;
    return h;
  }

  std::int64_t bits_, dim_;
  std::vector<float> projections_;
  std::vector<std::uint64_t> hashes_, queries_;
};
TERRACE_REGISTER(KvScore, HashDistance, "hash_distance",
                 "the key whose hash is farthest from the query's goes (HashEvict)");

}  // namespace
}  // namespace terrace
