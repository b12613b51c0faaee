// What a test of a policy member stands on: small random tensors, attention written out in double,
// a literal eviction to compare with, and the properties that every policy must have.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/workloads/kv/random_trace.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/policy_cache.h"
#include "workloads/kv/quality.h"

namespace terrace {

KvPolicy policy_of(const std::string& yaml);  // throws ConfigError
KvPolicy preset(const std::string& name);     // configs/kv/NAME.yaml
std::vector<std::string> preset_names();      // of configs/kv, sorted

// Attention of query head `head` at `position` over these positions, in double.
std::vector<double> slow_attention(const AttentionTrace& trace, std::int64_t layer,
                                   std::int64_t head, std::int64_t position,
                                   const std::vector<std::int32_t>& over);
std::vector<double> slow_output(const AttentionTrace& trace, std::int64_t layer, std::int64_t head,
                                std::int64_t position, const std::vector<std::int32_t>& over);

// A policy on a trace: the prompt at once (or in chunks), then one step after the other; `after` is
// called with the cache after the prompt and after every step (all layers done), with the output
// of that step by layer ([heads][head_dim]; empty after the prompt).
struct Walk {
  std::int64_t prompt = 64, chunk = 0, steps = 32;
  const AttentionTrace* calibration = nullptr;
  std::uint64_t seed = 7;
  std::int64_t guide = 0;
};
using AfterStep = std::function<void(const PolicyCache& cache, std::int64_t seen,
                                     const std::vector<std::vector<float>>& outputs)>;
void walk(const KvPolicy& policy, const AttentionTrace& trace, const Walk& how,
          const AfterStep& after);

// A literal score of one KV head: told every query's attention (mean over the group) over the
// positions kept at that time, asked for the importance of a position.
struct LiteralScore {
  virtual ~LiteralScore() = default;
  virtual void attended(std::int64_t /*query*/, bool /*prefill*/,
                        const std::vector<std::int32_t>& /*positions*/,
                        const std::vector<double>& /*probabilities*/) {}
  virtual double score(std::int32_t position, const std::vector<std::int32_t>& kept) = 0;
};
using MakeLiteral =
    std::function<std::unique_ptr<LiteralScore>(std::int64_t layer, std::int64_t head)>;
// The policy must keep, after the prompt and after every step, exactly the tokens that sorting by
// the literal score keeps. `yaml` has score and budget; sinks and recent as given.
void require_literal_eviction(const std::string& yaml, const AttentionTrace& trace,
                              const MakeLiteral& literal, const Walk& how = {});

// What holds for every policy: never more than budget or protected tokens, no protected token
// lost, entries in order and each once, bits as accounted, output finite.
void require_sound(const KvPolicy& policy, const AttentionTrace& trace, const Walk& how = {});
// Bit for bit the output of the full cache.
void require_identity(const KvPolicy& policy, const AttentionTrace& trace, const Walk& how = {});

// A codec on random rows: decode(encode(x)) is told apart by `allowed(row, channel, x)` at most;
// returns the bytes of the block.
using Allowed = std::function<double(std::int64_t token, std::int64_t channel, double x)>;
std::size_t require_codec_within(const std::string& yaml, std::int64_t tokens,
                                 std::int64_t channels, const Allowed& allowed,
                                 const AttentionTrace* calibration = nullptr);

}  // namespace terrace
