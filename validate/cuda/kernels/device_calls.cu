// Calls on streams; matrices by cuBLASLt where it is, copies by copy engines.
#include "validate/cuda/kernels/cublas_lt.h"
#include "validate/cuda/kernels/device_calls.h"
#include "validate/cuda/kernels/device_launch.h"

namespace terrace::cuda {

struct DeviceCalls::Blas {
  std::unique_ptr<CublasLt> lt;
  std::string name;
};

namespace {

LtFormat lt_format(Number n) {
  return n == Number::f32 ? LtFormat::f32 : n == Number::f16 ? LtFormat::f16 : LtFormat::bf16;
}

void copy(const CopyArgs& a, cudaStream_t stream) {
  const std::size_t piece = a.bytes / static_cast<std::size_t>(a.pieces);
  const std::size_t from = a.from_stride != 0 ? a.from_stride : piece;
  const std::size_t to = a.to_stride != 0 ? a.to_stride : piece;
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.pieces); ++i)
    check(cudaMemcpyAsync(static_cast<char*>(a.to) + i * to,
                          static_cast<const char*>(a.from) + i * from, piece, cudaMemcpyDefault,
                          stream),
          "cudaMemcpyAsync");
}

}  // namespace

DeviceCalls::DeviceCalls(int streams) : blas_(std::make_unique<Blas>()) {
  for (int i = 0; i < streams; ++i) streams_.emplace_back();
  try {
    blas_->lt = std::make_unique<CublasLt>();
    blas_->name = blas_->lt->version();
  } catch (const OutOfGpuMemory&) {
    throw;
  } catch (const GpuError& error) {
    blas_->name = std::string("the project's own kernel: ") + error.what();
  }
}
DeviceCalls::~DeviceCalls() = default;

std::string DeviceCalls::gemm_library() const { return blas_->name; }

int DeviceCalls::decode_slots(int multiprocessors, Number number, int head_dim, bool codes) {
  return multiprocessors * std::max(1, decode_attention_blocks(number, head_dim, codes));
}

void DeviceCalls::call(const Call& what, int number) {
  const Stream& on = stream(number);
  if (const auto* gemm = std::get_if<GemmArgs>(&what); gemm != nullptr && blas_->lt) {
    try {
      return blas_->lt->multiply(
          {lt_format(gemm->number), lt_format(gemm->out), gemm->m, gemm->n, gemm->k, gemm->add},
          gemm->a, gemm->b, gemm->c, on);
    } catch (const NotPossible&) {  // by the project's own kernel, then
    }
  }
  DeviceLauncher launcher(on.get());
  std::visit(
      [&](const auto& args) {
        if constexpr (std::is_same_v<std::decay_t<decltype(args)>, CopyArgs>)
          copy(args, on.get());
        else
          launch(launcher, args);
      },
      what);
}

}  // namespace terrace::cuda
