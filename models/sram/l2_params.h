// What an L2 is made of, and where in it an address lies.
#pragma once

#include "models/sram/chip_path.h"
#include "models/sram/replacement.h"
#include "sim/burst.h"
#include "sim/random.h"

namespace terrace {

enum class L2Requesters { one_partition, all };
template <>
struct EnumNames<L2Requesters> {
  static constexpr std::pair<const char*, L2Requesters> values[] = {
      {"one_partition", L2Requesters::one_partition}, {"all", L2Requesters::all}};
};

struct L2Params {
  Bytes capacity{40.0 * (1 << 20)};
  std::uint32_t partitions = 2, slices = 80, ways = 16;
  std::uint32_t line = 128, sector = 32, fetch = 32;
  BytesPerSecond slice_bandwidth{90e9};
  std::uint32_t mshrs = 192, outstanding = 8192;
  Choice<Replacement> replacement = Choice<Replacement>::of("lru");
  ChipPath path;
  L2Requesters requesters = L2Requesters::all;
  Bytes tile{16384};
  JoulesPerByte energy;
  Watts background;
  Choice<BurstDevice> below = Choice<BurstDevice>::of("simple_memory");

  static void fields(Schema<L2Params>& s);
  void check(Checker& c) const;

  std::uint32_t sectors() const { return line / sector; }
  std::uint32_t lines() const { return static_cast<std::uint32_t>(capacity.value() / line); }
  std::uint32_t sets() const { return lines() / partitions / ways; }  // of one partition
};

// Lines that follow each other lie in different slices, turned by a hash from row to row so that a
// stride meets all of them; a contiguous footprint fills every set alike.
class L2Map {
 public:
  explicit L2Map(const L2Params& p)
      : slices_(p.slices / p.partitions), sets_(p.sets() / slices_), partitions_(p.partitions) {}

  // The partition whose memory controllers own the line: it holds the line's one writable copy.
  std::uint32_t home(std::uint32_t line) const {
    return partitions_ == 1 ? 0 : (hash(line) >> 16) & 1;
  }
  struct Spot {
    std::uint32_t slice, set;  // the slice within its partition, the set within the partition
  };
  Spot spot(std::uint32_t line) const {
    const std::uint32_t row = line / slices_;
    const std::uint32_t slice = (line % slices_ + hash(row)) % slices_;
    const std::uint32_t round = row / sets_;
    return {slice, slice * sets_ + (row + (round ? hash(round) % sets_ : 0)) % sets_};
  }

 private:
  static std::uint32_t hash(std::uint32_t x) {  // lowbias32 (C. Wellons, 2018), 30 bits
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x >> 2;
  }
  std::uint32_t slices_, sets_, partitions_;
};

}  // namespace terrace
