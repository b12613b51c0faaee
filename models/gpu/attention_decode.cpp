// Attention of one query token (or a few) a sequence: a pass over the KV cache, split along the
// keys until the multiprocessors are busy.
// Source: FlashAttention-2's split-KV kernel (Flash-Decoding): grouped heads packed into one tile,
// number of splits by wave efficiency. Constants fitted to aiconfigurator's vLLM tables.
// State: the splits chosen so far, by blocks and key tiles.
#include <unordered_map>

#include "models/gpu/attention.h"
#include "models/gpu/kernel_time.h"

namespace terrace {
namespace {

class AttentionDecode final : public Kernel {
 public:
  explicit AttentionDecode(const GpuParams& gpu) : gpu_(gpu) {}

  KernelTime time(const Op& op, const Traffic& traffic) const override {
    const AttentionConstants& c = gpu_.kernels.attention;
    const AttentionShape& a = op.attention;
    if (!(a.sequences > 0 && a.kv_heads > 0 && a.kv_tokens > 0)) return {};
    const PairTime pair(gpu_, op);
    const double sm = gpu_.multiprocessors, l2 = gpu_.l2.bandwidth.value();
    const double queries = std::max(1.0, a.query_tokens / a.sequences);
    const double tiles = whole_above(queries * a.q_heads / a.kv_heads / c.decode_tile);
    const double whole = a.sequences * a.kv_heads * tiles;
    const double mean = a.kv_tokens / a.sequences, longest = std::max(mean, a.longest_kv);
    const double steps = whole_above(longest / c.split_keys);
    const double split = splits(whole, steps), blocks = whole * split;
    const double keys = whole_above(whole_above(mean / c.split_keys) / split) * c.split_keys;
    const double most = whole_above(steps / split) * c.split_keys;
    const double waves = whole_above(blocks / sm);
    const double compute = std::max(most, waves * keys) * c.decode_tile * pair.seconds;

    const Seconds unloaded = traffic.missed > 0 ? gpu_.memory.latency : gpu_.l2.latency;
    const double in_flight =
        std::min(64 * (a.head_dim + a.value_dim) * bytes_of(a.kv_format), 64e3);
    const double feed = in_flight / (unloaded.value() * c.latency_factor);
    const double l2_bytes = traffic.bytes * tiles;
    double memory = 0, streaming = 0;
    if (traffic.missed > 0) {
      streaming = traffic.missed_seconds / c.memory_efficiency;
      memory = traffic.missed / drawn_rate(traffic.missed / streaming, blocks, sm, feed);
    }
    const double cache = l2_bytes > 0 ? l2_bytes / drawn_rate(l2, blocks, sm, feed) : 0;
    const double wave = c.decode_block.value(), busy = compute + (waves - 1) * wave;

    const double padded = blocks * keys * c.decode_tile;
    KernelTime t;
    t.latency = c.decode_fixed.value() + (split > 1 ? c.combine.value() : 0) + wave;
    t.body = std::max({busy, memory, cache});
    t.work_of(Station::tensor) = op.flops;
    t.busy_of(Station::tensor) = std::min(t.body, padded * pair.tensor / sm);
    t.work_of(Station::vector) = padded * c.vector_work;
    t.busy_of(Station::vector) = std::min(t.body, padded * pair.vector / sm);
    t.work_of(Station::l2) = l2_bytes;
    t.busy_of(Station::l2) = l2_bytes / l2;
    t.work_of(Station::memory) = traffic.missed;
    t.busy_of(Station::memory) = streaming;
    t.bound = busy >= std::max(memory, cache)
                  ? (pair.tensor >= pair.vector ? Station::tensor : Station::vector)
                  : (memory >= cache ? Station::memory : Station::l2);
    return t;
  }

 private:
  // The smallest split within 15 % of the best wave efficiency; none when the sequences alone fill
  // four fifths of the GPU (FlashAttention's num_splits_heuristic).
  double splits(double whole, double steps) const {
    const double sm = gpu_.multiprocessors;
    if (whole >= 0.8 * sm) return 1;
    const double limit = std::min<double>(steps, gpu_.kernels.attention.most_splits);
    if (limit <= 1) return 1;
    const auto key = static_cast<std::uint64_t>(whole) << 32 | static_cast<std::uint64_t>(steps);
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    const auto efficiency = [&](double s) {
      if (s > 1 && whole_above(steps / s) == whole_above(steps / (s - 1)))
        return 0.0;  // no shorter
      const double waves = whole * s / sm;
      return waves / whole_above(waves);
    };
    double best = 0;
    for (double s = 1; s <= limit; ++s) best = std::max(best, efficiency(s));
    double chosen = 1;
    while (efficiency(chosen) < 0.85 * best) ++chosen;
    return known_[key] = chosen;
  }

  const GpuParams& gpu_;
  mutable std::unordered_map<std::uint64_t, double> known_;
};

}  // namespace

std::unique_ptr<Kernel> make_attention_decode(const GpuParams& params) {
  return std::make_unique<AttentionDecode>(params);
}

}  // namespace terrace
