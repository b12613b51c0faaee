// Folding: after one round that met nobody else's traffic, the rest of a repeat is one timer. When
// somebody starts to use one of its resources, the current round is replayed on a clock of its own
// up to that moment.
#include <algorithm>

#include "sim/step_run.h"

namespace terrace {

// Not while somebody's flow is live on its resources, nor beside a fold that shares one: neither
// would be seen to start.
bool Executor::fold(std::int32_t slot, std::int32_t u, Time now) {
  StepRun& r = run(slot);
  Unit& unit = r.units[idx(u)];
  unit.resources.assign((machine_.resources().size() + 63) / 64, 0);
  for (OpVertex v = unit.first; v < unit.last; ++v)
    for (const FlowSpec& flow : r.ops[v].plan.flows)
      for (const Hop& h : flow.hops) {
        if (main_.network.busy(h.resource)) return false;
        unit.resources[idx(h.resource) / 64] |= std::uint64_t{1} << (h.resource % 64);
      }
  for (const auto& [other_slot, other] : folds_) {
    const auto& theirs = run(other_slot).units[idx(other)].resources;
    for (std::size_t i = 0; i < theirs.size(); ++i)
      if ((theirs[i] & unit.resources[i]) != 0) return false;
  }
  unit.folded = true;
  unit.fold_started = now;
  unit.period = now - unit.round_started;
  ++unit.generation;
  folds_.emplace_back(slot, u);
  main_.timers.push_back(
      {now + unit.period * (unit.times - unit.rounds), order_++, slot, -1, u, unit.generation});
  std::push_heap(main_.timers.begin(), main_.timers.end());
  return true;
}

void Executor::interrupt_folds(const OpPlan& plan, Time now) {
  const auto touches = [&](const Unit& unit) {
    for (const FlowSpec& flow : plan.flows)
      for (const Hop& h : flow.hops)
        if ((unit.resources[idx(h.resource) / 64] >> (h.resource % 64) & 1) != 0) return true;
    return false;
  };
  for (std::size_t i = 0; i < folds_.size();) {
    const auto [slot, u] = folds_[i];
    const Unit& unit = run(slot).units[idx(u)];
    const bool over = now >= unit.fold_started + unit.period * (unit.times - unit.rounds);
    if (over || !touches(unit))
      ++i;
    else
      unfold(slot, u, now);
  }
}

void Executor::unfold(std::int32_t slot, std::int32_t u, Time now) {
  StepRun& r = run(slot);
  Unit& unit = r.units[idx(u)];
  folds_.erase(std::find(folds_.begin(), folds_.end(), std::make_pair(slot, u)));
  unit.folded = false;
  const std::int64_t whole =
      unit.period.ps() > 0 ? (now - unit.fold_started).ps() / unit.period.ps() : 0;
  if (whole > 0) account_round(r, unit, whole, unit.period, unit.period);
  unit.rounds += whole;
  const Time round = unit.fold_started + unit.period * whole;
  start_round(replay_, slot, u, round);
  replay_.network.settle(round);
  for (Time next = next_of(replay_); next < now; next = next_of(replay_)) {
    process(replay_, next);
    replay_.network.settle(next);
  }
  main_.network.absorb(replay_.network);
  for (const Timer& t : replay_.timers) {
    main_.timers.push_back(t);
    std::push_heap(main_.timers.begin(), main_.timers.end());
  }
  replay_.timers.clear();
}

// Times of the round last observed, counted `times` times from `after` on; and its critical path,
// from the last op back.
void Executor::account_round(StepRun& r, Unit& unit, std::int64_t times, Time period, Time after) {
  for (OpVertex v = unit.first; v < unit.last; ++v) {
    const OpRun& op = r.ops[v];
    accounts_.time(r.step.graph[v], op.row, op.ended - op.started, op.bottleneck, times);
    if (options_.trace != nullptr)
      options_.trace->op({&r.step.graph[v], &op.plan, r.step.id, r.step.lane, op.started + after,
                          op.flows_at + after, op.ended + after, times, period});
  }
  const auto spend = [&](std::int32_t cause, Time span) {
    if (span.ps() == 0) return;
    for (auto& [known, sum] : unit.path)
      if (known == cause) {
        sum += span * times;
        return;
      }
    unit.path.emplace_back(cause, span * times);
  };
  for (std::int32_t v = unit.last_ended; v >= 0; v = r.ops[idx(v)].enabler) {
    const OpRun& op = r.ops[idx(v)];
    spend(op.bottleneck, op.ended - op.flows_at);
    spend(blame(op.plan.latency_cause), op.flows_at - op.started);
  }
}

// The chain of units that decided when the step ended, from the end back to where the lane's
// previous step had ended: what two steps of a lane in flight overlap is told once. Waiting for an
// engine is queueing.
void Executor::account_path(StepRun& r, Time now) {
  if (r.step.lane < 0) return;
  Time left = now - std::max(r.submitted, accounts_.lane_ended(r.step.lane));
  const auto spend = [&](std::int32_t cause, Time span) {
    const Time told = std::min(span, left);
    if (told.ps() > 0) accounts_.path(cause, told);
    left -= told;
  };
  Time reached = now;
  for (std::int32_t u = r.last_unit; u >= 0; u = r.units[idx(u)].enabler) {
    const Unit& unit = r.units[idx(u)];
    for (const auto& [cause, spent] : unit.path) spend(cause, spent);
    spend(blame(Cause::queueing), unit.started - unit.ready_at);
    reached = unit.ready_at;
  }
  spend(blame(Cause::queueing), reached - r.submitted);
}

}  // namespace terrace
