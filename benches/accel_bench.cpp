// What a matrix product on a systolic array, and attention on a spatial one, cost the host: the
// time must not grow with the problem.
#include <benchmark/benchmark.h>

#include "models/accel/attention_schedule.h"
#include "models/accel/near_bank.h"
#include "models/accel/systolic_array.h"

using namespace terrace;

namespace {

void product(benchmark::State& state, ArrayGemm g, const char* dataflow) {
  SystolicParams p;
  p.dataflow = Choice<Dataflow>::of(dataflow);
  const SystolicArray array(p);
  double folds = 0;
  for (auto _ : state) {
    const SystolicRun run = array.run(g, BytesPerSecond(900e9));
    benchmark::DoNotOptimize(run.cycles);
    folds = static_cast<double>(run.folds);
  }
  state.counters["folds"] = folds;
}
BENCHMARK_CAPTURE(product, gemm_512_ws, ArrayGemm{512, 512, 512}, "weight_stationary");
BENCHMARK_CAPTURE(product, gemv_4096_ws, ArrayGemm{1, 4096, 4096}, "weight_stationary");
BENCHMARK_CAPTURE(product, gemm_16384_ws, ArrayGemm{16384, 16384, 16384}, "weight_stationary");
BENCHMARK_CAPTURE(product, gemm_16384_os, ArrayGemm{16384, 16384, 16384}, "output_stationary");
BENCHMARK_CAPTURE(product, gemm_16384_is, ArrayGemm{16384, 16384, 16384}, "input_stationary");

void attention(benchmark::State& state, const char* kind) {
  const SpatialArray array;
  const auto schedule = Choice<AttentionSchedule>::of(kind).make({});
  AttentionProblem p;
  p.heads = 768;
  p.queries = p.keys = 1 << 20;
  for (auto _ : state) benchmark::DoNotOptimize(schedule->run(array, p).cycles);
}
BENCHMARK_CAPTURE(attention, flat_1M, "flat");
BENCHMARK_CAPTURE(attention, flash_1M, "flash");
BENCHMARK_CAPTURE(attention, fusemax_1M, "fusemax");

void near_bank(benchmark::State& state) {
  const NearBankParams p;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        near_bank_product(p, 1, 4096, 4096, 2, JoulesPerByte(30e-12)).total().value());
}
BENCHMARK(near_bank);

}  // namespace
