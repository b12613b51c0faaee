// What a GPU's YAML says. Rates by number format; kernel constants by architecture.
#pragma once

#include <map>
#include <string>

#include "models/gpu/device_memory.h"
#include "models/gpu/kernel_constants.h"
#include "models/sram/last_level_cache.h"
#include "sim/format.h"

namespace terrace {

struct TensorRate {
  FlopsPerSecond peak{0};       // dense, data sheet
  FlopsPerSecond sustained{0};  // what large matrix multiplications reach
  static void fields(Schema<TensorRate>& s);
  void check(Checker& c) const;
};

struct GpuPower {
  Watts idle{70}, limit{700};
  JoulesPerFlop tensor{0.7e-12};  // of a 16-bit FLOP; other formats by their rate
  JoulesPerFlop vector{1.4e-12};
  static void fields(Schema<GpuPower>& s);
};

struct GpuParams {
  int multiprocessors = 132;
  int max_threads_per_multiprocessor = 2048;
  double capability = 9.0;                   // compute capability
  PerSecond clock{1.83e9};                   // at which the data sheet gives its rates
  PerSecond attention_clock{1.535e9};        // held through attention kernels
  double tensor_flops_per_clock = 4096;      // 16-bit, dense, of a multiprocessor
  std::map<std::string, TensorRate> tensor;  // by format; a missing 16-bit one is like the other
  FlopsPerSecond vector{66.9e12};            // fp32
  LastLevelCache l2;
  DeviceMemory memory;
  Bytes reserved{600e6};     // context and firmware, before any workload
  Seconds copy_start{2e-6};  // a copy engine fetching and decoding its command
  GpuPower power;
  DollarsPerSecond price{0};
  KernelConstants kernels;

  static void fields(Schema<GpuParams>& s);
  void check(Checker& c) const;

  // 0 where the GPU has no tensor cores for the format.
  TensorRate rate(Format format) const;
};

}  // namespace terrace
