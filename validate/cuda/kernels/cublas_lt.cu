// cuBLASLt by dlopen. Row-major c = a b^T is column-major c^T = b a^T, which the library calls
// "transposed, not transposed".
#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "validate/cuda/kernels/cublas_lt.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

namespace terrace::cuda {
namespace {

cudaDataType type_of(LtFormat f) {
  switch (f) {
    case LtFormat::f32:
      return CUDA_R_32F;
    case LtFormat::f16:
      return CUDA_R_16F;
    case LtFormat::bf16:
      return CUDA_R_16BF;
    case LtFormat::fp8:
      return CUDA_R_8F_E4M3;
  }
  return CUDA_R_32F;
}

void must(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw GpuError(fmt::format("{}: cuBLAS status {}", call, static_cast<int>(status)));
}

void* open_library() {
  for (const char* name :
       {"libcublasLt.so.13", "libcublasLt.so.12", "/usr/local/cuda/lib64/libcublasLt.so"})
    if (void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return handle;
  throw GpuError("cuBLASLt is not there (libcublasLt.so.13 or .12 in LD_LIBRARY_PATH)");
}

struct Problem {
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};
  bool possible = false;
};

}  // namespace

// Functions have the names of the library's, less "cublasLt".
struct CublasLt::Library {
#define TERRACE_LT(NAME) \
  decltype(&cublasLt##NAME) NAME = find<decltype(&cublasLt##NAME)>("cublasLt" #NAME)
  void* handle = open_library();
  template <class F>
  F find(const char* name) const {
    void* found = dlsym(handle, name);
    if (found == nullptr) throw GpuError(fmt::format("cuBLASLt has no {}", name));
    return reinterpret_cast<F>(found);
  }
  TERRACE_LT(Create);
  TERRACE_LT(Destroy);
  TERRACE_LT(GetVersion);
  TERRACE_LT(Matmul);
  TERRACE_LT(MatmulAlgoGetHeuristic);
  TERRACE_LT(MatmulDescCreate);
  TERRACE_LT(MatmulDescDestroy);
  TERRACE_LT(MatmulDescSetAttribute);
  TERRACE_LT(MatrixLayoutCreate);
  TERRACE_LT(MatrixLayoutDestroy);
  TERRACE_LT(MatmulPreferenceCreate);
  TERRACE_LT(MatmulPreferenceDestroy);
  TERRACE_LT(MatmulPreferenceSetAttribute);
#undef TERRACE_LT

  explicit Library(std::size_t bytes) : workspace(bytes, "the workspace of cuBLASLt") {
    must(Create(&lt), "cublasLtCreate");
  }
  ~Library() {
    for (auto& [key, p] : problems) {
      MatrixLayoutDestroy(p.a);
      MatrixLayoutDestroy(p.b);
      MatrixLayoutDestroy(p.c);
      MatmulDescDestroy(p.description);
    }
    Destroy(lt);
  }
  const Problem& problem(const LtProblem& p);
  Problem make(const LtProblem& p);

  DeviceBuffer workspace;
  cublasLtHandle_t lt = nullptr;
  std::map<std::tuple<int, int, int, int, int>, Problem> problems;
};

Problem CublasLt::Library::make(const LtProblem& p) {
  Problem out;
  const auto rows = [](int n) { return static_cast<std::uint64_t>(n); };
  must(MatmulDescCreate(&out.description, CUBLAS_COMPUTE_32F, CUDA_R_32F),
       "cublasLtMatmulDescCreate");
  const cublasOperation_t transposed = CUBLAS_OP_T;
  must(MatmulDescSetAttribute(out.description, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                              sizeof transposed),
       "cublasLtMatmulDescSetAttribute");
  const std::int8_t fast = 1;  // as inference engines multiply fp8
  if (p.in == LtFormat::fp8)
    must(MatmulDescSetAttribute(out.description, CUBLASLT_MATMUL_DESC_FAST_ACCUM, &fast,
                                sizeof fast),
         "cublasLtMatmulDescSetAttribute");
  must(MatrixLayoutCreate(&out.a, type_of(p.in), rows(p.k), rows(p.n), p.k),
       "cublasLtMatrixLayoutCreate");
  must(MatrixLayoutCreate(&out.b, type_of(p.in), rows(p.k), rows(p.m), p.k),
       "cublasLtMatrixLayoutCreate");
  must(MatrixLayoutCreate(&out.c, type_of(p.out), rows(p.n), rows(p.m), p.n),
       "cublasLtMatrixLayoutCreate");
  cublasLtMatmulPreference_t preference = nullptr;
  must(MatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  const std::size_t most = workspace.bytes();
  must(MatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
                                    sizeof most),
       "cublasLtMatmulPreferenceSetAttribute");
  // Parts of a sum are added in fp32, never in the result's format.
  const std::uint32_t exact =
      CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  must(MatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &exact,
                                    sizeof exact),
       "cublasLtMatmulPreferenceSetAttribute");
  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  const cublasStatus_t status = MatmulAlgoGetHeuristic(lt, out.description, out.a, out.b, out.c,
                                                       out.c, preference, 1, &best, &found);
  MatmulPreferenceDestroy(preference);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) must(status, "cublasLtMatmulAlgoGetHeuristic");
  out.possible = status == CUBLAS_STATUS_SUCCESS && found > 0;
  out.algorithm = best.algo;
  return out;
}

const Problem& CublasLt::Library::problem(const LtProblem& p) {
  const auto key = std::make_tuple(p.m, p.n, p.k, static_cast<int>(p.in), static_cast<int>(p.out));
  const auto known = problems.find(key);
  return known != problems.end() ? known->second : problems.emplace(key, make(p)).first->second;
}

CublasLt::CublasLt(std::size_t workspace) : library_(std::make_unique<Library>(workspace)) {}
CublasLt::~CublasLt() = default;

std::string CublasLt::version() const {
  const std::size_t v = library_->GetVersion();
  return fmt::format("cuBLASLt {}.{}.{}", v / 10000, v / 100 % 100, v % 100);
}

void CublasLt::multiply(const LtProblem& p, const void* a, const void* b, void* c,
                        const Stream& stream) {
  const Problem& problem = library_->problem(p);
  if (!problem.possible)
    throw NotPossible(
        fmt::format("cuBLASLt cannot multiply {} x {} x {} in this format", p.m, p.n, p.k));
  const float one = 1, keep = p.add ? 1 : 0;
  must(library_->Matmul(library_->lt, problem.description, &one, b, problem.a, a, problem.b, &keep,
                        c, problem.c, c, problem.c, &problem.algorithm, library_->workspace.data(),
                        library_->workspace.bytes(), stream.get()),
       "cublasLtMatmul");
}

}  // namespace terrace::cuda

#else

namespace terrace::cuda {

struct CublasLt::Library {};
CublasLt::CublasLt(std::size_t) { throw GpuError("built without the headers of cuBLASLt"); }
CublasLt::~CublasLt() = default;
std::string CublasLt::version() const { return ""; }
void CublasLt::multiply(const LtProblem&, const void*, const void*, void*, const Stream&) {}

}  // namespace terrace::cuda

#endif
