// Units (single ops, or repeated stretches) start when their inputs are there and their engines are
// theirs.
#include "sim/executor.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "sim/step_run.h"

namespace terrace {

Executor::Executor(const Machine& machine, Options options)
    : machine_(machine),
      options_(options),
      accounts_(machine),
      main_{FlowNetwork(machine.capacities(), &machine), {}},
      replay_{FlowNetwork(machine.capacities(), &machine), {}},
      engines_(machine.engines().size()) {}

Executor::~Executor() = default;

Time Executor::next_of(const Clock& clock) {
  const Time flow = clock.network.next_end();
  return clock.timers.empty() ? flow : std::min(flow, clock.timers.front().at);
}

Time Executor::next_event() const { return done_.empty() ? next_of(main_) : done_at_; }

void Executor::submit(Step step, Time now) {
  std::int32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<std::int32_t>(runs_.size());
    runs_.push_back(std::make_unique<StepRun>());
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  StepRun& r = run(slot);
  r.step = std::move(step);
  r.submitted = now;
  lay_out(r);
  for (const Unit& unit : r.units)
    for (EngineId e : unit.engines) {
      auto& queue = engines_[idx(e)].queue;
      if (queue.empty() || queue.back().first != slot) queue.emplace_back(slot, 0);
      ++queue.back().second;
    }
  if (r.units.empty()) {
    end_step(slot, now);
    return;
  }
  for (std::size_t u = 0; u < r.units.size(); ++u)
    if (r.units[u].pending == 0) {
      r.units[u].ready_at = now;
      r.ready.push_back(static_cast<std::int32_t>(u));
    }
  try_units(slot, now);
  main_.network.settle(now);
}

// Groups vertices into units and counts what each waits for.
void Executor::lay_out(StepRun& r) {
  const OpGraph& g = r.step.graph;
  const std::size_t n = boost::num_vertices(g);
  r.ops.resize(n);
  r.units.clear();
  r.ready.clear();
  r.open_units = 0;
  std::size_t repeat = 0;
  for (OpVertex v = 0; v < n;) {
    Unit unit;
    unit.first = v;
    unit.last = v + 1;
    if (repeat < r.step.repeats.size() && r.step.repeats[repeat].first == v) {
      unit.last = r.step.repeats[repeat].last;
      unit.times = r.step.repeats[repeat].times;
      ++repeat;
    }
    for (OpVertex w = unit.first; w < unit.last; ++w) {
      OpRun& op = r.ops[w];
      op.unit = static_cast<std::int32_t>(r.units.size());
      op.planned = false;
      op.inner_pending = 0;
      op.row = accounts_.label(g[w]);
      if (g[w].engine < 0 || idx(g[w].engine) >= engines_.size())
        throw std::logic_error(std::string("op ") + g[w].label + " names no engine");
      if (std::find(unit.engines.begin(), unit.engines.end(), g[w].engine) == unit.engines.end())
        unit.engines.push_back(g[w].engine);
    }
    v = unit.last;
    r.units.push_back(std::move(unit));
  }
  for (OpVertex v = 0; v < n; ++v)
    for (auto [e, end] = boost::out_edges(v, g); e != end; ++e) {
      const OpVertex w = boost::target(*e, g);
      if (r.ops[v].unit == r.ops[w].unit)
        ++r.ops[w].inner_pending;
      else
        ++r.units[idx(r.ops[w].unit)].pending;
    }
  r.open_units = static_cast<std::int32_t>(r.units.size());
}

bool Executor::may_start(const Unit& unit, std::int32_t slot) const {
  return std::all_of(unit.engines.begin(), unit.engines.end(), [&](EngineId e) {
    const EngineState& s = engines_[idx(e)];
    return s.holder_slot < 0 && s.queue.front().first == slot;
  });
}

void Executor::try_units(std::int32_t slot, Time now) {
  StepRun& r = run(slot);
  for (std::size_t i = 0; i < r.ready.size();) {
    const std::int32_t u = r.ready[i];
    if (!may_start(r.units[idx(u)], slot)) {
      ++i;
      continue;
    }
    r.ready.erase(r.ready.begin() + static_cast<std::ptrdiff_t>(i));
    start_unit(slot, u, now);
    i = 0;
  }
}

void Executor::start_unit(std::int32_t slot, std::int32_t u, Time now) {
  Unit& unit = run(slot).units[idx(u)];
  for (EngineId e : unit.engines) {
    engines_[idx(e)].holder_slot = slot;
    engines_[idx(e)].holder_unit = u;
  }
  if (free_owners_.empty()) {
    unit.owner = owners_++;
  } else {
    unit.owner = free_owners_.back();
    free_owners_.pop_back();
  }
  main_.network.forgive(unit.owner);
  unit.started = now;
  start_round(main_, slot, u, now);
}

void Executor::start_round(Clock& clock, std::int32_t slot, std::int32_t u, Time now) {
  StepRun& r = run(slot);
  Unit& unit = r.units[idx(u)];
  unit.round_started = now;
  unit.open_ops = static_cast<std::int32_t>(unit.last - unit.first);
  unit.waiting.clear();
  for (OpVertex v = unit.first; v < unit.last; ++v) {
    r.ops[v].pending = r.ops[v].inner_pending;
    if (r.ops[v].pending == 0) unit.waiting.push_back(static_cast<std::int32_t>(v));
  }
  try_ops(clock, slot, unit, now, -1);
}

// Starts waiting ops whose engine is free, in vertex order.
void Executor::try_ops(Clock& clock, std::int32_t slot, Unit& unit, Time now,
                       std::int32_t enabler) {
  StepRun& r = run(slot);
  for (std::size_t i = 0; i < unit.waiting.size();) {
    const auto v = static_cast<OpVertex>(unit.waiting[i]);
    EngineState& engine = engines_[idx(r.step.graph[v].engine)];
    if (engine.busy) {
      ++i;
      continue;
    }
    engine.busy = true;
    unit.waiting.erase(unit.waiting.begin() + static_cast<std::ptrdiff_t>(i));
    r.ops[v].enabler = enabler;
    begin_op(clock, slot, v, now);
    i = 0;
  }
}

void Executor::begin_op(Clock& clock, std::int32_t slot, OpVertex v, Time now) {
  StepRun& r = run(slot);
  OpRun& op = r.ops[v];
  if (!op.planned) {
    const Op& what = r.step.graph[v];
    op.plan.clear();
    machine_.engines()[idx(what.engine)].engine->plan(what, machine_, op.plan);
    op.planned = true;
  }
  op.started = now;
  if (op.plan.latency.ps() == 0) {
    begin_flows(clock, slot, v, now);
    return;
  }
  clock.timers.push_back(
      {now + op.plan.latency, order_++, slot, static_cast<std::int32_t>(v), op.unit, 0});
  std::push_heap(clock.timers.begin(), clock.timers.end());
}

void Executor::begin_flows(Clock& clock, std::int32_t slot, OpVertex v, Time now) {
  OpRun& op = run(slot).ops[v];
  op.flows_at = now;
  op.open_flows = static_cast<std::int32_t>(op.plan.flows.size());
  if (op.open_flows == 0) {
    end_op(clock, slot, v, now, blame(op.plan.latency_cause));
    return;
  }
  if (&clock == &main_ && !folds_.empty()) interrupt_folds(op.plan, now);
  const std::int32_t owner = run(slot).units[idx(op.unit)].owner;
  for (const FlowSpec& flow : op.plan.flows)
    clock.network.start(now, flow, owner,
                        (static_cast<std::int64_t>(slot) << 32) | static_cast<std::int64_t>(v));
}

void Executor::end_op(Clock& clock, std::int32_t slot, OpVertex v, Time now,
                      std::int32_t bottleneck) {
  StepRun& r = run(slot);
  OpRun& op = r.ops[v];
  Unit& unit = r.units[idx(op.unit)];
  op.ended = now;
  op.bottleneck = bottleneck;
  engines_[idx(r.step.graph[v].engine)].busy = false;
  for (auto [e, end] = boost::out_edges(v, r.step.graph); e != end; ++e) {
    const OpVertex w = boost::target(*e, r.step.graph);
    if (w < unit.last && --r.ops[w].pending == 0) {
      const auto at =
          std::lower_bound(unit.waiting.begin(), unit.waiting.end(), static_cast<std::int32_t>(w));
      unit.waiting.insert(at, static_cast<std::int32_t>(w));
    }
  }
  unit.last_ended = static_cast<std::int32_t>(v);
  if (--unit.open_ops == 0)
    end_round(slot, op.unit, now);
  else
    try_ops(clock, slot, unit, now, static_cast<std::int32_t>(v));
}

void Executor::end_round(std::int32_t slot, std::int32_t u, Time now) {
  StepRun& r = run(slot);
  Unit& unit = r.units[idx(u)];
  account_round(r, unit, 1, now - unit.round_started, Time());
  ++unit.rounds;
  if (unit.rounds == unit.times) {
    end_unit(slot, u, now);
    return;
  }
  const bool alike =
      options_.fold && unit.times - unit.rounds > 1 && !main_.network.disturbed(unit.owner);
  if (alike && fold(slot, u, now)) return;
  main_.network.forgive(unit.owner);
  start_round(main_, slot, u, now);
}

void Executor::end_unit(std::int32_t slot, std::int32_t u, Time now) {
  StepRun& r = run(slot);
  Unit& unit = r.units[idx(u)];
  unit.ended = now;
  for (OpVertex v = unit.first; v < unit.last; ++v)
    accounts_.work(r.step.graph[v], r.ops[v].row, r.ops[v].plan, main_.network, unit.times);
  free_owners_.push_back(unit.owner);
  for (OpVertex v = unit.first; v < unit.last; ++v)
    for (auto [e, end] = boost::out_edges(v, r.step.graph); e != end; ++e) {
      const std::int32_t next = r.ops[boost::target(*e, r.step.graph)].unit;
      if (next == u) continue;
      Unit& waits = r.units[idx(next)];
      if (--waits.pending == 0) {
        waits.ready_at = now;
        waits.enabler = u;
        r.ready.insert(std::lower_bound(r.ready.begin(), r.ready.end(), next), next);
      }
    }
  for (EngineId e : unit.engines) release(e, slot);
  if (--r.open_units == 0) {
    r.last_unit = u;
    end_step(slot, now);
  } else {
    retry_.push_back(slot);
  }
}

void Executor::release(std::int32_t engine, std::int32_t slot) {
  EngineState& s = engines_[idx(engine)];
  s.holder_slot = s.holder_unit = -1;
  if (--s.queue.front().second == 0) s.queue.erase(s.queue.begin());
  if (!s.queue.empty() && s.queue.front().first != slot) retry_.push_back(s.queue.front().first);
}

void Executor::end_step(std::int32_t slot, Time now) {
  StepRun& r = run(slot);
  account_path(r, now);
  accounts_.step(r.step.lane, r.submitted, now);
  if (options_.trace != nullptr) options_.trace->step(r.step, r.submitted, now);
  done_.push_back({r.step.id, r.step.lane});
  done_at_ = now;
  free_slots_.push_back(slot);
}

void Executor::process(Clock& clock, Time now) {
  ended_.clear();
  clock.network.take_ended(now, ended_);
  const std::vector<FlowNetwork::Ended> ended = std::exchange(ended_, {});
  for (const auto& e : ended) {
    const auto slot = static_cast<std::int32_t>(e.tag >> 32);
    const auto v = static_cast<OpVertex>(e.tag & 0xffffffff);
    ++events_;
    if (--run(slot).ops[v].open_flows == 0) end_op(clock, slot, v, now, e.bottleneck);
  }
  while (!clock.timers.empty() && clock.timers.front().at <= now) {
    std::pop_heap(clock.timers.begin(), clock.timers.end());
    const Timer t = clock.timers.back();
    clock.timers.pop_back();
    ++events_;
    if (t.vertex >= 0) {
      begin_flows(clock, t.slot, static_cast<OpVertex>(t.vertex), now);
      continue;
    }
    Unit& unit = run(t.slot).units[idx(t.unit)];
    if (t.generation != unit.generation || !unit.folded) continue;  // it was interrupted
    folds_.erase(std::find(folds_.begin(), folds_.end(), std::make_pair(t.slot, t.unit)));
    unit.folded = false;
    account_round(run(t.slot), unit, unit.times - unit.rounds, unit.period, unit.period);
    unit.rounds = unit.times;
    end_unit(t.slot, t.unit, now);
  }
}

void Executor::advance(Time now, std::vector<Done>& done) {
  do {
    process(main_, now);
    while (!retry_.empty()) {
      std::vector<std::int32_t> slots = std::exchange(retry_, {});
      std::sort(slots.begin(), slots.end());
      slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
      for (std::int32_t slot : slots)
        if (run(slot).open_units > 0) try_units(slot, now);
    }
    main_.network.settle(now);
  } while (next_of(main_) <= now);
  done.insert(done.end(), done_.begin(), done_.end());
  done_.clear();
}

}  // namespace terrace
