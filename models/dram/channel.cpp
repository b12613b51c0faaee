// The controller of a channel: queues and candidates, columns, rows.
#include "models/dram/channel.h"

#include <cmath>

namespace terrace::dram {

void CompletionQueue::grow() {
  std::vector<Completion> wider(ring_.size() * 2);
  for (std::size_t i = begin_; i < end_; ++i)
    wider[i & (wider.size() - 1)] = ring_[i & (ring_.size() - 1)];
  ring_.swap(wider);
}

Channel::Channel(const CommandTable& table, const ChannelRules& rules)
    : table_(table),
      rules_(rules),
      times_(table),
      banks_(static_cast<std::size_t>(table.banks())),
      lanes_(2 * banks_.size()),
      pool_(static_cast<std::size_t>(rules.read_queue + rules.write_queue) + banks_.size()),
      scopes_(rules.refresh.scopes.size()),
      capacity_{rules.read_queue, rules.write_queue},
      drain_high_(rules.scheduling.drain_high * rules.write_queue),
      drain_low_(rules.scheduling.drain_low * rules.write_queue) {
  for (std::size_t e = 0; e < pool_.size(); ++e) {
    pool_[e].next = free_;
    free_ = static_cast<int>(e);
  }
  const std::int64_t two_ticks = std::max<std::int64_t>(1, table.time(2).ps());
  const auto ticks = [&](Time t) {
    return t == Time::never() ? never_tick : 2 * t.ps() / two_ticks;
  };
  age_cap_ = ticks(rules.scheduling.age_cap);
  idle_ = ticks(rules.rows.idle);
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    scopes_[i].done.assign(rules.refresh.scopes[i].targets.size(), false);
    scopes_[i].remaining = static_cast<int>(scopes_[i].done.size());
    for (const auto& target : rules.refresh.scopes[i].targets)
      for (const int b : target) bank(b).scope = static_cast<int>(i);
  }
  if (!scopes_.empty()) {
    refresh_exact_ = rules.refresh.interval;
    refresh_at_ = std::llround(refresh_exact_);
  }
}

void Channel::mark(bool write, int b) {
  const Lane& l = lane(write, b);
  hits_[write].set(b, l.hit >= 0);
  rows_[write].set(b, l.other >= 0);
}

void Channel::push(bool write, int b, std::uint32_t row, std::uint32_t token, Tick first) {
  const int e = free_;
  Entry& x = entry(e);
  free_ = x.next;
  Lane& l = lane(write, b);
  x = {arrivals_++, first, row, token, -1, l.tail, write};
  if (l.tail >= 0)
    entry(l.tail).next = e;
  else
    l.head = e;
  l.tail = e;
  ++l.count;
  ++count_[write];
  ++waiting_;
  Bank& bk = bank(b);
  if (!scopes_.empty()) ++scopes_[static_cast<std::size_t>(bk.scope)].waiting;
  const bool hit = bk.row == static_cast<std::int64_t>(row);
  if (hit) {
    ++l.hits;
    if (l.hit < 0) l.hit = e;
  } else if (l.other < 0) {
    l.other = e;
  }
  mark(write, b);
  if (must_turn()) {
    column_at_ = std::min(column_at_, first);
    row_at_ = std::min(row_at_, first);
  } else if (write == write_mode_) {
    if (hit)
      column_at_ = std::min(column_at_, std::max(first, times_.earliest(write ? WR : RD, b)));
    else
      row_at_ = std::min(row_at_, std::max(first, times_.earliest(bk.row < 0 ? ACT : PRE, b)));
  }
}

void Channel::unlink(bool write, int b, int e) {
  Lane& l = lane(write, b);
  const Entry& x = entry(e);
  if (x.before >= 0)
    entry(x.before).next = x.next;
  else
    l.head = x.next;
  if (x.next >= 0)
    entry(x.next).before = x.before;
  else
    l.tail = x.before;
  --l.count;
  --count_[write];
}

void Channel::row_opened(int b) {
  open_.add(b);
  for (const bool write : {false, true}) {
    Lane& l = lane(write, b);
    l.hits = 0;
    l.hit = l.other = -1;
    for (int e = l.head; e >= 0; e = entry(e).next) {
      const bool hit = bank(b).row == static_cast<std::int64_t>(entry(e).row);
      l.hits += hit;
      int& oldest = hit ? l.hit : l.other;
      if (oldest < 0) oldest = e;
    }
    mark(write, b);
  }
}

void Channel::row_closed(int b) {
  bank(b).row = -1;
  open_.remove(b);
  for (const bool write : {false, true}) {
    Lane& l = lane(write, b);
    l.hits = 0;
    l.hit = -1;
    l.other = l.head;
    mark(write, b);
  }
}

bool Channel::must_turn() const {
  if (write_mode_) return count_[1] < drain_low_ ? count_[0] > 0 : count_[1] == 0;
  if (count_[0] == 0) return count_[1] > 0;
  return count_[1] > drain_high_ && reads_since_ >= rules_.scheduling.least_reads;
}

void Channel::set_mode(Tick now) {
  if (!must_turn()) return;
  write_mode_ = !write_mode_;
  reads_since_ = 0;
  column_at_ = row_at_ = now;
}

std::uint64_t Channel::oldest() const {
  std::uint64_t age = UINT64_MAX;
  for (const Bank& b : banks_)
    if (b.reserved >= 0) age = std::min(age, pool_[static_cast<std::size_t>(b.reserved)].age);
  if (age != UINT64_MAX) return age;
  for (std::size_t b = 0; b < banks_.size(); ++b) {
    const Lane& l = lanes_[2 * b + write_mode_];
    if (l.head >= 0) age = std::min(age, pool_[static_cast<std::size_t>(l.head)].age);
  }
  return age;
}

