// Matrix multiplications of the operator tables.
// Source: ai-dynamo/aiconfigurator, collector/{vllm,trtllm}/collect_gemm.py: a layer is called on
// several copies of its weights in turn, 6 with vLLM, with TensorRT-LLM as many as the L2 can hold
// and 5 at most; activations stay. fp8 has one scale for all of its input, found by a block for
// each row (vLLM csrc/quantization/w8a8/fp8/common.cu) or by 1,024 blocks (cudaFp8Utils.cu of
// TensorRT-LLM), each of which raises it. State: none.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "validate/measured/op_shapes.h"
#include "validate/measured/op_tables.h"

namespace terrace::validate {
namespace {

// vLLM's kernels for blocks of fp8 are not captured: none of those rows is below 55 us on an H100,
// or 280 us on an L40S.
bool by_hand(const OpTable& table, const GemmType& type) {
  return table.library == "vllm" && std::string(type.name) == "fp8_block";
}

// TensorRT-LLM 1.0.0's weights in 8 and 4 bits: every time is a multiple of the 1.024 us that
// events of an A100 resolve, where those of bf16 are means of many.
bool alone(const OpTable& table, const GemmType& type) {
  return table.library == "trtllm" && table.version == "1.0.0" && type.weights != Format::bf16;
}

GemmCall call_of(const OpTable& table, const GemmType& type, const GemmProblem& p, double cache) {
  const bool vllm = table.library == "vllm", one_scale = std::string(type.name) == "fp8";
  return {vllm ? 6 : std::clamp(std::ceil(cache / type.weight_bytes(p)), 1.0, 5.0),
          one_scale ? (vllm ? p.m : 1024) : 0.0, alone(table, type)};
}

class GemmTables final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  GemmTables(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    each_table(task, "gemm", "gemm", [&](const OpTable& table) { compare(task, table); });
  }

 private:
  static void compare(const Task& task, const OpTable& table) {
    const KernelBench bench(table.gpu->config);
    enum : std::size_t { source, dtype, m, n, k, latency };
    Table rows(table.path, {{"kernel_source"}, {"gemm_dtype"}, {"m"}, {"n"}, {"k"}, {"latency"}},
               ignored_columns());
    std::string last;
    const GemmType* type = nullptr;
    for (std::size_t i = 0; rows.next(); ++i) {
      if (i % task.every != 0) continue;
      const GemmProblem p{rows.number(m, 1), rows.number(n, 1), rows.number(k, 1)};
      const double measured = rows.number(latency);
      if (!(p.m > 0 && p.n > 0 && p.k > 0 && measured > 0)) continue;
      const std::string name = rows.text(dtype);
      if (name != last || type == nullptr) {
        last = name;
        type = gemm_type(name);
      }
      const char* why = type == nullptr ? "number format not known"
                        : table.library != "vllm" && table.library != "trtllm"
                            ? "how the benchmark calls this library is not known"
                        : by_hand(table, *type)
                            ? "called outside of graphs: the Python caller's time"
                            : nullptr;
      if (why != nullptr) {
        task.errors.left_out(table.family(name), why);
        continue;
      }
      MeasuredRow row = row_of(table, rows.line(), measured);
      row.dtype = name;
      row.what = "gemm";
      row.shape = fmt::format("m={} n={} k={}", p.m, p.n, p.k);
      task.errors.compared(
          row, {RowClass::Section::operators, table.family(name) + type->as, "gemm", gemm_size(p)},
          gemm_seconds(bench, *type, p,
                       call_of(table, *type, p, bench.params().l2.capacity.value())) *
              1e3);
    }
    rows.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, GemmTables, "gemm_tables", "matrix multiplications, operator tables");

}  // namespace
}  // namespace terrace::validate
