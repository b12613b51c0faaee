// Dies and channels. A command takes the bus, the array works alone, data take the bus again. A
// die's register holds a page until the bus has taken it; with cache reads the next page is sensed
// meanwhile. Source: ONFI 5.0; suspension after Wu and He, FAST 2012.
#include "models/flash/flash_array.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace terrace {
namespace {

std::int64_t ps(Seconds s) { return Time::nearest(s).ps(); }

}  // namespace

void FlashChannelParams::fields(Schema<FlashChannelParams>& s) {
  s.field("rate", &FlashChannelParams::rate, "data, one channel").above(BytesPerSecond(0));
  s.field("command", &FlashChannelParams::command, "command and address cycles of one page");
  s.field("plane_command", &FlashChannelParams::plane_command,
          "command and address cycles of each further plane");
  s.field("setup", &FlashChannelParams::setup, "before the data of a page");
  s.field("commands_first", &FlashChannelParams::commands_first,
          "commands without data go before data that wait to leave; false: data first");
  s.field("clock_grid", &FlashChannelParams::clock_grid,
          "the time of a byte is cut to whole multiples of this; 0: exact");
  s.field("energy", &FlashChannelParams::energy, "of a byte on the bus, both ends");
}

void FlashChannelParams::check(Checker& c) const {
  if (clock_grid > Seconds(0) && byte_ps() <= 0 && command <= Seconds(0))
    c.fail("clock_grid", "leaves neither data nor commands any time on the bus");
}

double FlashChannelParams::byte_ps() const {
  const double exact = 1e12 / rate.value(), grid = clock_grid.value() * 1e12;
  return grid > 0 ? std::floor(exact / grid) * grid : exact;
}

FlashArray::FlashArray(const NandParams& nand, const FlashChannelParams& channel,
                       const FlashLayout& layout)
    : nand_(nand),
      layout_(layout),
      erase_ps_(ps(nand.erase)),
      command_ps_(ps(channel.command)),
      plane_command_ps_(ps(channel.plane_command)),
      setup_ps_(ps(channel.setup)),
      cache_ps_(nand.cache_read ? ps(nand.cache_busy) : 0),
      byte_ps_(channel.byte_ps()),
      commands_first_(channel.commands_first),
      dies_(layout.all_dies()),
      channels_(layout.channels) {
  for (const Seconds t : nand.read) read_ps_.push_back(ps(t));
  for (const Seconds t : nand.program) program_ps_.push_back(ps(t));
}

void FlashArray::append(List& list, std::uint32_t slot) {
  slots_[slot].next = nobody;
  (list.empty() ? list.head : slots_[list.tail].next) = slot;
  list.tail = slot;
  ++list.count;
}

std::uint32_t FlashArray::pop(List& list) {
  const std::uint32_t slot = list.head;
  list.head = slots_[slot].next;
  if (list.empty()) list.tail = nobody;
  --list.count;
  return slot;
}

void FlashArray::post(std::int64_t at, std::uint32_t who) {
  events_.push_back({at, order_++, who});
  std::push_heap(events_.begin(), events_.end(), std::greater<>());
}

void FlashArray::submit(const FlashOp& op, Time now) {
  std::uint32_t slot = free_slot_;
  if (slot == nobody) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    free_slot_ = slots_[slot].next;
  }
  slots_[slot].op = op;
  const std::uint32_t die = layout_.die_of_plane(op.plane);
  append(dies_[die].queues[static_cast<std::size_t>(op.queue)], slot);
  ++dies_[die].waiting;
  if (op.queue == FlashQueue::reads) try_suspend(die, now.ps());
  const std::uint32_t channel = layout_.channel_of_die(die);
  if (!channels_[channel].busy) kick(channel, now.ps());
}

const FlashArray::List* FlashArray::choose(const Die& die, std::int64_t now) const {
  if (die.array != Array::idle || die.waiting == 0) return nullptr;
  const List& reads = die.queues[0];
  const List& programs = die.queues[1];
  const List& cleaning = die.queues[2];
  const bool cleaning_reads = !cleaning.empty() && slots_[cleaning.head].op.work == FlashWork::read;
  const bool may_read = die.out == 0 || nand_.cache_read;  // the data register is free
  if (!die.stopped.empty() && now >= die.stopped_until) return nullptr;
  if (!reads.empty()) return may_read ? &reads : nullptr;
  if (!die.stopped.empty()) return nullptr;  // goes on first
  if (!cleaning.empty() && (die.urgent || programs.empty()))
    return die.out == 0 || (cleaning_reads && may_read) ? &cleaning : nullptr;
  return !programs.empty() && die.out == 0 ? &programs : nullptr;
}

