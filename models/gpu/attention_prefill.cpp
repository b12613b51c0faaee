// Attention of many query tokens a sequence, alone or in one launch with decoding sequences.
// Source: FlashAttention-2's grid (Dao 2023): a block per query tile, head and sequence walks the
// keys it may see; in a launch of mixed lengths grouped heads are not packed, so that each decoding
// sequence costs a tile per query head. Constants fitted to aiconfigurator's vLLM tables.
// State: none. A launch is described by sums: sequences count as equal, and the pairs really scored
// scale the work (unequal lengths, windows).
#include "models/gpu/attention.h"
#include "models/gpu/kernel_time.h"

namespace terrace {
namespace {

double round_up(double value, double unit) { return whole_above(value / unit) * unit; }

class AttentionPrefill final : public Kernel {
 public:
  explicit AttentionPrefill(const GpuParams& gpu) : gpu_(gpu) {}

  KernelTime time(const Op& op, const Traffic& traffic) const override {
    const AttentionConstants& c = gpu_.kernels.attention;
    const AttentionShape& a = op.attention;
    const PairTime pair(gpu_, op);
    const double sm = gpu_.multiprocessors,
                 bytes = (a.head_dim + a.value_dim) * bytes_of(a.kv_format);

    double blocks = 0, keys = 0, pairs = 0, longest = 0;  // of all blocks; longest: pairs of one
    const double prefills = a.sequences - a.decode_sequences;
    if (prefills > 0) {
      const double s = (a.query_tokens - a.decode_sequences) / prefills;
      const double kv = (a.kv_tokens - a.decode_kv_tokens) / prefills;
      const double rows = std::min<double>(c.query_tile, round_up(s, 16));
      const double step = std::min<double>(c.key_tile, round_up(kv, 16));
      const double most = round_up(kv, step);
      const double first = std::min(round_up(kv - s + rows, step), most);
      const double causal = s * (kv - s) + s * (s + 1) / 2;
      const double scored = std::max(a.pairs - a.decode_kv_tokens, 0.0) / (prefills * causal);
      blocks = prefills * whole_above(s / rows) * a.q_heads;
      keys = blocks * (first + most) / 2 * scored;
      pairs = keys * rows;
      longest = std::max(most, round_up(a.longest_kv, step)) * std::min(scored, 1.0) * rows;
    }
    if (a.decode_sequences > 0) {
      const double own = a.q_heads * a.decode_kv_tokens;
      blocks += a.decode_sequences * a.q_heads;
      keys += own;
      pairs += own * c.decode_tile;
      const double kv = prefills > 0 ? a.decode_kv_tokens / a.decode_sequences : a.longest_kv;
      longest = std::max(longest, kv * c.decode_tile);
    }
    if (!(blocks > 0)) return {};

    const double wave = c.prefill_block.value(), alone = longest * pair.seconds;
    const double compute = blocks <= sm
                               ? alone + wave
                               : std::max(alone, pairs * pair.seconds / sm + c.tail * alone) +
                                     whole_above(blocks / (sm * c.blocks)) * wave;
    // Before it, a kernel of the same op moves the new keys and values into the cache: read, write.
    // What that takes from the memory is among the op's own accesses.
    const double entries = 2 * a.query_tokens * a.kv_heads * bytes;
    const double write = entries <= gpu_.l2.resident.value()
                             ? entries / gpu_.l2.bandwidth.value()
                             : entries / gpu_.memory.stream.value() / c.memory_efficiency;
    const double l2_bytes = keys * bytes + traffic.bytes;
    KernelTime t;
    t.work_of(Station::tensor) = op.flops;
    t.busy_of(Station::tensor) = pairs * pair.tensor / sm;
    t.work_of(Station::vector) = pairs * c.vector_work;
    t.busy_of(Station::vector) = pairs * pair.vector / sm;
    t.work_of(Station::l2) = l2_bytes;
    t.busy_of(Station::l2) = l2_bytes / gpu_.l2.bandwidth.value();
    t.work_of(Station::memory) = traffic.missed;
    t.busy_of(Station::memory) = traffic.missed_seconds / c.memory_efficiency;
    const double memory = t.busy_of(Station::memory), cache = t.busy_of(Station::l2);
    t.latency = c.prefill_fixed.value();
    t.body = std::max({compute, memory, cache}) + write;
    t.work_of(Station::l2) += entries;
    t.busy_of(Station::l2) += entries / gpu_.l2.bandwidth.value();
    t.bound = compute >= std::max(memory, cache)
                  ? (pair.tensor >= pair.vector ? Station::tensor : Station::vector)
                  : (memory >= cache ? Station::memory : Station::l2);
    return t;
  }

 private:
  const GpuParams& gpu_;
};

}  // namespace

std::unique_ptr<Kernel> make_attention_prefill(const GpuParams& params) {
  return std::make_unique<AttentionPrefill>(params);
}

}  // namespace terrace
