// What FlexGen puts where: weights by whole tensors, KV by share of batch x heads, activations in
// one place.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "sim/machine.h"
#include "sim/registry.h"
#include "workloads/llm/shape.h"

namespace terrace {

struct FlexgenParams {
  ModelShape model;
  std::int64_t gpu_batch = 48, batches = 3, prompt_tokens = 512, output_tokens = 32;
  // Percent of weights, KV cache and activations in GPU memory and in host memory; the rest is on
  // disk.
  double weights_gpu = 20, weights_host = 80, cache_gpu = 0, cache_host = 100, hidden_gpu = 0,
         hidden_host = 100;
  bool host_attention = true;  // decode attention on the CPU, beside the cache
  bool compress_weights = false, compress_cache = false;
  bool spread_weights =
      false;              // the paper's cost model: a layer's weights arrive over all its slots
  Seconds slot_overhead;  // host time of one slot's dispatch and barrier
  std::string gpu, host, disk;  // devices; empty: the first of their kind

  static void fields(Schema<FlexgenParams>& s);
  void check(Checker& c) const;
};

enum class Home : std::uint8_t { gpu, host, disk };
inline constexpr std::size_t home_count = 3;

struct FlexgenPlan {
  explicit FlexgenPlan(
      const FlexgenParams& params,
      const Machine& machine);  // throws BuildError: what does not fit, and by how much

  struct Layer {
    enum class Kind : std::uint8_t { input_embedding, attention, mlp, output_embedding } kind;
    std::array<double, home_count> weights{};  // bytes by home, as stored
    double plain_bytes = 0;                    // of all its weights once decompressed
  };
  struct Engines {
    EngineId compute, copy_in, copy_out, driver, host_cpu, disk_dma;
  };

  std::vector<Layer> layers;
  std::array<double, home_count> cache{};  // share of the KV cache by home
  Home hidden = Home::gpu;
  double weight_factor = 1, cache_factor = 1;  // stored bytes per plain byte
  std::array<TierId, home_count> tier{};
  std::array<double, home_count> bytes{};  // what each memory has to hold at the fullest moment
  Engines engines{};
};

}  // namespace terrace
