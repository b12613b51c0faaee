// Page map with greedy cleaning: least valid block first (Bux and Iliadis, Performance Evaluation
// 2010). Free blocks are taken by least wear (dynamic levelling); static levelling by threshold.
#include "models/flash/page_map.h"

#include <algorithm>
#include <stdexcept>

namespace terrace {

PageMap::PageMap(Settings settings) : s_(std::move(settings)) {
  const FlashLayout& l = s_.layout;
  const std::uint32_t planes = l.all_planes(), blocks = planes * l.blocks;
  order_ = l.plane_order();
  turn_of_.resize(planes);
  for (std::uint32_t i = 0; i < planes; ++i) turn_of_[order_[i]] = i;
  map_.resize((std::size_t{s_.logical} + chunk_units - 1) / chunk_units);
  owners_.resize(blocks);
  state_.assign(blocks, State::free);
  rewritten_.assign(blocks, 0);
  valid_.assign(blocks, 0);
  erases_.assign(blocks, 0);
  open_.assign(planes, none_left);
  next_page_.assign(planes, 0);
  free_.assign(planes, l.blocks);
  const std::uint32_t pages = (s_.filled + l.units - 1) / l.units;
  const std::uint32_t last = s_.filled % l.units;  // units of the last page, 0: all
  for (std::uint32_t turn = 0; turn < planes; ++turn) {
    const std::uint32_t mine = pages / planes + (turn < pages % planes ? 1 : 0);
    const std::uint32_t plane = order_[turn];
    for (std::uint32_t left = mine, b = plane * l.blocks; left > 0; ++b) {
      const std::uint32_t in_block = std::min(left, l.pages);
      state_[b] = State::full;
      valid_[b] = in_block * l.units;
      --free_[plane];
      left -= in_block;
      if (left == 0 && last != 0 && pages > 0 && (pages - 1) % planes == turn)
        valid_[b] -= l.units - last;
    }
  }
}

std::uint32_t PageMap::identity(std::uint32_t unit) const {
  if (unit >= s_.filled) return unmapped;
  const FlashLayout& l = s_.layout;
  const std::uint32_t page = unit / l.units, planes = l.all_planes();
  const std::uint32_t plane = order_[page % planes], depth = page / planes;
  return (plane * l.blocks * l.pages + depth) * l.units + unit % l.units;
}

std::uint32_t PageMap::identity_owner(std::uint32_t location) const {
  const FlashLayout& l = s_.layout;
  const std::uint32_t page = location / l.units, per_plane = l.blocks * l.pages;
  const std::uint64_t logical_page =
      std::uint64_t{page % per_plane} * l.all_planes() + turn_of_[page / per_plane];
  const std::uint64_t unit = logical_page * l.units + location % l.units;
  return unit < s_.filled ? static_cast<std::uint32_t>(unit) : unmapped;
}

void PageMap::set(std::uint32_t unit, std::uint32_t entry) {
  Chunk& chunk = map_[unit / chunk_units];
  if (!chunk) {
    chunk.reset(new std::uint32_t[chunk_units]);
    const std::uint32_t first = unit / chunk_units * chunk_units;
    for (std::uint32_t i = 0; i < chunk_units; ++i) chunk[i] = identity(first + i);
  }
  chunk[unit % chunk_units] = entry;
}

std::uint32_t PageMap::owner(std::uint32_t location) const {
  const std::uint32_t block = location / block_units();
  if (state_[block] == State::free) return unmapped;
  if (!rewritten_[block]) return identity_owner(location);
  return owners_[block][location % block_units()];
}

bool PageMap::valid(std::uint32_t location) const {
  const std::uint32_t unit = owner(location);
  if (unit == unmapped) return false;
  const std::uint32_t entry = locate(unit);
  return entry < buffered && (entry & ~in_flight) == location;
}

void PageMap::invalidate(std::uint32_t unit) {
  const std::uint32_t entry = locate(unit);
  if (entry < buffered) --valid_[(entry & ~in_flight) / block_units()];
}

bool PageMap::room(std::uint32_t plane, bool cleaning) const {
  const bool open = open_[plane] != none_left && next_page_[plane] < s_.layout.pages;
  const std::uint32_t kept = cleaning ? 0 : s_.reserve;  // cleaning ends only if it finds a block
  return free_[plane] > kept || (open && free_[plane] >= kept);
}

std::uint32_t PageMap::next_plane(std::uint32_t unit) {
  const std::uint32_t planes = s_.layout.all_planes();
  if (!s_.dynamic) {
    const std::uint32_t plane = order_[unit / s_.layout.units % planes];
    return room(plane, false) ? plane : none_left;
  }
  for (std::uint32_t tried = 0; tried < planes; ++tried) {
    const std::uint32_t plane = order_[turn_];
    turn_ = turn_ + 1 == planes ? 0 : turn_ + 1;
    if (room(plane, false)) return plane;
  }
  return none_left;
}

std::uint32_t PageMap::open_page(std::uint32_t plane, bool cleaning) {
  const FlashLayout& l = s_.layout;
  if (open_[plane] == none_left || next_page_[plane] == l.pages) {
    if (!room(plane, cleaning)) throw std::logic_error("no free page in a plane that had room");
    if (open_[plane] != none_left) state_[open_[plane]] = State::full;
    std::uint32_t best = none_left;
    for (std::uint32_t b = plane * l.blocks; b < (plane + 1) * l.blocks; ++b)
      if (state_[b] == State::free && (best == none_left || erases_[b] < erases_[best])) best = b;
    state_[best] = State::open;
    rewritten_[best] = 1;
    if (!owners_[best]) owners_[best].reset(new std::uint32_t[block_units()]);
    std::fill_n(owners_[best].get(), block_units(), unmapped);
    --free_[plane];
    open_[plane] = best;
    next_page_[plane] = 0;
  }
  return open_[plane] * block_units() + next_page_[plane]++ * l.units;
}

void PageMap::place(std::uint32_t unit, std::uint32_t location, bool done) {
  const std::uint32_t block = location / block_units();
  owners_[block][location % block_units()] = unit;
  ++valid_[block];
  set(unit, done ? location : location | in_flight);
}

void PageMap::programmed(std::uint32_t location) {
  for (std::uint32_t slot = 0; slot < s_.layout.units; ++slot) {
    const std::uint32_t unit = owner(location + slot);
    if (unit != unmapped && locate(unit) == ((location + slot) | in_flight))
      set(unit, location + slot);
  }
}

std::uint32_t PageMap::pick_victim(std::uint32_t plane) const {
  const std::uint32_t first = plane * s_.layout.blocks, last = first + s_.layout.blocks;
  std::uint32_t best = none_left, coldest = none_left, most = 0;
  for (std::uint32_t b = first; b < last; ++b) {
    most = std::max(most, erases_[b]);
    if (state_[b] != State::full) continue;
    if (best == none_left || valid_[b] < valid_[best]) best = b;
    if (coldest == none_left || erases_[b] < erases_[coldest]) coldest = b;
  }
  if (best == none_left || valid_[best] >= block_units()) return none_left;
  if (s_.wear_gap > 0 && most - erases_[coldest] > s_.wear_gap) return coldest;
  return best;
}

void PageMap::erase(std::uint32_t block) {
  state_[block] = State::free;
  valid_[block] = 0;
  ++erases_[block];
  ++free_[block / s_.layout.blocks];
}

void PageMap::make_room(std::uint32_t plane, std::uint32_t keep_free) {
  while (free_[plane] < keep_free) {
    const std::uint32_t victim = pick_victim(plane);
    if (victim == none_left) return;
    const std::uint32_t first = victim * block_units(), units = s_.layout.units;
    std::uint32_t into = none_left, slot = units;
    for (std::uint32_t at = first; at < first + block_units(); ++at) {
      if (!valid(at)) continue;
      const std::uint32_t unit = owner(at);
      if (slot == units) {
        into = open_page(plane, true);
        slot = 0;
      }
      place(unit, into + slot++, true);
      ++moved_;
    }
    erase(victim);
  }
}

void PageMap::overwrite(double times, std::uint32_t keep_free, RandomStream& random) {
  const std::uint32_t units = s_.layout.units;
  const auto pages =
      static_cast<std::uint64_t>(times * static_cast<double>(s_.logical) / units + 0.5);
  for (std::uint64_t p = 0; p < pages; ++p) {
    std::uint32_t into = none_left;
    for (std::uint32_t slot = 0; slot < units; ++slot) {
      const auto unit = static_cast<std::uint32_t>(random.integer(0, s_.logical - 1));
      if (into == none_left) {
        const std::uint32_t plane = next_plane(unit);
        if (plane == none_left) throw std::logic_error("no room to overwrite a drive");
        make_room(plane, keep_free);
        into = open_page(plane, false);
      }
      invalidate(unit);
      place(unit, into + slot, true);
    }
  }
}

std::size_t PageMap::bytes() const {
  std::size_t sum =
      state_.size() * 10 + map_.size() * sizeof(Chunk) + owners_.size() * sizeof(Chunk);
  for (const Chunk& c : map_) sum += c ? chunk_units * 4 : 0;
  for (const Chunk& c : owners_) sum += c ? std::size_t{block_units()} * 4 : 0;
  return sum;
}

}  // namespace terrace
