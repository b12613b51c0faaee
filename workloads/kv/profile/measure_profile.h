// A policy's profile from what it does on a text, or from its own arithmetic alone.
#pragma once

#include <string>

#include "workloads/kv/attention_trace.h"
#include "workloads/kv/kv_policy.h"
#include "workloads/kv/profile/kv_profile.h"

namespace terrace {

struct ProfileOptions {
  std::int64_t steps = 32;     // decode steps behind either prompt
  std::int64_t tokens = 1024;  // of the longer prompt, more where the policy needs more
  std::int64_t bands = 4;      // of layers, at most
  std::uint64_t seed = 0;
  const AttentionTrace* calibration = nullptr;  // none: the trace itself
};

// The text must be twice as long as the most tokens that the policy keeps, reads or waits for.
std::int64_t tokens_to_see(const KvPolicy& policy, const ProfileOptions& options = {});

// The policy runs on two prompts, the longer of `tokens` where the text has them, and half of it;
// curves go through both. Throws BuildError where the text is too short.
KvProfile measure_profile(const KvPolicy& policy, const AttentionTrace& trace,
                          const std::string& source, const ProfileOptions& options = {});

// Where nothing that counts depends on the text (but for the entries a compaction moves): run on
// two texts drawn at random with this many KV heads, query heads and channels, it does the same on
// both. Else throws BuildError: a trace is needed.
KvProfile arithmetic_profile(const KvPolicy& policy, std::int64_t kv_heads, std::int64_t heads,
                             std::int64_t head_dim, const ProfileOptions& options = {});

}  // namespace terrace