void FlashArray::gather(List& from, List& batch) {
  const FlashOp& first = slots_[batch.head].op;
  if (layout_.planes == 1 || first.work == FlashWork::erase) return;
  const bool read = first.work == FlashWork::read;
  if (read ? nand_.plane_reads == PlaneReads::single : !nand_.plane_programs) return;
  const bool same_page = read && nand_.plane_reads == PlaneReads::same_page;
  const std::uint32_t base = first.plane / layout_.planes * layout_.planes, page = first.page;
  const FlashWork work = first.work;
  std::uint64_t taken = 1ull << (first.plane - base);
  std::uint32_t before = nobody;
  for (std::uint32_t at = from.head; at != nobody && batch.count < layout_.planes;) {
    const FlashOp& op = slots_[at].op;
    const std::uint32_t next = slots_[at].next;
    const std::uint64_t plane = 1ull << (op.plane - base);
    if (op.work == work && !(taken & plane) && (!same_page || op.page == page)) {
      taken |= plane;
      (before == nobody ? from.head : slots_[before].next) = next;
      if (from.tail == at) from.tail = before;
      --from.count;
      append(batch, at);
    } else {
      if (!read && op.work == work && (taken & plane)) break;  // a block is programmed in order
      before = at;
    }
    at = next;
  }
}

bool FlashArray::issue(std::uint32_t channel, std::uint32_t die_id, bool short_only,
                       std::int64_t now) {
  Die& die = dies_[die_id];
  const List* chosen = choose(die, now);
  if (!chosen || (short_only && slots_[chosen->head].op.work == FlashWork::program)) return false;
  List& from = die.queues[chosen - die.queues];
  List batch;
  append(batch, pop(from));
  gather(from, batch);
  die.waiting -= batch.count;
  counts_.multi_plane += batch.count > 1;
  const FlashWork work = slots_[batch.head].op.work;
  std::int64_t bus = command_ps_ + plane_command_ps_ * (batch.count - 1), array = 0;
  for (std::uint32_t s = batch.head; s != nobody; s = slots_[s].next) {
    const FlashOp& op = slots_[s].op;
    if (work == FlashWork::read) {
      array = std::max(array, read_ps_[op.page % read_ps_.size()] + cache_ps_);
      ++counts_.reads;
    } else if (work == FlashWork::program) {
      bus += setup_ps_ + std::llround(op.bytes * byte_ps_);
      counts_.bus_bytes += op.bytes;
      array = std::max(array, program_ps_[op.page % program_ps_.size()]);
      ++counts_.programs;
    } else {
      array = erase_ps_;
      ++counts_.erases;
    }
  }
  die.active = batch;
  die.array = work == FlashWork::read      ? Array::sensing
              : work == FlashWork::program ? Array::programming
                                           : Array::erasing;
  if (die.stopped.empty()) die.stops = 0;
  die.until = now + bus + array;
  if (work == FlashWork::read) counts_.sense_ps += array;
  counts_.bus_ps += bus;
  Channel& c = channels_[channel];
  c.busy = true;
  c.on_bus = nobody;
  post(now + bus, channel);
  post(die.until, layout_.channels + die_id);
  return true;
}

// Gives the bus to the next die in turn that has a command.
bool FlashArray::issue_next(std::uint32_t channel, bool short_only, std::int64_t now) {
  Channel& c = channels_[channel];
  const std::uint32_t dies = layout_.dies_per_channel(), first = channel * dies;
  for (std::uint32_t i = 0, turn = c.turn; i < dies; ++i) {
    const std::uint32_t die = first + turn;
    turn = turn + 1 == dies ? 0 : turn + 1;
    if (dies_[die].waiting == 0 || !issue(channel, die, short_only, now)) continue;
    c.turn = turn;
    return true;
  }
  return false;
}

