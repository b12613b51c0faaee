// A GPU's L2 at burst level: sectored, in slices, in one or two partitions, over a memory.
#pragma once

#include <memory>
#include <queue>
#include <vector>

#include "models/sram/l2_misses.h"
#include "models/sram/l2_params.h"
#include "models/sram/sector_cache.h"

namespace terrace {

// With two partitions, a line's home is the one beside its memory controller. A load looks into the
// partition beside its processor first, then into the home, then goes to memory; what it finds is
// kept in both, so that data that everybody reads is there twice. Stores go to the home and clear
// the other copy; dirty sectors are written back when their line leaves.
class L2 final : public BurstDevice {
 public:
  using Params = L2Params;
  L2(const Params& params, const Context& context);

  bool offer(const BurstRequest& request, Time now) override;
  Time next_event() const override;
  void advance(Time now, std::vector<BurstAnswer>& answers) override;

  std::uint64_t footprint_limit() const override { return below_->footprint_limit(); }
  std::uint32_t granule() const override { return params_.sector; }
  BytesPerSecond peak(Direction) const override { return params_.path.bandwidth; }
  std::vector<BurstCount> counts() const override;
  Watts background() const override { return params_.background + below_->background(); }

 private:
  using Mask = SectorCache::Mask;
  enum Kind : std::uint32_t { done, send, fill };  // an answer; to the memory below; from it
  struct Event {
    std::int64_t at;
    std::uint64_t order;  // of being scheduled; the low two bits are the kind
    std::uint32_t record;
    bool operator>(const Event& o) const { return at != o.at ? at > o.at : order > o.order; }
  };
  struct Request {
    std::uint64_t id;
    std::uint32_t pieces;
  };
  struct Piece {  // of a request: sectors of one line
    std::uint32_t request, line;
    Mask sectors, partial;  // partial: stores that cover only a part of the sector
    std::uint8_t from;      // partition of the processor
    bool write;
    std::uint32_t next = no_record;
  };
  struct Transfer {  // between the L2 and the memory below
    std::uint32_t miss, line;
    Mask sectors;
    std::uint32_t next = no_record;
  };
  struct Counts {
    std::int64_t near = 0, far = 0, misses = 0, merged = 0, fetched = 0, written = 0,
                 written_back = 0, invalidated = 0, stalled = 0, sectors = 0;
  };

  void schedule(Kind kind, std::int64_t at, std::uint32_t record) {
    events_.push({at, next_order_++ << 2 | kind, record});
  }
  std::uint32_t slice_at(std::uint32_t partition, std::uint32_t slice) const {
    return partition * (params_.slices / params_.partitions) + slice;
  }
  std::int64_t wait_for_slice(std::uint32_t slice, std::int64_t clock, Mask sectors);
  std::uint8_t requester(const BurstRequest& request);
  void read(const Piece& piece, std::int64_t start);
  void write(const Piece& piece, std::int64_t start);
  void miss(const Piece& piece, std::int64_t at_home);
  void fetch(std::uint32_t miss, Mask sectors, std::int64_t at);
  void write_back(const SectorCache::Evicted& evicted, std::int64_t at);
  void store(std::uint32_t partition, std::uint32_t line, Mask valid, Mask dirty, std::int64_t at);
  void arrived(std::uint32_t transfer, std::int64_t now);
  void finish(const Piece& piece, std::int64_t now);
  void wake(std::uint32_t slice, std::int64_t now);
  void drain(Time now);
  std::int64_t way_back(const Piece& piece) const {
    return sm_ / 2 + (map_.home(piece.line) == piece.from ? 0 : crossing_ / 2);
  }

  Params params_;
  L2Map map_;
  std::unique_ptr<BurstDevice> below_;
  std::vector<SectorCache> caches_;
  std::int64_t sm_, crossing_, memory_;
  double crossbar_ = 0, crossbar_ps_;      // busy until; ps for a sector
  std::vector<double> slices_;             // busy until, on the clock of the crossbar
  double slice_ps_;                        // for a sector
  std::vector<std::uint32_t> mshrs_;       // in use, by slice
  std::vector<Chain> stalled_, to_below_;  // by slice: pieces without MSHR, transfers refused
  std::vector<std::uint32_t> refused_;     // slices whose to_below_ is not empty
  std::size_t refused_count_ = 0;          // transfers in them
  MissTable misses_;
  Pool<Request> requests_;
  Pool<Piece> pieces_;
  Pool<Transfer> transfers_;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
  std::uint64_t next_order_ = 0, coin_, run_end_ = 0;
  std::uint32_t in_flight_ = 0, fetch_sectors_;
  std::uint8_t run_from_ = 0;
  std::vector<BurstAnswer> from_below_;
  Counts counts_;
};

}  // namespace terrace
