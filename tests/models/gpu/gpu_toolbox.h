// A GPU of configs/gpu for tests: its parameters, its kernels, and a machine with nothing else.
#pragma once

#include <memory>
#include <string>

#include "models/gpu/kernel_time.h"
#include "sim/component.h"
#include "sim/executor.h"
#include "sim/registry.h"

namespace terrace::gpu_test {

struct OneGpu {
  Choice<Component> gpu;
  static void fields(Schema<OneGpu>& s) {
    s.field("gpu", &OneGpu::gpu, "the component under test").required();
  }
};

inline OneGpu load(const std::string& name) {
  Mistakes mistakes;
  const std::string file = std::string(TERRACE_CONFIG_DIR) + "/gpu/" + name + ".yaml";
  Node root = parse_config("gpu: " + file + "\n", "test.yaml", mistakes);
  Reader reader(mistakes);
  OneGpu one = read<OneGpu>(root, reader);
  mistakes.raise();
  return one;
}

inline GpuParams params(const std::string& name) { return *load(name).gpu.params_as<GpuParams>(); }

inline Op gemm_op(double m, double n, double k, Format format = Format::bf16) {
  Op op;
  op.kind = OpKind::gemm;
  op.label = "gemm";
  op.format = format;
  op.in_graph = true;
  op.gemm = {m, n, k, 1, format};
  op.flops = 2 * m * n * k;
  return op;
}

// What it takes from the op's turn to its end on a machine that does nothing else.
inline double run_alone(const Machine& machine, Op op, EngineId engine) {
  op.engine = engine;
  Executor executor(machine, {});
  Step step;
  append(step.graph, std::move(op));
  executor.submit(std::move(step), Time());
  std::vector<Executor::Done> done;
  Time now;
  while (executor.next_event() != Time::never()) {
    now = executor.next_event();
    executor.advance(now, done);
  }
  return now.seconds();
}

}  // namespace terrace::gpu_test
