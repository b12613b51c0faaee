// What one tier below HBM holds of the prefix cache: chunks of KV under their key, and which of
// them may go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/op_graph.h"
#include "workloads/serving/eviction/eviction.h"
#include "workloads/serving/key_index.h"

namespace terrace {

class TierCache {
 public:
  using Entry = std::int32_t;
  static constexpr Entry absent = KeyIndex::absent;

  // `capacity` in chunks. `name` as the machine calls the tier.
  TierCache(TierId tier, std::string name, std::int64_t capacity, std::unique_ptr<Eviction> policy);

  TierId tier() const { return tier_; }
  const std::string& name() const { return name_; }
  std::int64_t capacity() const { return capacity_; }
  std::int64_t size() const { return static_cast<std::int64_t>(index_.size()); }

  Entry find(BlockKey key) const { return index_.find(key); }
  bool ready(Entry e) const { return entries_[at(e)].ready; }
  bool loading(Entry e) const { return entries_[at(e)].loads > 0; }
  BlockKey key(Entry e) const { return entries_[at(e)].key; }
  void touch(Entry e) { policy_->touched(e); }

  // Room for `chunks` more, the keys given up appended to `evicted`. False: too many are pinned,
  // and nothing has changed.
  bool make_room(std::int64_t chunks, std::vector<BlockKey>& evicted);
  Entry insert(BlockKey key);  // after make_room; pinned until stored()
  void stored(Entry e);        // its copy has arrived: ready
  void begin_load(Entry e);    // pinned until end_load()
  void end_load(Entry e);

  std::int64_t evictions() const { return evictions_; }

 private:
  struct Chunk {
    BlockKey key = 0;
    std::int32_t loads = 0;
    bool ready = false;
  };
  static std::size_t at(Entry e) { return static_cast<std::size_t>(e); }
  void pin(Entry e) {
    if (pins_[at(e)]++ == 0) ++pinned_;
  }
  void unpin(Entry e) {
    if (--pins_[at(e)] == 0) --pinned_;
  }

  TierId tier_;
  std::string name_;
  std::int64_t capacity_;
  std::unique_ptr<Eviction> policy_;
  KeyIndex index_;
  std::vector<Chunk> entries_;
  std::vector<std::int32_t> pins_;
  std::vector<Entry> unused_;
  std::int64_t pinned_ = 0, evictions_ = 0;
};

}  // namespace terrace
