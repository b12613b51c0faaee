// The requests that are in the system: what a step needs of each in one cache line, the rest beside
// it.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/units.h"
#include "workloads/requests/block_key.h"
#include "workloads/requests/request.h"
#include "workloads/serving/block_pool.h"

namespace terrace {

using Slot = std::int32_t;  // of a live request; used again after it has left

enum class RequestPhase : std::uint8_t {
  waiting,  // also after a preemption
  loading,  // its blocks are being copied in; parked
  loaded,   // they have arrived; waits to be admitted
  running,
  finished
};

// The words of vLLM in brackets. Token counts; `never` is a bound that is not reached.
struct Sequence {
  static constexpr std::int32_t never = std::numeric_limits<std::int32_t>::max();
  std::int32_t prompt = 0;
  std::int32_t limit = 0;         // prompt and all outputs
  std::int32_t known = 0;         // prompt and outputs returned so far [num_tokens]
  std::int32_t computed = 0;      // scheduled so far, in flight included [num_computed_tokens]
  std::int32_t placeholders = 0;  // outputs in flight [num_output_placeholders]
  std::int32_t room = 0;          // tokens that its blocks hold
  std::int32_t keep_at = never;   // known and computed tokens at which another block gets its key
  std::int32_t store_at = never;  // … at which another block is stored below
  std::int32_t kept = 0;          // leading blocks that have their key [num_cached_block]
  std::int32_t in_flight = 0;     // steps under way that it is part of
  std::int32_t preemptions = 0;
  RequestPhase phase = RequestPhase::waiting;
  bool swapped = false;            // its computed tokens lie in the swap tier
  Time last_token = Time::ps(-1);  // -1 ps: none yet
};

struct SequenceInfo {
  explicit SequenceInfo(std::int32_t block_tokens) : chain(block_tokens) {}
  Request request;
  BlockChain chain;
  std::vector<BlockId> blocks;
  Time queued, scheduled = Time::ps(-1), first_token;
  Time waiting_since;               // arrival, or the last preemption
  Time waited;                      // in all
  std::int64_t cached_tokens = -1;  // reused at the first admission [num_cached_tokens]
  std::int32_t next_store = 0;      // first block, in units of the tiers, not yet offered to them
  std::int32_t swap_tokens = 0,
               swap_blocks = 0;  // in the swap tier; blocks also while they are copied back
  std::int32_t replica = 0;
};

class Sequences {
 public:
  explicit Sequences(std::int32_t block_tokens) : block_tokens_(block_tokens) {}

  Slot add(Request request);
  void remove(Slot slot);  // its blocks must be gone
  Sequence& operator[](Slot slot) { return hot_[static_cast<std::size_t>(slot)]; }
  const Sequence& operator[](Slot slot) const { return hot_[static_cast<std::size_t>(slot)]; }
  SequenceInfo& info(Slot slot) { return info_[static_cast<std::size_t>(slot)]; }
  const SequenceInfo& info(Slot slot) const { return info_[static_cast<std::size_t>(slot)]; }
  std::int64_t live() const { return live_; }

 private:
  std::int32_t block_tokens_;
  std::vector<Sequence> hot_;
  std::vector<SequenceInfo> info_;
  std::vector<Slot> unused_;
  std::int64_t live_ = 0;
};

}  // namespace terrace
