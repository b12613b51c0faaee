// What a policy does to attention on a captured text: its error, the attention it keeps, what it
// holds and moves. The prompt's part is prefilled; every later token is a decode step.
#pragma once

#include <string>
#include <vector>

#include "workloads/kv/attention_trace.h"
#include "workloads/kv/policy_cache.h"

namespace terrace {

struct QualityOptions {
  std::int64_t prompt = 0;        // tokens prefilled; 0: half of the trace
  std::int64_t chunk = 0;         // of the prompt at once; 0: all
  std::int64_t guide = 0;         // last tokens of the prompt whose queries are known beforehand
  std::int64_t top_k = 64;        // of recall
  std::int64_t recall_every = 4;  // decode steps
  std::uint64_t seed = 0;
  const AttentionTrace* calibration = nullptr;
  bool plans = true;
};

// A row of the `quality` table; layer and head -1: of all.
struct QualityFigure {
  std::string metric, unit;
  double value = 0;
  std::int64_t layer = -1, head = -1;
};

// Sums over the decode steps of one query head (error, mass) or KV head (recall, kept).
struct HeadQuality {
  double error = 0, reference = 0;  // squared L2 norms: of the difference, of the full output
  double mass = 0, steps = 0;       // full attention that falls on entries that were read
  double recall = 0, recalls = 0;   // of the top_k that the full attention ranks first
  double relative_error() const;
};

struct WorkTotal {
  double bytes = 0, runs = 0, flops = 0;
};

struct TraceQuality {
  std::int64_t layers = 0, heads = 0, kv_heads = 0, prompt = 0, tokens = 0;
  std::vector<HeadQuality> of_head;                  // by layer * heads + query head
  CacheBits bits;                                    // at the end
  double peak_bits = 0, mean_bits = 0;               // mean over decode steps, after each
  std::vector<WorkTotal> prefill_work, decode_work;  // by (KvWork * 2 + writes) * 2 + tier
  double seconds = 0;

  const HeadQuality& at(std::int64_t layer, std::int64_t head) const {
    return of_head[static_cast<std::size_t>(layer * heads + head)];
  }
  HeadQuality total() const;
  double bytes_per_token() const;               // held at the end, metadata too, over tokens seen
  std::vector<QualityFigure> headline() const;  // error, mass kept, recall, bytes per token
  std::vector<QualityFigure> rows(bool each_head = false) const;
};

TraceQuality measure_quality(const KvPolicy& policy, const AttentionTrace& trace,
                             const QualityOptions& options = {});

// One layer's tokens [first, first + count) of a trace, as a model would hand them over.
class TraceTokens {
 public:
  LayerTokens at(const AttentionTrace& trace, const TraceTensors& layer, std::int64_t number,
                 std::int64_t first, std::int64_t count);

 private:
  std::vector<float> q_, k_, v_;
  std::vector<std::int32_t> positions_;
};

}  // namespace terrace
