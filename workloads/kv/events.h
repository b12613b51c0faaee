// What the members of a policy are told about one KV head.
#pragma once

#include <cstdint>

#include "workloads/kv/rows.h"

namespace terrace {

class AttentionTrace;

// What is special about a token, as bits; from its text, or from the modality it came from.
namespace token_tag {
inline constexpr std::uint8_t special = 1, punctuation = 2, image = 4;
}

// Where a member lives, and what it may learn from before the first token.
struct MemberContext {
  KvShape shape;
  std::int64_t raw_bits = 16;                   // of a cached number that no codec has touched
  std::int64_t layer = 0, head = 0;             // KV head; 0 for members of the whole model
  std::uint64_t seed = 0;                       // of this member alone
  const AttentionTrace* calibration = nullptr;  // null: there is none
  AttentionWeights weights;                     // of this layer; empty: not known
};

enum class Phase : std::uint8_t { prefill, decode };

// New tokens of one KV head. Rows of q are token-major: token t's `group` query heads are rows
// t * group … t * group + group - 1. Queries and keys are after RoPE, queries not yet scaled.
struct HeadChunk {
  Phase phase = Phase::prefill;
  std::int64_t first = 0, tokens = 0, group = 1;  // position of the first token
  bool ends_prompt = false;
  RowsView q, k, v;                    // q: tokens*group × head_dim; k, v: tokens × head_dim
  RowsView x, residual;                // layer input after and before its norm; empty: not known
  RowsView guide;                      // queries of a question known beforehand, rows as q's
  const std::uint8_t* tags = nullptr;  // of each token; null: none
};

// Attention of some queries over the entries of one head, in slot order. An entry that a query
// does not see, or that was not read, has probability 0 (and logit -infinity).
struct Attended {
  Phase phase = Phase::prefill;
  std::int64_t group = 1;
  const std::int32_t* queries = nullptr;  // their positions, ascending
  RowsView probabilities;                 // queries × entries: the group's query heads, reduced
  RowsView by_head;                       // queries*group × entries, not reduced
  RowsView logits;  // as by_head, before the softmax; empty unless a score's cost says so
};

}  // namespace terrace
