// How long one kernel takes when it has the GPU to itself, and what it asks of each part of it.
// KernelLibrary answers for every OpKind that runs on multiprocessors; engines turn the answer into
// flows (compute_engine.h), validation compares it with measured tables.
// Source: the forms are in each kernel's own file, the constants in configs/gpu.
#pragma once

#include <array>
#include <memory>

#include "models/gpu/gpu_params.h"
#include "models/gpu/traffic.h"
#include "sim/op_graph.h"

namespace terrace {

enum class Station : std::uint8_t { tensor, vector, l2, memory };
inline constexpr std::size_t station_count = 4;

struct KernelTime {
  double latency = 0;                        // s in which nothing flows: launch, fill, drain
  double body = 0;                           // s in which the work below flows evenly
  std::array<double, station_count> work{};  // 16-bit tensor FLOP, fp32 FLOP, B, B
  std::array<double, station_count> busy{};  // s each station needs for it; none exceeds `body`
  Mix mix;                                   // of what moves to and from the memory
  Station bound = Station::memory;           // what `body` waits for when nothing else runs
  double seconds() const { return latency + body; }
  double& work_of(Station s) { return work[static_cast<std::size_t>(s)]; }
  double& busy_of(Station s) { return busy[static_cast<std::size_t>(s)]; }
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual KernelTime time(const Op& op, const Traffic& traffic) const = 0;
};

class KernelLibrary {
 public:
  explicit KernelLibrary(const GpuParams& params);
  KernelLibrary(const KernelLibrary&) = delete;  // kernels refer to these parameters
  KernelLibrary& operator=(const KernelLibrary&) = delete;
  const GpuParams& params() const { return params_; }

  Traffic traffic(const Op& op, TierId local) const;  // of the accesses to tier `local`

  // Throws std::logic_error for a kind that is no kernel, std::runtime_error for a number format
  // the GPU does not have. An op that is not in a graph takes at least one host launch.
  KernelTime time(const Op& op, const Traffic& traffic) const;
  KernelTime time(const Op& op, TierId local) const { return time(op, traffic(op, local)); }

 private:
  GpuParams params_;
  std::array<std::shared_ptr<const Kernel>, op_kind_count> kernels_;
};

// One per file of the same name.
std::unique_ptr<Kernel> make_gemm(const GpuParams& params);
std::unique_ptr<Kernel> make_attention_prefill(const GpuParams& params);
std::unique_ptr<Kernel> make_attention_decode(const GpuParams& params);
std::unique_ptr<Kernel> make_elementwise(const GpuParams& params);
std::unique_ptr<Kernel> make_gather(const GpuParams& params);
std::unique_ptr<Kernel> make_topk(const GpuParams& params);
std::unique_ptr<Kernel> make_codec(const GpuParams& params);

}  // namespace terrace
