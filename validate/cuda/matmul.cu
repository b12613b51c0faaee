// cuBLASLt by dlopen. Source: cuBLAS 13 documentation, "Using the cuBLASLt API"; fp8 wants the
// first matrix transposed, so both formats are multiplied as y' = w x' in its columns.
#include <cublasLt.h>
#include <dlfcn.h>

#include <string>

#include "validate/cuda/matmul.h"

namespace terrace::cuda {
namespace {

constexpr std::size_t workspace_bytes = std::size_t{64} << 20;  // as PyTorch gives it on Hopper

struct Library {
  void* handle = nullptr;
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtGetStatusName) status_name = nullptr;

  Library() {
    const std::string file = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
    for (const std::string& place : {file, "/usr/local/cuda/lib64/" + file,
                                     "/usr/local/cuda/targets/x86_64-linux/lib/" + file})
      if (handle == nullptr) handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr)
      throw NotPossible(file + " is neither in the loader's path nor in /usr/local/cuda");
    find(create, "cublasLtCreate");
    find(destroy, "cublasLtDestroy");
    find(desc_create, "cublasLtMatmulDescCreate");
    find(desc_destroy, "cublasLtMatmulDescDestroy");
    find(desc_set, "cublasLtMatmulDescSetAttribute");
    find(layout_create, "cublasLtMatrixLayoutCreate");
    find(layout_destroy, "cublasLtMatrixLayoutDestroy");
    find(preference_create, "cublasLtMatmulPreferenceCreate");
    find(preference_destroy, "cublasLtMatmulPreferenceDestroy");
    find(preference_set, "cublasLtMatmulPreferenceSetAttribute");
    find(heuristic, "cublasLtMatmulAlgoGetHeuristic");
    find(matmul, "cublasLtMatmul");
    find(status_name, "cublasLtGetStatusName");
  }
  template <class Function>
  void find(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(::dlsym(handle, name));
    if (function == nullptr) throw NotPossible(std::string("cuBLASLt has no ") + name);
  }
  void check(cublasStatus_t status, const char* call) const {
    if (status != CUBLAS_STATUS_SUCCESS)
      throw GpuError(std::string(call) + ": " + status_name(status));
  }
};

const Library& library() {  // never closed: CUDA's own state refers to it until the end
  static const Library* const opened = new Library;
  return *opened;
}

}  // namespace

struct Matmul::Plan {
  const Library& lt = library();
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t w = nullptr, x = nullptr, y = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t chosen{};
  DeviceBuffer workspace;

  Plan(MatmulFormat format, std::int64_t m, std::int64_t n, std::int64_t k) {
    try {
      set_up(format, static_cast<std::uint64_t>(m), static_cast<std::uint64_t>(n),
             static_cast<std::uint64_t>(k));
    } catch (...) {
      release();
      throw;
    }
  }
  ~Plan() { release(); }
  Plan(const Plan&) = delete;

  void set_up(MatmulFormat format, std::uint64_t m, std::uint64_t n, std::uint64_t k) {
    const cudaDataType_t in = format == MatmulFormat::fp8 ? CUDA_R_8F_E4M3 : CUDA_R_16BF;
    const cublasOperation_t transposed = CUBLAS_OP_T, plain = CUBLAS_OP_N;
    lt.check(lt.create(&handle), "cublasLtCreate");
    lt.check(lt.desc_create(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
    set(CUBLASLT_MATMUL_DESC_TRANSA, transposed);
    set(CUBLASLT_MATMUL_DESC_TRANSB, plain);
    const auto layout = [&](cublasLtMatrixLayout_t& to, cudaDataType_t type, std::uint64_t rows,
                            std::uint64_t columns) {
      lt.check(lt.layout_create(&to, type, rows, columns, static_cast<std::int64_t>(rows)),
               "cublasLtMatrixLayoutCreate");
    };
    layout(w, in, k, n);
    layout(x, in, k, m);
    layout(y, CUDA_R_16BF, n, m);
    lt.check(lt.preference_create(&preference), "cublasLtMatmulPreferenceCreate");
    lt.check(lt.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                               &workspace_bytes, sizeof workspace_bytes),
             "cublasLtMatmulPreferenceSetAttribute");
    int found = 0;
    const cublasStatus_t status =
        lt.heuristic(handle, desc, w, x, y, y, preference, 1, &chosen, &found);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && found == 0))
      throw NotPossible("cuBLASLt has no kernel for " + std::to_string(m) + " x " +
                        std::to_string(n) + " x " + std::to_string(k));
    lt.check(status, "cublasLtMatmulAlgoGetHeuristic");
    workspace = DeviceBuffer(chosen.workspaceSize, "the workspace of cuBLASLt");
  }

  template <class Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) const {
    lt.check(lt.desc_set(desc, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  }

  void release() {
    if (preference != nullptr) lt.preference_destroy(preference);
    for (cublasLtMatrixLayout_t each : {w, x, y})
      if (each != nullptr) lt.layout_destroy(each);
    if (desc != nullptr) lt.desc_destroy(desc);
    if (handle != nullptr) lt.destroy(handle);
  }
};

Matmul::Matmul(MatmulFormat format, std::int64_t m, std::int64_t n, std::int64_t k)
    : plan_(std::make_unique<Plan>(format, m, n, k)) {}
Matmul::~Matmul() = default;
Matmul::Matmul(Matmul&&) noexcept = default;

void Matmul::run(const void* x, const void* w, void* y, const Stream& stream) const {
  const Plan& p = *plan_;
  const float one = 1, zero = 0;
  p.lt.check(p.lt.matmul(p.handle, p.desc, &one, w, p.w, x, p.x, &zero, y, p.y, y, p.y,
                         &p.chosen.algo, p.workspace.data(), p.workspace.bytes(), stream),
             "cublasLtMatmul");
}

}  // namespace terrace::cuda
