// One op at a time on a GPU, or on a node, of the shipped configs.
#include "validate/measured/op_bench.h"

#include "validate/device/machine_parts.h"

namespace terrace::validate {

KernelBench::KernelBench(const std::string& config) {
  GpuParams params = *chosen<Component>(config).params_as<GpuParams>();
  params.memory.connect("gpu0.hbm", Fidelity::flow);
  kernels_ = std::make_unique<KernelLibrary>(params);
}

CollectiveBench::CollectiveBench(const std::string& config)
    : machine_(build(read_config<SystemConfig>(config))) {}

double CollectiveBench::seconds(Collective kind, int gpus, double bytes, bool shots) {
  RankGroup ranks;
  for (int i = 0; i < gpus; ++i)
    ranks.members.push_back(machine_->find_device("gpu" + std::to_string(i)));
  Op op;
  op.kind = OpKind::collective;
  op.collective = kind;
  op.in_graph = true;
  op.message_bytes = bytes;
  op.group = machine_->add_group(ranks);
  return collectives_.choose(op, *machine_, shots).seconds();
}

const TableGpu* table_gpu(const std::string& file) {
  static const TableGpu gpus[] = {
      {"a100_sxm", "A100-SXM-80G", "gpu/a100_80g.yaml", "systems/a100_80g_x8.yaml"},
      {"h100_sxm", "H100-SXM-80G", "gpu/h100_sxm.yaml", "systems/h100_sxm_x8.yaml"},
      {"l40s", "L40S-48G", "gpu/l40s.yaml", "systems/l40s_x8.yaml"}};
  for (const TableGpu& gpu : gpus)
    if (file == gpu.file) return &gpu;
  return nullptr;
}

}  // namespace terrace::validate
