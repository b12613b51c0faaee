// What an L2 does with loads and stores. Sources: NVIDIA A100 architecture white paper, 2020 (two
// partitions, each caching for the SMs beside it; 128-B lines of 32-B sectors; 64 B a clock and
// slice); copies in both partitions: the staircase of gpu-benches (gpu-latency, gpu-l2-cache).
// State: tags with sector masks for each partition, MSHRs, the time until which each slice and the
// crossbar are busy.
#include "models/sram/l2.h"

#include <algorithm>
#include <stdexcept>

namespace terrace {
namespace {

std::int64_t ps(Seconds s) { return Time::nearest(s).ps(); }

// Calls `use(first, count)` for each run of ones.
template <class F>
void each_run(unsigned mask, F use) {
  for (unsigned first = 0; mask >> first; ++first) {
    if (!(mask >> first & 1)) continue;
    unsigned end = first;
    while (mask >> end & 1) ++end;
    use(first, end - first);
    first = end;
  }
}

}  // namespace

L2::L2(const Params& params, const Context& context)
    : params_(params),
      map_(params),
      below_(params.below.make({context.name + ".below", mix_bits(context.seed, 1)})),
      sm_(ps(params.path.sm)),
      crossing_(ps(params.path.crossing)),
      memory_(ps(params.path.memory)),
      crossbar_ps_(params.sector / params.path.bandwidth.value() * 1e12),
      slices_(params.slices),
      slice_ps_(params.sector / params.slice_bandwidth.value() * 1e12),
      mshrs_(params.slices),
      stalled_(params.slices),
      to_below_(params.slices),
      misses_(std::size_t{params.slices} * params.mshrs),
      coin_(mix_bits(context.seed, 2) | 1),
      fetch_sectors_(params.fetch / params.sector) {
  if (below_->footprint_limit() / params.line >= SectorCache::none)
    throw BuildError("below", "holds 2^32 cache lines or more");
  for (std::uint32_t p = 0; p < params.partitions; ++p)
    caches_.emplace_back(params.sets(), params.ways,
                         params.replacement.make({params.sets(), params.ways, context.seed + p}));
}

bool L2::offer(const BurstRequest& request, Time now) {
  if (in_flight_ >= params_.outstanding || refused_count_ > params_.outstanding) return false;
  const std::uint64_t begin = request.address, end = begin + request.bytes;
  if (request.bytes == 0 || end > footprint_limit())
    throw std::invalid_argument("a request outside the memory below an L2");
  ++in_flight_;
  Piece piece{requests_.take({request.id, 0}),      0, 0, 0, requester(request),
              request.direction == Direction::write};
  const auto first = static_cast<std::uint32_t>(begin / params_.line);
  const auto last = static_cast<std::uint32_t>((end - 1) / params_.line);
  requests_[piece.request].pieces = last - first + 1;
  for (piece.line = first;; ++piece.line) {
    const std::uint64_t base = std::uint64_t{piece.line} * params_.line;
    const auto from = static_cast<std::uint32_t>(std::max(begin, base) - base);
    const auto to = static_cast<std::uint32_t>(std::min(end, base + params_.line) - base);
    const std::uint32_t low = from / params_.sector, high = (to - 1) / params_.sector;
    piece.sectors = static_cast<Mask>((2u << high) - (1u << low));
    piece.partial = static_cast<Mask>((from % params_.sector ? 1u << low : 0) |
                                      (to % params_.sector ? 1u << high : 0));
    counts_.sectors += high - low + 1;
    crossbar_ = std::max(crossbar_, static_cast<double>(now.ps()));
    const auto start = static_cast<std::int64_t>(crossbar_);
    crossbar_ += crossbar_ps_ * (high - low + 1);
    if (piece.write)
      write(piece, start);
    else
      read(piece, start);
    if (piece.line == last) return true;
  }
}

// A run of addresses within a tile comes from one processor; another run from any.
std::uint8_t L2::requester(const BurstRequest& request) {
  if (params_.partitions == 1 || params_.requesters == L2Requesters::one_partition) return 0;
  const auto tile = static_cast<std::uint64_t>(params_.tile.value());
  if (request.address != run_end_ || request.address % tile == 0) {
    coin_ ^= coin_ << 13;  // xorshift64 (Marsaglia 2003)
    coin_ ^= coin_ >> 7;
    coin_ ^= coin_ << 17;
    run_from_ = static_cast<std::uint8_t>(coin_ >> 40 & 1);
  }
  run_end_ = request.address + request.bytes;
  return run_from_;
}

// Takes the slice for the sectors and returns the time until they have passed it, waiting included.
// `clock` is when the crossbar passed the request on: slices see all requests in that order.
std::int64_t L2::wait_for_slice(std::uint32_t slice, std::int64_t clock, Mask sectors) {
  double& busy = slices_[slice];
  const auto begin = static_cast<double>(clock);
  busy = std::max(busy, begin) + slice_ps_ * __builtin_popcount(sectors);
  return static_cast<std::int64_t>(busy - begin);
}

void L2::read(const Piece& piece, std::int64_t start) {
  const L2Map::Spot spot = map_.spot(piece.line);
  if (caches_[piece.from].read(spot.set, piece.line, piece.sectors)) {
    ++counts_.near;
    const std::int64_t took =
        wait_for_slice(slice_at(piece.from, spot.slice), start, piece.sectors);
    return schedule(done, start + sm_ + took, piece.request);
  }
  const std::uint32_t home = map_.home(piece.line);
  if (home == piece.from) return miss(piece, start + sm_ / 2);
  if (!caches_[home].read(spot.set, piece.line, piece.sectors))
    return miss(piece, start + sm_ / 2 + crossing_ / 2);
  ++counts_.far;
  const std::int64_t took = wait_for_slice(slice_at(home, spot.slice), start, piece.sectors);
  store(piece.from, piece.line, piece.sectors, 0, start + sm_ / 2);
  schedule(done, start + sm_ + crossing_ + took, piece.request);
}

void L2::write(const Piece& piece, std::int64_t start) {
  const L2Map::Spot spot = map_.spot(piece.line);
  const std::uint32_t home = map_.home(piece.line);
  const std::int64_t at_home = start + sm_ / 2 + (home == piece.from ? 0 : crossing_ / 2);
  if (params_.partitions == 2) {
    SectorCache& other = caches_[1 - home];
    if (other.find(spot.set, piece.line) != SectorCache::none) {
      other.erase(spot.set, piece.line);
      ++counts_.invalidated;
    }
  }
  SectorCache& cache = caches_[home];
  const std::uint32_t place = cache.find(spot.set, piece.line);
  if (place != SectorCache::none) cache.touch(spot.set, place);
  const Mask there = place == SectorCache::none ? Mask{0} : cache.valid(place);
  if (piece.partial & ~there) return miss(piece, at_home);
  ++counts_.written;
  store(home, piece.line, piece.sectors, piece.sectors, at_home);
  const std::int64_t took = wait_for_slice(slice_at(home, spot.slice), start, piece.sectors);
  schedule(done, at_home + took + way_back(piece), piece.request);
}

// The home has not got it. It is fetched, unless it is on its way already.
void L2::miss(const Piece& piece, std::int64_t at_home) {
  const L2Map::Spot spot = map_.spot(piece.line);
  const std::uint32_t home = map_.home(piece.line), slice = slice_at(home, spot.slice);
  Mask wanted = piece.write ? piece.partial : piece.sectors;
  std::uint32_t i = misses_.find(piece.line);
  if (i == no_record) {
    const std::uint32_t place = caches_[home].find(spot.set, piece.line);
    const Mask have = place == SectorCache::none ? Mask{0} : caches_[home].valid(place);
    if (!(wanted & ~have)) return finish(piece, at_home);  // it came while this piece waited
    if (mshrs_[slice] == params_.mshrs) {
      ++counts_.stalled;
      return stalled_[slice].push(pieces_, pieces_.take(piece));
    }
    ++mshrs_[slice];
    Miss fresh;
    fresh.line = piece.line;
    fresh.have = have;
    i = misses_.add(fresh);
  }
  Miss& m = misses_[i];
  for (std::uint32_t s = 0; s < params_.sectors(); s += fetch_sectors_) {
    const auto group = static_cast<Mask>(((1u << fetch_sectors_) - 1) << s);
    if (wanted & group & ~(m.have | m.asked)) wanted = static_cast<Mask>(wanted | group);
  }
  m.waiting.push(pieces_, pieces_.take(piece));
  const auto missing = static_cast<Mask>(wanted & ~(m.have | m.asked));
  ++(missing ? counts_.misses : counts_.merged);
  if (missing) fetch(i, missing, at_home + memory_ / 2);
}

void L2::fetch(std::uint32_t i, Mask sectors, std::int64_t at) {
  Miss& m = misses_[i];
  m.asked = static_cast<Mask>(m.asked | sectors);
  each_run(sectors, [&](unsigned first, unsigned count) {
    ++m.transfers;
    counts_.fetched += count;
    const auto run = static_cast<Mask>(((1u << count) - 1) << first);
    schedule(send, at, transfers_.take({i, m.line, run}));
  });
}

// Keeps sectors in a partition; what has to leave for them and is dirty goes down.
void L2::store(std::uint32_t partition, std::uint32_t line, Mask valid, Mask dirty,
               std::int64_t at) {
  write_back(caches_[partition].fill(map_.spot(line).set, line, valid, dirty), at + memory_ / 2);
}

void L2::write_back(const SectorCache::Evicted& evicted, std::int64_t at) {
  each_run(evicted.dirty, [&](unsigned first, unsigned count) {
    counts_.written_back += count;
    const auto run = static_cast<Mask>(((1u << count) - 1) << first);
    schedule(send, at, transfers_.take({no_record, evicted.line, run}));
  });
}

void L2::arrived(std::uint32_t transfer, std::int64_t now) {
  const Transfer t = transfers_[transfer];
  transfers_.give(transfer);
  if (t.miss == no_record) return;  // written
  Miss& m = misses_[t.miss];
  const L2Map::Spot spot = map_.spot(m.line);
  const std::uint32_t home = map_.home(m.line), slice = slice_at(home, spot.slice);
  store(home, m.line, t.sectors, 0, now);
  wait_for_slice(slice, now, t.sectors);  // the fill takes its turn; who waits does not wait for it
  m.have = static_cast<Mask>(m.have | t.sectors);
  --m.transfers;
  Chain still;
  while (!m.waiting.empty()) {
    const std::uint32_t w = m.waiting.pop(pieces_);
    const Piece piece = pieces_[w];
    if ((piece.write ? piece.partial : piece.sectors) & ~m.have) {
      still.push(pieces_, w);
      continue;
    }
    pieces_.give(w);
    finish(piece, now);
  }
  m.waiting = still;
  if (m.transfers > 0) return;
  misses_.remove(t.miss);
  --mshrs_[slice];
  wake(slice, now);
}

// The home has all that the piece needs.
void L2::finish(const Piece& piece, std::int64_t now) {
  const std::uint32_t home = map_.home(piece.line);
  if (piece.write) {
    ++counts_.written;
    store(home, piece.line, piece.sectors, piece.sectors, now);
  } else if (piece.from != home) {
    store(piece.from, piece.line, piece.sectors, 0, now);
  }
  schedule(done, now + way_back(piece), piece.request);
}

// An MSHR came free: the oldest piece that waits for one looks again.
void L2::wake(std::uint32_t slice, std::int64_t now) {
  while (!stalled_[slice].empty() && mshrs_[slice] < params_.mshrs) {
    const std::uint32_t i = stalled_[slice].pop(pieces_);
    const Piece piece = pieces_[i];
    pieces_.give(i);
    miss(piece, now);
  }
}

Time L2::next_event() const {
  const Time below = below_->next_event();
  return events_.empty() ? below : std::min(below, Time::ps(events_.top().at));
}

void L2::advance(Time now, std::vector<BurstAnswer>& answers) {
  for (;;) {
    const Time below = below_->next_event();
    const Time own = events_.empty() ? Time::never() : Time::ps(events_.top().at);
    if (std::min(below, own) > now) return;
    if (below <= own) {
      from_below_.clear();
      below_->advance(below, from_below_);
      for (const BurstAnswer& a : from_below_)
        schedule(fill, a.at.ps() + memory_ / 2, static_cast<std::uint32_t>(a.id));
      drain(below);
      continue;
    }
    const Event event = events_.top();
    events_.pop();
    switch (event.order & 3) {
      case done: {
        Request& r = requests_[event.record];
        if (--r.pieces > 0) break;
        answers.push_back({r.id, own});
        requests_.give(event.record);
        --in_flight_;
        break;
      }
      case send: {
        const Transfer& t = transfers_[event.record];
        const std::uint32_t slice = slice_at(map_.home(t.line), map_.spot(t.line).slice);
        if (to_below_[slice].empty()) refused_.push_back(slice);
        to_below_[slice].push(transfers_, event.record);
        ++refused_count_;
        drain(own);
        break;
      }
      default:
        arrived(event.record, own.ps());
    }
  }
}

// Offers what waits for the memory below, each slice in its own order.
void L2::drain(Time now) {
  for (std::size_t i = 0; i < refused_.size();) {
    Chain& queue = to_below_[refused_[i]];
    while (!queue.empty()) {
      const std::uint32_t n = queue.first;
      const Transfer& t = transfers_[n];
      const auto first = static_cast<unsigned>(__builtin_ctz(t.sectors));
      const auto count = static_cast<unsigned>(__builtin_popcount(t.sectors));
      BurstRequest request;
      request.id = n;
      request.address = std::uint64_t{t.line} * params_.line + first * params_.sector;
      request.bytes = count * params_.sector;
      request.direction = t.miss == no_record ? Direction::write : Direction::read;
      if (!below_->offer(request, now)) break;
      queue.pop(transfers_);
      --refused_count_;
    }
    if (queue.empty()) {
      refused_[i] = refused_.back();
      refused_.pop_back();
    } else {
      ++i;
    }
  }
}

std::vector<BurstCount> L2::counts() const {
  const Joules energy =
      params_.energy * Bytes(static_cast<double>(counts_.sectors) * params_.sector);
  std::vector<BurstCount> out = {
      {"near_hit", "pieces of loads found in the near partition", counts_.near, Joules(0)},
      {"far_hit", "found in the far partition", counts_.far, Joules(0)},
      {"miss", "lines asked of the memory below", counts_.misses, Joules(0)},
      {"merged", "misses on a line that was on its way", counts_.merged, Joules(0)},
      {"stalled", "misses that waited for an MSHR", counts_.stalled, Joules(0)},
      {"store", "pieces of stores", counts_.written, Joules(0)},
      {"invalidation", "copies in the other partition that stores cleared", counts_.invalidated,
       Joules(0)},
      {"sector", "sectors read and written by processors", counts_.sectors, energy},
      {"fetched_sector", "sectors read from below", counts_.fetched, Joules(0)},
      {"written_sector", "dirty sectors written below", counts_.written_back, Joules(0)}};
  for (BurstCount& c : below_->counts()) {
    c.name = "below." + c.name;
    out.push_back(std::move(c));
  }
  return out;
}
TERRACE_REGISTER(BurstDevice, L2, "l2", "sectored L2 in slices, one or two partitions");

}  // namespace terrace
