// The drive's back: write buffer, placement, cleaning, and the cache of the page map. Cleaning is
// greedy by plane; what it moves goes to the plane's open block together with new data, so that the
// closed form for one write frontier applies. Map pages evicted dirty cost a program but no place
// (a region of their own).
#include <algorithm>

#include "models/flash/ssd.h"

namespace terrace {
namespace {

constexpr std::uint32_t moves_at_once = 8;  // reads of cleaning in flight in a plane

}  // namespace

void Ssd::accept_write(std::uint32_t index, std::int64_t now) {
  const Request& r = requests_[index];
  const auto units = static_cast<std::uint32_t>((r.address + r.bytes - 1) / unit_bytes_ -
                                                r.address / unit_bytes_ + 1);
  // A write larger than the whole buffer passes when the buffer is empty.
  if (!blocked_.empty() || (buffered_ > 0 && buffered_ + units > buffer_units_))
    blocked_.push_back(index);
  else
    take_units(index, now);
}

void Ssd::take_units(std::uint32_t index, std::int64_t now) {
  Request& r = requests_[index];
  const bool back = params_.buffer.write_back;
  const auto first = static_cast<std::uint32_t>(r.address / unit_bytes_);
  const auto last = static_cast<std::uint32_t>((r.address + r.bytes - 1) / unit_bytes_);
  dram_ = std::max(dram_, now) + std::llround(r.bytes / params_.buffer.rate.value() * 1e12);
  r.pending = 1;
  for (std::uint32_t unit = first; unit <= last; ++unit) {
    const std::uint32_t entry = map_.locate(unit);
    ++counts_.host_units;
    touch_map(unit, now);
    if (entry == PageMap::buffered) {  // takes the place of what waits there
      ++counts_.buffer_hits;
      continue;
    }
    map_.invalidate(unit);
    map_.set(unit, PageMap::buffered);
    ++buffered_;
    if (!back) ++r.pending;
    if (entry < PageMap::in_flight && wanted(r, unit) < unit_bytes_) {
      ++counts_.old_reads;
      const FlashLayout& l = map_.layout();
      FlashOp op;
      op.plane = entry / page_units_ / (l.blocks * l.pages);
      op.page = entry / page_units_ % l.pages;
      op.bytes = unit_bytes_;
      submit(Tag::old_read, aside(unit, back ? nobody : index), op, now);
    } else {
      unplaced_.push_back({unit, back ? nobody : index});
    }
  }
  if (--r.pending == 0) finish(index, std::max(now, dram_));
  flush(now);
}

void Ssd::flush(std::int64_t now) {
  while (unplaced_.size() >= page_units_ || (!params_.buffer.write_back && !unplaced_.empty())) {
    const std::uint32_t plane = map_.next_plane(unplaced_.front().unit);
    if (plane == PageMap::none_left) return;  // until an erase ends
    const auto count =
        std::min<std::uint32_t>(page_units_, static_cast<std::uint32_t>(unplaced_.size()));
    const std::uint32_t location = map_.open_page(plane, false);
    const std::uint32_t record = new_program(plane, location, false);
    for (std::uint32_t slot = 0; slot < count; ++slot) {
      const Unit u = unplaced_.front();
      unplaced_.pop_front();
      map_.place(u.unit, location + slot, false);
      if (u.request != nobody) programs_[record].requests.push_back(u.request);
    }
    programs_[record].host_units = count;
    ++counts_.host_pages;
    program(record, now);
    clean(plane, now);
  }
}

std::uint32_t Ssd::new_program(std::uint32_t plane, std::uint32_t location, bool cleaning) {
  std::uint32_t record;
  if (free_programs_.empty()) {
    record = static_cast<std::uint32_t>(programs_.size());
    programs_.emplace_back();
  } else {
    record = free_programs_.back();
    free_programs_.pop_back();
  }
  Program& p = programs_[record];
  p.location = location;
  p.plane = plane;
  p.host_units = 0;
  p.cleaning = cleaning;
  p.requests.clear();
  return record;
}

void Ssd::program(std::uint32_t record, std::int64_t now) {
  const Program& p = programs_[record];
  FlashOp op;
  op.plane = p.plane;
  op.page = p.location / page_units_ % map_.layout().pages;
  op.bytes = page_units_ * unit_bytes_;
  op.work = FlashWork::program;
  op.queue = FlashQueue::programs;
  submit(Tag::program, record, op, now);
}

void Ssd::programmed(std::uint32_t record, std::int64_t now) {
  const Program& p = programs_[record];
  map_.programmed(p.location);
  buffered_ -= p.host_units;
  for (const std::uint32_t request : p.requests)
    if (--requests_[request].pending == 0) finish(request, now);
  const std::uint32_t plane = p.plane;
  const bool cleaning = p.cleaning;
  free_programs_.push_back(record);
  if (cleaning) {
    --cleaning_[plane].programs;
    move(plane, now);
  }
  while (!blocked_.empty()) {
    const Request& r = requests_[blocked_.front()];
    const auto units = static_cast<std::uint32_t>((r.address + r.bytes - 1) / unit_bytes_ -
                                                  r.address / unit_bytes_ + 1);
    if (buffered_ > 0 && buffered_ + units > buffer_units_) return;
    const std::uint32_t request = blocked_.front();
    blocked_.pop_front();
    take_units(request, now);
  }
}

void Ssd::clean(std::uint32_t plane, std::int64_t now) {
  Cleaning& c = cleaning_[plane];
  const std::uint32_t free = map_.free_blocks(plane);
  const auto below = [&](int n) { return free < static_cast<std::uint32_t>(n); };
  if (below(params_.translation.clean_below))
    array_.urgent(map_.layout().die_of_plane(plane), below(params_.translation.urgent_below));
  if (c.active || !below(params_.translation.clean_below)) return;
  c.victim = map_.pick_victim(plane);
  if (c.victim == PageMap::none_left) return;
  c.active = true;
  c.page = 0;
  move(plane, now);
}

// Reads what is valid in the victim, and erases it when all of it has been programmed elsewhere.
void Ssd::move(std::uint32_t plane, std::int64_t now) {
  Cleaning& c = cleaning_[plane];
  if (!c.active || c.erasing) return;
  const std::uint32_t pages = map_.layout().pages;
  for (; c.reads < moves_at_once && c.page < pages; ++c.page) {
    const std::uint32_t location = c.victim * map_.block_units() + c.page * page_units_;
    FlashOp op;
    for (std::uint32_t slot = 0; slot < page_units_; ++slot)
      op.bytes += map_.valid(location + slot) ? unit_bytes_ : 0;
    if (op.bytes == 0) continue;
    op.plane = plane;
    op.page = c.page;
    op.queue = FlashQueue::cleaning;
    c.in_read.push_back(location);
    ++c.reads;
    submit(Tag::move, plane, op, now);
  }
  if (c.page < pages || c.reads > 0 || c.programs > 0) return;
  c.erasing = true;
  FlashOp op;
  op.plane = plane;
  op.work = FlashWork::erase;
  op.queue = FlashQueue::cleaning;
  submit(Tag::erase, plane, op, now);
}

void Ssd::moved(std::uint32_t plane, std::int64_t now) {
  Cleaning& c = cleaning_[plane];
  const std::uint32_t location = c.in_read.front();
  c.in_read.pop_front();
  --c.reads;
  for (std::uint32_t at = location; at < location + page_units_; ++at) {
    if (!map_.valid(at)) continue;
    const std::uint32_t unit = map_.owner(at);
    map_.invalidate(unit);
    map_.set(unit, PageMap::buffered);
    c.staged.push_back(unit);
    ++counts_.moved_units;
  }
  while (c.staged.size() >= page_units_) {
    const std::uint32_t into = map_.open_page(plane, true);
    const std::uint32_t record = new_program(plane, into, true);
    for (std::uint32_t slot = 0; slot < page_units_; ++slot)
      map_.place(c.staged[slot], into + slot, false);
    c.staged.erase(c.staged.begin(), c.staged.begin() + page_units_);
    ++c.programs;
    ++counts_.moved_pages;
    program(record, now);
  }
  move(plane, now);
}

void Ssd::erased(std::uint32_t plane, std::int64_t now) {
  Cleaning& c = cleaning_[plane];
  map_.erase(c.victim);
  c.active = c.erasing = false;
  array_.urgent(map_.layout().die_of_plane(plane), false);
  clean(plane, now);
  flush(now);
}

std::uint32_t Ssd::aside(std::uint32_t what, std::uint32_t request) {
  std::uint32_t index;
  if (free_asides_.empty()) {
    index = static_cast<std::uint32_t>(asides_.size());
    asides_.emplace_back();
  } else {
    index = free_asides_.back();
    free_asides_.pop_back();
  }
  asides_[index] = {what, request};
  return index;
}

// Pages of the map that a read must wait for.
std::uint32_t Ssd::translate(std::uint32_t index, std::int64_t now) {
  if (map_slots_.empty()) return 0;
  Request& r = requests_[index];
  const auto first = static_cast<std::uint32_t>(r.address / unit_bytes_ / map_units_);
  const auto last =
      static_cast<std::uint32_t>((r.address + r.bytes - 1) / unit_bytes_ / map_units_);
  r.pending = 0;
  for (std::uint32_t page = first; page <= last; ++page) {
    if (map_slot_[page] != nobody) {
      map_slots_[map_slot_[page]].used = true;
      continue;
    }
    ++r.pending;
    submit(Tag::map_read, aside(page, index), map_page(page, FlashWork::read), now);
    ++counts_.map_reads;
  }
  return r.pending;
}

FlashOp Ssd::map_page(std::uint32_t page, FlashWork work) const {
  FlashOp op;
  op.plane = page % map_.layout().all_planes();
  op.bytes = static_cast<std::uint32_t>(params_.nand.page.value());
  op.work = work;
  op.queue = work == FlashWork::read ? FlashQueue::reads : FlashQueue::programs;
  return op;
}

void Ssd::load_map(std::uint32_t page, std::int64_t now) {
  if (map_slot_[page] != nobody) return;
  for (;; map_hand_ = map_hand_ + 1 == map_slots_.size() ? 0 : map_hand_ + 1) {
    MapSlot& slot = map_slots_[map_hand_];
    if (slot.used) {
      slot.used = false;  // a second chance
      continue;
    }
    if (slot.page != nobody) {
      map_slot_[slot.page] = nobody;
      if (slot.dirty) {
        ++counts_.map_writes;
        submit(Tag::map_write, 0, map_page(slot.page, FlashWork::program), now);
      }
    }
    slot = {page, true, false};
    map_slot_[page] = map_hand_;
    return;
  }
}

// A write changes its entry; a page of the map that is not there is read without holding the host.
void Ssd::touch_map(std::uint32_t unit, std::int64_t now) {
  if (map_slots_.empty()) return;
  const std::uint32_t page = unit / map_units_;
  if (map_slot_[page] == nobody) {
    ++counts_.map_reads;
    submit(Tag::map_write, 0, map_page(page, FlashWork::read), now);
    load_map(page, now);
  }
  map_slots_[map_slot_[page]].used = map_slots_[map_slot_[page]].dirty = true;
}

}  // namespace terrace
