// What one decode-like step costs the simulator: 80 layers of 12 ops, folded and not.
#include <benchmark/benchmark.h>

#include "sim/executor.h"
#include "tests/sim/toy_machine.h"

using namespace terrace;

namespace {

Step decode_like(const toy::Unit& u, std::int64_t layers) {
  Step step;
  OpVertex last = append(step.graph, toy::compute_op(u.engine, 1e9, "embedding"));
  const OpVertex first = last + 1;
  static const char* const labels[] = {"norm", "qkv",  "rope", "attention", "o", "norm2",
                                       "up",   "silu", "down", "reduce",    "a", "b"};
  for (const char* label : labels) {
    Op op = toy::compute_op(u.engine, 1e9, label);
    op.reads(u.tier, 1e6);
    op.writes(u.tier, 1e5);
    last = append(step.graph, std::move(op), last);
  }
  step.repeats.push_back({first, last + 1, layers});
  append(step.graph, toy::compute_op(u.engine, 1e9, "head"), last);
  return step;
}

void steps(benchmark::State& state, bool fold) {
  Machine machine;
  const toy::Unit u = toy::add_unit(machine, "u", 1e14, 3e12, Time::ps(2000000));
  Executor executor(machine, {fold, nullptr});
  std::vector<Executor::Done> done;
  Time now;
  for (auto _ : state) {
    executor.submit(decode_like(u, 80), now);
    for (done.clear(); done.empty();) {
      now = executor.next_event();
      executor.advance(now, done);
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void folded_step(benchmark::State& state) { steps(state, true); }
void unfolded_step(benchmark::State& state) { steps(state, false); }
BENCHMARK(folded_step)->Unit(benchmark::kMicrosecond);
BENCHMARK(unfolded_step)->Unit(benchmark::kMicrosecond);

}  // namespace
