// What a translation finds, and what it costs.
#include "models/sram/tlb.h"

namespace terrace {
namespace {

bool power_of_two(std::uint32_t n) { return n > 0 && (n & (n - 1)) == 0; }

}  // namespace

std::uint32_t page_size_bits(Bytes page) {
  for (const std::uint32_t bits : {12u, 16u, 21u, 30u})
    if (page == Bytes(static_cast<double>(1u << bits))) return bits;
  return 0;
}

void TlbLevel::fields(Schema<TlbLevel>& s) {
  s.field("entries", &TlbLevel::entries, "translations that it holds").between(1, 1u << 20);
  s.field("ways", &TlbLevel::ways, "entries of a set; 0: fully associative").at_most(1u << 20);
  s.field("latency", &TlbLevel::latency, "of a look into it");
  s.field("replacement", &TlbLevel::replacement, "which entry leaves");
}

void TlbLevel::check(Checker& c) const {
  if (ways > entries)
    return c.fail("ways", std::to_string(ways) + " are more than the " + std::to_string(entries) +
                              " entries");
  if (ways == 0) return;
  if (entries % ways)
    return c.fail("entries", std::to_string(entries) + " do not divide into sets of " +
                                 std::to_string(ways) + " ways");
  if (!power_of_two(entries / ways))
    c.fail("entries",
           std::to_string(entries / ways) + " sets: page numbers choose among a power of two");
}

void TlbInL2::fields(Schema<TlbInL2>& s) {
  s.field("cache", &TlbInL2::cache, "size of the L2 cache").above(Bytes(0));
  s.field("capacity", &TlbInL2::capacity, "what TLB entries may take of it").above(Bytes(0));
  s.field("block", &TlbInL2::block, "bytes of a cache block").between(8, 4096);
  s.field("entry", &TlbInL2::entry, "bytes of a TLB entry").between(1, 64);
  s.field("ways", &TlbInL2::ways, "of the cache").between(1, 64);
  s.field("latency", &TlbInL2::latency, "of a look into it");
  s.field("replacement", &TlbInL2::replacement, "which block of entries leaves");
}

void TlbInL2::check(Checker& c) const {
  if (capacity > cache)
    return c.fail("capacity",
                  to_text(capacity) + " overflows the cache, which has " + to_text(cache));
  if (block % entry || !power_of_two(block / entry))
    return c.fail("entry", std::to_string(entry) + " B: a block of " + std::to_string(block) +
                               " B does not hold a power of two of them");
  const double sets = capacity.value() / block / ways;
  if (sets < 1 || sets > 16777216 || sets != static_cast<std::uint32_t>(sets) ||
      !power_of_two(static_cast<std::uint32_t>(sets)))
    c.fail("capacity", to_text(capacity) + " is no power of two of sets of " +
                           std::to_string(ways) + " blocks");
}

void TlbParams::check(Checker& c) const {
  const std::uint32_t bits = page_size_bits(page);
  if (bits == 0)
    return c.fail("page", to_text(page) +
                              " is unreachable: the page table ends at 4KiB, 64KiB, 2MiB or 1GiB");
  for (std::size_t i = 1; i < levels.size(); ++i)
    if (levels[i].entries <= levels[i - 1].entries)
      c.fail("levels", "level " + std::to_string(i + 1) + " holds no more entries than level " +
                           std::to_string(i) + ", and would never be found useful");
  for (const TlbLevel& level : levels)
    if (static_cast<double>(level.entries) > static_cast<double>(1ull << (address_bits - bits)))
      c.fail("levels", std::to_string(level.entries) + " entries of " + to_text(page) +
                           " overflow an address of " + std::to_string(address_bits) + " bits");
}

Tlb::Tlb(const TlbParams& params, std::uint64_t seed)
    : params_(params),
      page_bits_(page_size_bits(params.page)),
      step_(Time::nearest(params.walk_step)) {
  if (page_bits_ == 0) throw BuildError("page", to_text(params.page) + " is unreachable");
  for (const TlbLevel& level : params.levels) {
    const std::uint32_t ways = level.ways ? level.ways : level.entries;
    levels_.emplace_back(level.entries / ways, ways, level.replacement, seed);
    latency_.push_back(Time::nearest(level.latency));
  }
  if (params.in_l2) {
    const TlbInL2& in = *params.in_l2;
    in_l2_.emplace_back(in.blocks() / in.ways, in.ways, in.replacement, seed);
    in_l2_latency_ = Time::nearest(in.latency);
  }
  // A table has 512 entries: the root's cover 512 GiB each, then 1 GiB, then 2 MiB.
  for (const std::uint32_t bits : {39u, 30u, 21u}) {
    if (bits <= page_bits_ || bits >= params.address_bits) continue;
    upper_.push_back(bits);
    if (params.walk_cache)
      walk_caches_.emplace_back(1, params.walk_cache, Choice<Replacement>::of("lru"), seed);
  }
}

Tlb::Answer Tlb::translate(std::uint64_t address) {
  const std::uint64_t page = page_of(address);
  Answer out;
  bool found = false;
  // A level that misses takes the entry in; that its neighbour below had it or not is no matter.
  for (std::size_t i = 0; i < levels_.size() && !found; ++i) {
    out.latency += latency_[i];
    found = levels_[i].access(page);
    if (!found) ++out.found;
  }
  if (found) return out;
  if (!in_l2_.empty()) {
    out.latency += in_l2_latency_;
    if (in_l2_[0].access(page / params_.in_l2->pages())) return out;
    ++out.found;
  }
  // The walk begins below the deepest upper entry that is cached.
  std::size_t begin = 0;
  for (std::size_t i = 0; i < walk_caches_.size(); ++i)
    if (walk_caches_[i].access(address >> upper_[i])) begin = i + 1;
  out.steps = depth() - static_cast<std::uint32_t>(begin);
  out.latency += step_ * out.steps;
  return out;
}

Bytes Tlb::reach(std::uint32_t level) const {
  if (level < levels()) return params_.page * params_.levels[level].entries;
  return params_.page * (params_.in_l2 ? params_.in_l2->blocks() * params_.in_l2->pages() : 0);
}

}  // namespace terrace
