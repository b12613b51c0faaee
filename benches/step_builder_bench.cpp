// How long it takes to turn a batch into an op graph; a long scenario does it several hundred
// thousand times.
#include <benchmark/benchmark.h>

#include "tests/workloads/llm/llm_machine.h"
#include "workloads/llm/step_builder.h"

namespace {

using namespace terrace;

// state.range: sequences, context, and whether finished steps are handed back.
void build_step(benchmark::State& state, const char* model, Parallel parallel,
                std::int64_t prompt) {
  Machine machine = test::machine_of(static_cast<int>(parallel.ranks()));
  const ModelShape shape = test::shipped(model);
  const Placement placement(parallel, shape, machine);
  StepBuilder builder(shape, placement, machine);
  Batch batch = builder.batch();
  for (auto _ : state) {
    batch.clear();
    if (prompt > 0) batch.add({0, prompt, true});
    for (std::int64_t i = 0; i < state.range(0); ++i) batch.add({1000 + i, 1, true});
    Step step = builder.build(batch);
    benchmark::DoNotOptimize(step);
    if (state.range(1) != 0) builder.recycle(std::move(step));
  }
  state.counters["ops"] = static_cast<double>(boost::num_vertices(builder.build(batch).graph));
}

void decode_llama_8b(benchmark::State& s) { build_step(s, "llama-3.1-8b", {}, 0); }
void mixed_llama_8b(benchmark::State& s) { build_step(s, "llama-3.1-8b", {}, 512); }
void decode_llama_70b_tp4(benchmark::State& s) {
  build_step(s, "llama-2-70b", {4, 1, 1, false}, 0);
}
void decode_qwen3_30b_a3b(benchmark::State& s) { build_step(s, "qwen3-30b-a3b", {}, 0); }
void decode_deepseek_v3_tp8(benchmark::State& s) {
  build_step(s, "deepseek-v3", {8, 1, 1, false}, 0);
}

BENCHMARK(decode_llama_8b)->ArgsProduct({{1, 32, 256}, {0, 1}});
BENCHMARK(mixed_llama_8b)->ArgsProduct({{32}, {0, 1}});
BENCHMARK(decode_llama_70b_tp4)->ArgsProduct({{32}, {0, 1}});
BENCHMARK(decode_qwen3_30b_a3b)->ArgsProduct({{32}, {0, 1}});
BENCHMARK(decode_deepseek_v3_tp8)->ArgsProduct({{32}, {0, 1}});

}  // namespace
