// What one policy's quality costs on a capture of SmolLM2-135M's shape: 2,048 tokens, 30 layers.
#include <benchmark/benchmark.h>

#include "sim/registry.h"
#include "tests/workloads/kv/random_trace.h"
#include "workloads/kv/quality.h"

using namespace terrace;

namespace {

void quality(benchmark::State& state, const char* name) {
  const RandomTrace trace(1, {2048, 30, 9, 3, 64, 576, true});
  const KvPolicy policy = read_config<KvPolicy>(std::string("kv/") + name + ".yaml");
  for (auto _ : state) benchmark::DoNotOptimize(measure_quality(policy, trace).seconds);
}

BENCHMARK_CAPTURE(quality, full, "full")->Unit(benchmark::kSecond)->Iterations(1);
BENCHMARK_CAPTURE(quality, h2o, "h2o")->Unit(benchmark::kSecond)->Iterations(1);
BENCHMARK_CAPTURE(quality, kivi, "kivi")->Unit(benchmark::kSecond)->Iterations(1);
BENCHMARK_CAPTURE(quality, quest_pages, "quest_pages")->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace
