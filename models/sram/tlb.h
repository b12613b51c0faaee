// Address translation: TLB levels, entries kept in the L2 cache, page walks with cached upper
// entries. What it holds and what a translation costs; when is the caller's to say.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/sram/block_cache.h"

namespace terrace {

struct TlbLevel {
  std::uint32_t entries = 64;
  std::uint32_t ways = 0;  // 0: fully associative
  Seconds latency{0.5e-9};
  Choice<Replacement> replacement = Choice<Replacement>::of("lru");
  static void fields(Schema<TlbLevel>& s);
  void check(Checker& c) const;
};

// Clusters of entries in blocks of the L2 cache, behind the last TLB. Source: Kanellopoulos et al.,
// "Victima: drastically increasing address translation reach by leveraging underutilized cache
// resources", MICRO 2023: a block holds the entries of as many neighbouring pages as fit.
struct TlbInL2 {
  Bytes cache{2.0 * (1 << 20)};     // the L2 cache
  Bytes capacity{1.0 * (1 << 20)};  // how much of it entries may take
  std::uint32_t block = 64, entry = 8, ways = 16;
  Seconds latency{5e-9};
  Choice<Replacement> replacement = Choice<Replacement>::of("lru");
  static void fields(Schema<TlbInL2>& s);
  void check(Checker& c) const;
  std::uint32_t pages() const { return block / entry; }  // of one block
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(capacity.value() / block); }
};

struct TlbParams {
  Bytes page{2.0 * (1 << 20)};
  std::vector<TlbLevel> levels{TlbLevel()};
  std::optional<TlbInL2> in_l2;
  Seconds walk_step{50e-9};         // one entry of the page table, read from the memory system
  std::uint32_t walk_cache = 32;    // upper entries that are cached, of each depth; 0: none
  std::uint32_t address_bits = 48;  // of a virtual address
  template <class P>
  static void common_fields(Schema<P>& s);
  static void fields(Schema<TlbParams>& s) { common_fields(s); }
  void check(Checker& c) const;
};

template <class P>
void TlbParams::common_fields(Schema<P>& s) {
  s.field("page", &TlbParams::page, "page size: 4KiB, 64KiB, 2MiB or 1GiB");
  s.field("levels", &TlbParams::levels, "TLBs, the nearest first").not_empty();
  s.field("in_l2", &TlbParams::in_l2, "entries kept in the L2 cache (Victima); none: not");
  s.field("walk_step", &TlbParams::walk_step, "reading one entry of the page table");
  s.field("walk_cache", &TlbParams::walk_cache, "cached upper entries of each depth; 0: none")
      .at_most(1u << 20);
  s.field("address_bits", &TlbParams::address_bits, "of a virtual address").between(32, 48);
}

class Tlb {
 public:
  struct Answer {
    Time latency;
    std::uint32_t found = 0;  // TLB level; levels(): in the L2 cache; one more: walked
    std::uint32_t steps = 0;  // entries of the page table that were read
    bool walked() const { return steps > 0; }
  };
  explicit Tlb(const TlbParams& params, std::uint64_t seed = 0);

  Answer translate(std::uint64_t address);

  std::uint64_t page_of(std::uint64_t address) const { return address >> page_bits_; }
  std::uint32_t levels() const { return static_cast<std::uint32_t>(levels_.size()); }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(upper_.size()) + 1; }
  Bytes reach(std::uint32_t level) const;  // entries x page size; levels(): that of the L2 cache

 private:
  TlbParams params_;
  std::uint32_t page_bits_;
  std::vector<BlockCache> levels_;
  std::vector<Time> latency_;
  std::vector<BlockCache> in_l2_;     // one or none
  std::vector<std::uint32_t> upper_;  // bits that an entry of each upper depth covers, root first
  std::vector<BlockCache> walk_caches_;  // of those entries; empty without walk cache
  Time in_l2_latency_, step_;
};

// log2 of a page size that the page table has, or 0. Source: Intel SDM volume 3A, section 4.5 (4
// KiB, 2 MiB, 1 GiB); NVIDIA, Pascal MMU format manual (64 KiB).
std::uint32_t page_size_bits(Bytes page);

}  // namespace terrace
