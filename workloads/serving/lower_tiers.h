// The prefix cache below HBM, as one replica sees it: finds what a waiting request may load, loads
// it, stores what became full. After vLLM 0.19's OffloadingConnector
// (distributed/kv_transfer/kv_connector/v1/offloading and v1/kv_offload/cpu), extended from one
// tier to a ladder of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "workloads/serving/copy_job.h"
#include "workloads/serving/kv_blocks.h"
#include "workloads/serving/kv_params.h"
#include "workloads/serving/sequences.h"
#include "workloads/serving/tier_cache.h"

namespace terrace {

// What moved through one tier, of all replicas that use it. Blocks are those of HBM.
struct RungTraffic {
  std::int64_t loaded_blocks = 0, stored_blocks = 0, demoted_blocks = 0, refused_blocks = 0;
};

struct Rung {
  std::shared_ptr<TierCache> cache;
  std::shared_ptr<RungTraffic> traffic;
  bool takes_evicted = false;  // else every block that becomes full
};

class LowerTiers {
 public:
  LowerTiers(Sequences& sequences, KvBlocks& blocks, std::vector<Rung> rungs,
             std::int64_t chunk_blocks);

  struct Match {
    std::int64_t tokens = 0;  // that can be loaded behind those already in HBM
    bool later = false;       // somebody else is loading them now: ask again
  };
  // For a waiting sequence of whose tokens `in_hbm` were found there. May find the whole prompt.
  Match match(Slot slot, std::int64_t in_hbm);
  // Starts to load what match() has just found into the blocks of the sequence.
  CopyJob load(Slot slot, std::int64_t id);
  const std::vector<std::int64_t>& matched_blocks() const { return matched_blocks_; }  // by rung

  // Offers the full chunks among the first `tokens` tokens, which the step being formed will have
  // computed.
  void store(Slot slot, std::int64_t tokens);
  bool has_stores() const { return !storing_.job.empty(); }
  CopyJob take_stores(
      std::int64_t id);  // of all sequences since the last time; to start after the step

  // The sequence loses its blocks. True: some are still being stored, and who gets them must wait
  // for that.
  bool abandon(Slot slot);
  // The copy is done. Returns the sequence that was waiting for it, or -1.
  Slot completed(std::int64_t id);
  const std::vector<std::int64_t>& stores_under_way() const { return store_ids_; }

  const std::vector<Rung>& rungs() const { return rungs_; }
  std::int64_t chunk_tokens() const { return chunk_tokens_; }

 private:
  struct Found {
    std::size_t rung;
    TierCache::Entry entry;
  };
  struct Pin {
    std::int64_t request;
    BlockId block;
  };
  struct Work {
    CopyJob job;
    Slot slot = -1;  // of a load
    std::vector<Found> entries;
    std::vector<Pin> pins;  // of a store
  };
  BlockKey chunk_key(const std::vector<BlockKey>& keys, std::int64_t chunk) const;
  void store_in(std::size_t rung, Slot slot, std::int64_t first, std::int64_t last, bool& refused);
  void give_down(std::size_t rung, BlockKey key);

  Sequences& sequences_;
  KvBlocks& blocks_;
  std::vector<Rung> rungs_;
  std::int64_t chunk_blocks_, chunk_tokens_;
  std::vector<Found> matched_;
  std::vector<std::int64_t> matched_blocks_;
  std::int64_t matched_skip_ = 0;  // blocks of the first matched chunk that are in HBM already
  Work storing_;
  std::vector<Work> under_way_;
  std::vector<std::int64_t> store_ids_;
  std::vector<std::int64_t> missing_;  // scratch
};

}  // namespace terrace