void FlashArray::kick(std::uint32_t channel, std::int64_t now) {
  Channel& c = channels_[channel];
  if (c.busy) return;
  if (c.out.empty()) {
    issue_next(channel, false, now);
    return;
  }
  if (commands_first_ && issue_next(channel, true, now)) return;
  c.on_bus = pop(c.out);
  const std::uint32_t bytes = slots_[c.on_bus].op.bytes;
  const std::int64_t bus = setup_ps_ + std::llround(bytes * byte_ps_);
  counts_.bus_bytes += bytes;
  counts_.bus_ps += bus;
  c.busy = true;
  post(now + bus, channel);
}

void FlashArray::try_suspend(std::uint32_t die_id, std::int64_t now) {
  Die& die = dies_[die_id];
  const bool program = die.array == Array::programming;
  if ((!program && die.array != Array::erasing) || !die.stopped.empty()) return;
  const auto& how = program ? nand_.program_suspend : nand_.erase_suspend;
  if (!how || die.stops >= static_cast<std::uint32_t>(how->most)) return;
  const std::int64_t longest =
      program ? *std::max_element(program_ps_.begin(), program_ps_.end()) : erase_ps_;
  const std::int64_t left = die.until - now;
  if (left <= ps(how->worth) || left > longest) return;  // ends soon, or data still arrive
  die.stopped = die.active;
  die.stopped_array = die.array;
  die.active = {};
  die.left = left;
  die.stopped_until = now + ps(how->longest);
  die.array = Array::suspending;
  die.until = now + ps(how->wait);
  ++die.stops;
  ++counts_.suspends;
  post(die.until, layout_.channels + die_id);
}

void FlashArray::try_resume(std::uint32_t die_id, std::int64_t now) {
  Die& die = dies_[die_id];
  if (die.array != Array::idle || die.stopped.empty() || die.out > 0) return;
  const auto& how =
      die.stopped_array == Array::programming ? nand_.program_suspend : nand_.erase_suspend;
  if (!die.queues[0].empty() && now < die.stopped_until) return;
  die.active = die.stopped;
  die.stopped = {};
  die.array = die.stopped_array;
  die.until = now + ps(how->resume) + die.left;
  post(die.until, layout_.channels + die_id);
}

void FlashArray::release(Die& die, Channel& channel) {
  die.out = die.active.count;
  while (!die.active.empty()) append(channel.out, pop(die.active));
  die.array = Array::idle;
}

void FlashArray::channel_done(std::uint32_t channel, std::int64_t now,
                              std::vector<std::uint32_t>& done) {
  Channel& c = channels_[channel];
  c.busy = false;
  if (c.on_bus != nobody) {
    const std::uint32_t slot = c.on_bus;
    const FlashOp& op = slots_[slot].op;
    done.push_back(op.tag);
    const std::uint32_t die_id = layout_.die_of_plane(op.plane);
    slots_[slot].next = free_slot_;
    free_slot_ = slot;
    c.on_bus = nobody;
    Die& die = dies_[die_id];
    if (--die.out == 0) {
      if (die.array == Array::holding) release(die, c);
      try_resume(die_id, now);
    }
  }
  kick(channel, now);
}

void FlashArray::die_done(std::uint32_t die_id, std::int64_t now,
                          std::vector<std::uint32_t>& done) {
  Die& die = dies_[die_id];
  if (die.until != now) return;  // was stopped
  Channel& channel = channels_[layout_.channel_of_die(die_id)];
  if (die.array == Array::sensing) {
    if (die.out == 0)
      release(die, channel);
    else
      die.array = Array::holding;
  } else if (die.array == Array::suspending) {
    die.array = Array::idle;
  } else if (die.array == Array::programming || die.array == Array::erasing) {
    die.array = Array::idle;
    while (!die.active.empty()) {
      const std::uint32_t slot = pop(die.active);
      done.push_back(slots_[slot].op.tag);
      slots_[slot].next = free_slot_;
      free_slot_ = slot;
    }
  } else {
    return;
  }
  try_resume(die_id, now);
  kick(layout_.channel_of_die(die_id), now);
}

void FlashArray::advance(Time now, std::vector<std::uint32_t>& done) {
  while (!events_.empty() && events_.front().at <= now.ps()) {
    std::pop_heap(events_.begin(), events_.end(), std::greater<>());
    const Event e = events_.back();
    events_.pop_back();
    if (e.who < layout_.channels)
      channel_done(e.who, e.at, done);
    else
      die_done(e.who - layout_.channels, e.at, done);
  }
}

}  // namespace terrace
