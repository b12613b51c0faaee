// The refresh of a channel: what is owed, which banks stop for it, and the commands it takes.
#include <cmath>

#include "models/dram/channel.h"

namespace terrace::dram {

void Channel::refresh_due(Tick now) {
  refresh_exact_ += rules_.refresh.interval;
  refresh_at_ = std::llround(refresh_exact_);
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    ++scopes_[i].owed;
    if (scopes_[i].target < 0) arm(static_cast<int>(i), now);
  }
}

// Begins the next refresh of a scope unless it may still be postponed: the banks it takes get no
// further commands for requests.
void Channel::arm(int i, Tick now) {
  Scope& scope = scopes_[static_cast<std::size_t>(i)];
  if (scope.owed == 0 || (scope.owed <= rules_.refresh.postpone && scope.waiting > 0)) return;
  const auto& targets = rules_.refresh.scopes[static_cast<std::size_t>(i)].targets;
  int chosen = -1;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (scope.done[t]) continue;
    if (chosen < 0) chosen = static_cast<int>(t);
    if (!rules_.refresh.idle_first) break;
    bool waited_for = false;
    for (const int b : targets[t])
      waited_for |= lane(false, b).count + lane(true, b).count > 0 || bank(b).reserved >= 0;
    if (waited_for) continue;
    chosen = static_cast<int>(t);
    break;
  }
  scope.target = chosen;
  for (const int b : targets[static_cast<std::size_t>(chosen)]) blocked_.add(b);
  ++refreshing_;
  row_at_ = std::min(row_at_, now);
}

bool Channel::refresh(Tick now, Tick& soonest) {
  for (std::size_t i = 0; i < scopes_.size(); ++i)
    if (scopes_[i].target >= 0 && refresh(static_cast<int>(i), now, soonest)) return true;
  return false;
}

bool Channel::refresh(int i, Tick now, Tick& soonest) {
  const auto scope = static_cast<std::size_t>(i);
  const std::vector<int>& banks =
      rules_.refresh.scopes[scope].targets[static_cast<std::size_t>(scopes_[scope].target)];
  const Command command = rules_.refresh.command;
  int open = -1;
  for (const int b : banks) {
    if (bank(b).reserved >= 0) return false;  // its column comes first, and wakes the row bus
    if (open < 0 && bank(b).row >= 0) open = b;
  }
  const bool all = command == REFab && table_.has(PREA);
  Tick at;
  if (open >= 0)
    at = all ? times_.earliest(PREA, banks) : times_.earliest(PRE, open);
  else
    at = times_.earliest(command, banks);
  if (at > now) {
    soonest = std::min(soonest, at);
    return false;
  }
  if (open < 0) {
    refresh_done(i, banks, now);
  } else if (all) {
    issue(PREA, banks, now);
    for (const int b : banks)
      if (bank(b).row >= 0) row_closed(b);
  } else {
    precharge(open, now);
  }
  return true;
}

void Channel::refresh_done(int i, const std::vector<int>& banks, Tick now) {
  Scope& scope = scopes_[static_cast<std::size_t>(i)];
  issue(rules_.refresh.command, banks, now);
  banks_refreshed_ += static_cast<std::int64_t>(banks.size());
  for (const int b : banks) blocked_.remove(b);
  scope.done[static_cast<std::size_t>(scope.target)] = true;
  if (--scope.remaining == 0) {
    scope.remaining = static_cast<int>(scope.done.size());
    scope.done.assign(scope.done.size(), false);
  }
  scope.target = -1;
  --refreshing_;
  --scope.owed;
  arm(i, now);
}

}  // namespace terrace::dram
