// Asks the models of kernels and collectives about one op at a time, as micro-benchmarks do.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/gpu/kernel_time.h"
#include "models/link/collective.h"
#include "sim/system.h"

namespace terrace::validate {

inline constexpr TierId bench_memory = 0;  // the tier that ops of a KernelBench access

class KernelBench {
 public:
  explicit KernelBench(const std::string& config);  // "gpu/h100_sxm.yaml"
  double seconds(const Op& op) const { return kernels_->time(op, bench_memory).seconds(); }
  const GpuParams& params() const { return kernels_->params(); }

 private:
  std::unique_ptr<KernelLibrary> kernels_;
};

class CollectiveBench {
 public:
  explicit CollectiveBench(const std::string& config);  // "systems/h100_sxm_x8.yaml"
  // Among the first `gpus` of the node, replayed from a graph. `shots`: one- and two-shot kernels
  // may be used, as vLLM and TensorRT-LLM do; plain NCCL has none.
  double seconds(Collective kind, int gpus, double bytes, bool shots);

 private:
  std::unique_ptr<Machine> machine_;
  Collectives collectives_;
};

// The GPUs of which there are operator tables, by the names of their files.
struct TableGpu {
  const char *file, *hardware, *config, *system;
};
const TableGpu* table_gpu(const std::string& file);  // null: unknown

}  // namespace terrace::validate
