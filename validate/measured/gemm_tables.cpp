// Matrix multiplications of the operator tables.
// Source: ai-dynamo/aiconfigurator, collector/{vllm,trtllm}/collect_gemm.py: a layer is called on
// several copies of its weights in turn, 6 with vLLM, with TensorRT-LLM as many as the L2 can hold
// and 5 at most; activations stay. Layers in fp8 quantise their bf16 input first. State: none.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "validate/measured/op_tables.h"

namespace terrace::validate {
namespace {

struct GemmType {
  const char* name;
  Format arithmetic, weights;
  bool quantises;  // its input, in a kernel of its own
  const char* as;  // how it is expressed, where that is not plain
};

const GemmType types[] = {
    {"bfloat16", Format::bf16, Format::bf16, false, ""},
    {"fp8", Format::fp8, Format::fp8, true, ""},
    {"fp8_block", Format::fp8, Format::fp8, true, " (as plain fp8)"},
    {"int8_wo", Format::bf16, Format::int8, false, ""},
    {"int4_wo", Format::bf16, Format::int4, false, ""},
    {"sq", Format::int8, Format::int8, false, " (as int8)"},
};

struct Problem {
  double m, n, k;
};

// vLLM's kernels for blocks of fp8 are not captured: none of those rows is below 55 us on an H100,
// or 280 us on an L40S.
bool by_hand(const OpTable& table, const GemmType& type) {
  return table.library == "vllm" && std::string(type.name) == "fp8_block";
}

double copies(const OpTable& table, double weight_bytes, double cache) {
  return table.library == "vllm" ? 6 : std::clamp(std::ceil(cache / weight_bytes), 1.0, 5.0);
}

double seconds_of(const KernelBench& bench, const OpTable& table, const GemmType& type,
                  const Problem& p) {
  const double w = p.n * p.k * bytes_of(type.weights), a = p.m * p.k * bytes_of(type.arithmetic),
               c = p.m * p.n * 2;
  const double cycle = copies(table, w, bench.params().l2.capacity.value()) * w;
  Op gemm;
  gemm.kind = OpKind::gemm;
  gemm.format = type.arithmetic;
  gemm.in_graph = true;
  gemm.gemm = {p.m, p.n, p.k, 1, type.weights};
  gemm.flops = 2 * p.m * p.n * p.k;
  gemm.reads(bench_memory, w, cycle);
  gemm.reads(bench_memory, a, a);
  gemm.writes(bench_memory, c, c);
  double t = bench.seconds(gemm);
  if (type.quantises) {
    Op quantise;
    quantise.kind = OpKind::codec;
    quantise.in_graph = true;
    quantise.reads(bench_memory, p.m * p.k * 2, p.m * p.k * 3);
    quantise.writes(bench_memory, p.m * p.k, p.m * p.k * 3);
    t += bench.seconds(quantise);
  }
  return t;
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
      const Problem p{rows.number(m, 1), rows.number(n, 1), rows.number(k, 1)};
      const double measured = rows.number(latency);
      if (!(p.m > 0 && p.n > 0 && p.k > 0 && measured > 0)) continue;
      const std::string name = rows.text(dtype);
      if (name != last || type == nullptr) {
        last = name;
        type = nullptr;
        for (const GemmType& t : types)
          if (name == t.name) type = &t;
      }
      const char* why = type == nullptr ? "number format not known"
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
      const char* size = p.m <= 64    ? "gemm, m ≤ 64"
                         : p.m <= 512 ? "gemm, m 65–512"
                                      : "gemm, m > 512";
      task.errors.compared(
          row, {RowClass::Section::operators, table.family(name) + type->as, "gemm", size},
          seconds_of(bench, table, *type, p) * 1e3);
    }
    rows.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, GemmTables, "gemm_tables", "matrix multiplications, operator tables");

}  // namespace
}  // namespace terrace::validate
