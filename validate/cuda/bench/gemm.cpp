// Matrix multiplications of the shipped models by cuBLASLt, in bf16 and fp8.
// Source: shapes as workloads/llm gives them for one rank of one (vLLM fuses Q, K, V and gate, up).
// State: the library, and the numbers that operands are filled with.
#include <set>

#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/kernels/cublas_lt.h"
#include "validate/cuda/random_fill.h"
#include "workloads/llm/rank_shape.h"

namespace terrace::cuda {
namespace {

// Dense models that a GPU of today holds in part or whole; those of the same shapes once.
constexpr const char* models[] = {"llama-3.1-8b", "llama-3.1-70b", "llama-2-13b", "qwen2.5-7b",
                                  "qwen2.5-32b",  "qwen3-8b",      "gemma-2-9b",  "phi-3-mini"};

ModelShape model_shape(const std::string& name) {
  Mistakes mistakes;
  const Node root = load_config("llm/" + name + ".yaml", mistakes);
  mistakes.raise();
  Reader reader(mistakes);
  auto shape = read<ModelShape>(root, reader);
  mistakes.raise();
  return shape;
}

std::set<std::pair<double, double>> shapes(bool quick) {  // out, in
  std::set<std::pair<double, double>> all;
  for (const char* name : models) {
    const RankShape rank(model_shape(name), Parallel{});
    for (const Matrix& m :
         {rank.dense.qkv, rank.dense.o, rank.dense.gate_up, rank.dense.down, rank.head})
      if (m) all.insert({m.out, m.in});
    if (quick) break;
  }
  return all;
}

class Gemm final : public BenchGroup {
 public:
  Gemm(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    for (const char* name : {"bf16", "fp8"})
      for (const auto& [n, k] : shapes(quick))
        for (const double m : quick ? std::vector<double>{16, 1024}
                                    : std::vector<double>{1, 16, 64, 256, 1024, 4096})
          for (const CacheState l2 : {CacheState::cold, CacheState::warm}) {
            const bool fp8 = std::string(name) == "fp8";
            const double width = fp8 ? 1 : 2;
            if (l2 == CacheState::warm && (m != 16 || width * n * k > 64 << 20)) continue;
            Case c;
            c.name = name;
            c.with("m", m).with("n", n).with("k", k);
            c.l2 = l2;
            c.unit = "FLOP/s";
            c.work = 2 * m * n * k;
            c.memory = static_cast<std::uint64_t>(width * k * (m + n) + 2 * m * n) + (64 << 20);
            if (fp8) c.oldest_sm = 89;
            out.push_back(c);
          }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    const bool fp8 = c.name == "fp8";
    const std::size_t m = c.whole("m"), n = c.whole("n"), k = c.whole("k"), width = fp8 ? 1 : 2;
    const DeviceBuffer x(m * k * width, "the activations of " + c.text());
    const DeviceBuffer w(n * k * width, "the weights of " + c.text());
    const DeviceBuffer y(m * n * 2, "the result of " + c.text());
    fill(x, fp8);
    fill(w, fp8);
    LtProblem problem;
    problem.in = fp8 ? LtFormat::fp8 : LtFormat::bf16;
    problem.m = static_cast<int>(m);
    problem.n = static_cast<int>(n);
    problem.k = static_cast<int>(k);
    const auto multiply = [&] {
      lt_->multiply(problem, x.data(), w.data(), y.data(), timer.stream());
    };
    try {
      if (!lt_) lt_ = std::make_unique<CublasLt>();
    } catch (const OutOfGpuMemory&) {
      throw;
    } catch (const GpuError& e) {
      throw NotPossible(e.what());
    }
    multiply();  // the library's ranking is asked once
    return timer.on_device(c, multiply);
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    const Format format = c.name == "fp8" ? Format::fp8 : Format::bf16;
    if (parts.gpu->facts.count("total_flops." + std::string(name_of(format))) == 0) return {};
    const double m = c["m"], n = c["n"], k = c["k"], width = bytes_of(format);
    const double reuse = parts.reuse(c, width * k * (m + n) + 2 * m * n);
    Op op = parts.kernel(OpKind::gemm, "gemm");
    op.format = format;
    op.gemm = {m, n, k, 1, format};
    op.flops = c.work;
    op.reads(parts.hbm, width * m * k, reuse);
    op.reads(parts.hbm, width * n * k, reuse);
    op.writes(parts.hbm, 2 * m * n, reuse);
    return {op};
  }

 private:
  void fill(const DeviceBuffer& buffer, bool fp8) {
    constexpr std::size_t pattern = 1 << 21;  // B
    if (bf16_.empty()) bf16_ = random_bf16(pattern / 2, 1);
    if (fp8_.empty()) fp8_ = random_fp8(pattern, 1);
    if (fp8)
      fill_with(buffer, fp8_.data(), pattern);
    else
      fill_with(buffer, bf16_.data(), pattern);
  }
  std::unique_ptr<CublasLt> lt_;
  std::vector<std::uint16_t> bf16_;
  std::vector<std::uint8_t> fp8_;
};
TERRACE_REGISTER(BenchGroup, Gemm, "gemm",
                 "matrix multiplications of the shipped models, bf16 and fp8");

}  // namespace
}  // namespace terrace::cuda