void Channel::process(Tick now) {
  last_ = now;
  if (now >= refresh_at_) refresh_due(now);
  set_mode(now);
  if (now >= column_at_) column(now);
  set_mode(now);
  if (now >= row_at_) row(now);
}

void Channel::column(Tick now) {
  Pick pick;
  const bool in_order = rules_.scheduling.in_order;
  const std::uint64_t first = in_order ? oldest() : 0;
  int chosen = -1;
  const auto consider = [&](int b, int e) {
    const Entry& x = entry(e);
    if (in_order && x.age != first) return;
    if (pick.offer(now, times_.not_before(x.write ? WR : RD, b, now), x.age, b)) chosen = e;
  };
  reserved_.each([&](int b) { consider(b, bank(b).reserved); });
  if (chosen < 0)
    hits_[write_mode_].without(blocked_).each(
        [&](int b) { consider(b, lane(write_mode_, b).hit); });
  if (chosen < 0)
    column_at_ = pick.soonest;
  else
    give_column(pick.bank, chosen, now);
}

void Channel::give_column(int b, int e, Tick now) {
  Entry& x = entry(e);
  Bank& bk = bank(b);
  Lane& l = lane(x.write, b);
  if (bk.reserved == e) {
    bk.reserved = -1;
    reserved_.remove(b);
  } else {
    unlink(x.write, b, e);
    --l.hits;
    l.hit = -1;
    if (l.hits > 0) {
      int n = x.next;
      while (static_cast<std::int64_t>(entry(n).row) != bk.row) n = entry(n).next;
      l.hit = n;
    }
    mark(x.write, b);
  }
  Command c = x.write ? WR : RD;
  if (rules_.rows.with_last_hit && lane(false, b).hits + lane(true, b).hits == 0 &&
      table_.has(x.write ? WRA : RDA))
    c = x.write ? WRA : RDA;
  issue(c, b, now);
  done_[x.write].push({now + (x.write ? table_.write_latency() : table_.read_latency()), x.token});
  if (!x.write) ++reads_since_;
  x.next = free_;
  free_ = e;
  --waiting_;
  bk.used = now;
  if (c == RDA || c == WRA) row_closed(b);
  if (!scopes_.empty()) {
    Scope& scope = scopes_[static_cast<std::size_t>(bk.scope)];
    if (--scope.waiting == 0 && scope.owed > 0 && scope.target < 0) arm(bk.scope, now);
  }
  column_at_ = now + table_.cycles(c);
  if (blocked_.has(b)) row_at_ = now;
  if (rows_[write_mode_].has(b))
    row_at_ = std::min(row_at_, times_.earliest(bk.row < 0 ? ACT : PRE, b));
  if (idle_ != never_tick && bk.row >= 0) row_at_ = std::min(row_at_, now + idle_);
}

// Ready commands of older requests go first; a row that older hits wait for is not closed.
void Channel::row(Tick now) {
  Pick pick;
  if (refreshing_ > 0 && refresh(now, pick.soonest)) {
    row_at_ = now + 1;
    return;
  }
  const bool in_order = rules_.scheduling.in_order;
  const std::uint64_t first = in_order ? oldest() : 0;
  rows_[write_mode_].without(blocked_).each([&](int b) {
    const Bank& bk = bank(b);
    const Lane& l = lane(write_mode_, b);
    const Entry& x = entry(l.other);
    if (in_order && x.age != first) return;
    if (bk.row < 0) {
      pick.offer(now, times_.not_before(ACT, b, now), x.age, b);
    } else if (bk.reserved < 0 && !row_is_kept(l)) {
      pick.offer(now, times_.not_before(PRE, b, now), x.age, b);
    }
  });
  if (idle_ != never_tick && pick.bank < 0) close_idle(now, pick);
  if (pick.bank < 0) {
    row_at_ = pick.soonest;
    return;
  }
  if (bank(pick.bank).row < 0)
    activate(pick.bank, now);
  else
    precharge(pick.bank, now);
  row_at_ = now + 1;
}

bool Channel::row_is_kept(const Lane& l) const {
  if (!rules_.scheduling.keep_rows || l.hit < 0) return false;
  const Entry& hit = pool_[static_cast<std::size_t>(l.hit)];
  const Entry& other = pool_[static_cast<std::size_t>(l.other)];
  return hit.age < other.age || hit.came < other.came + age_cap_;
}

void Channel::close_idle(Tick now, Pick& pick) {
  open_.without(reserved_).without(blocked_).each([&](int b) {
    if (lane(false, b).hits + lane(true, b).hits > 0) return;
    pick.offer(now, std::max(times_.earliest(PRE, b), bank(b).used + idle_), 0, b);
  });
}

void Channel::activate(int b, Tick now) {
  Bank& bk = bank(b);
  const int e = lane(write_mode_, b).head;
  Entry& x = entry(e);
  issue(ACT, b, now);
  bk.row = x.row;
  bk.reserved = e;
  reserved_.add(b);
  unlink(write_mode_, b, e);
  row_opened(b);
  column_at_ = std::min(column_at_, times_.earliest(x.write ? WR : RD, b));
}

void Channel::precharge(int b, Tick now) {
  issue(PRE, b, now);
  row_closed(b);
}

}  // namespace terrace::dram
