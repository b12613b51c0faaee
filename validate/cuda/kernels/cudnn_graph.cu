// Descriptors and operations of cuDNN's graphs.
#if __has_include(<cudnn.h>)
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>

#include "validate/cuda/kernels/cudnn_graph.h"

namespace terrace::cuda {

void* cudnn_symbol(const char* name) {
  static void* const library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw NotPossible("cuDNN is not there (libcudnn.so.9 in LD_LIBRARY_PATH)");
  void* found = dlsym(library, name);
  if (found == nullptr) throw NotPossible(fmt::format("cuDNN has no {}", name));
  return found;
}

void CudnnFunctions::must(cudnnStatus_t status, const char* call) const {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char why[512] = {};
  GetLastErrorString(why, sizeof why);
  throw NotPossible(fmt::format("{}: cuDNN status {}: {}", call, static_cast<int>(status), why));
}

CudnnDescriptor::CudnnDescriptor(const CudnnFunctions& dnn, cudnnBackendDescriptorType_t type)
    : dnn_(&dnn) {
  dnn_->must(dnn_->BackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
}
CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept
    : dnn_(other.dnn_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}
CudnnDescriptor::~CudnnDescriptor() {
  if (descriptor_ != nullptr) (void)dnn_->BackendDestroyDescriptor(descriptor_);
}

CudnnDescriptor& CudnnDescriptor::set(cudnnBackendAttributeName_t name,
                                      cudnnBackendAttributeType_t type, const void* values,
                                      std::int64_t count) {
  dnn_->must(dnn_->BackendSetAttribute(descriptor_, name, type, count, values),
             "cudnnBackendSetAttribute");
  return *this;
}

CudnnDescriptor& CudnnDescriptor::set(cudnnBackendAttributeName_t name,
                                      const CudnnDescriptor& other) {
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &other.descriptor_);
}

CudnnDescriptor& CudnnDescriptor::finish() {
  dnn_->must(dnn_->BackendFinalize(descriptor_), "cudnnBackendFinalize");
  return *this;
}

std::int64_t CudnnDescriptor::whole(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0, count = 0;
  dnn_->must(dnn_->BackendGetAttribute(descriptor_, name, CUDNN_TYPE_INT64, 1, &count, &value),
             "cudnnBackendGetAttribute");
  return value;
}

CudnnGraph::Tensor CudnnGraph::tensor(const Dims& dims, const Dims& strides, cudnnDataType_t type,
                                      bool inside, bool by_value) {
  const auto number = static_cast<Tensor>(tensors_.size()) + 1;
  constexpr std::int64_t alignment = 16;  // B
  tensors_.emplace_back(*dnn_, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensors_.back()
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, &number)
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, &type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims.data(), 4)
      .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides.data(), 4)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, &alignment)
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, &inside)
      .set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, &by_value)
      .finish();
  dims_.push_back(dims);
  return number;
}

CudnnGraph::Tensor CudnnGraph::given(const Dims& dims, const Dims& strides, cudnnDataType_t type) {
  return tensor(dims, strides, type, false, false);
}

CudnnGraph::Tensor CudnnGraph::scalar() {
  return tensor({1, 1, 1, 1}, {1, 1, 1, 1}, CUDNN_DATA_FLOAT, false, true);
}

CudnnGraph::Tensor CudnnGraph::between(const Dims& d, cudnnDataType_t type) {
  return tensor(d, {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1}, type, true, false);
}

void CudnnGraph::operate(cudnnBackendDescriptorType_t type, const CudnnDescriptor* kind,
                         cudnnBackendAttributeName_t kind_name, const Roles& roles) {
  operations_.emplace_back(*dnn_, type);
  CudnnDescriptor& op = operations_.back();
  if (kind != nullptr) op.set(kind_name, *kind);
  for (const auto& [role, t] : roles)
    if (t != 0) op.set(role, tensors_.at(static_cast<std::size_t>(t - 1)));
  op.finish();
}

void CudnnGraph::multiply(Tensor a, Tensor b, Tensor c, Tensor rows, Tensor columns, Tensor depth) {
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  CudnnDescriptor kind(*dnn_, CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  kind.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, &sums).finish();
  operate(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, &kind, CUDNN_ATTR_OPERATION_MATMUL_DESC,
          {{CUDNN_ATTR_OPERATION_MATMUL_ADESC, a},
           {CUDNN_ATTR_OPERATION_MATMUL_BDESC, b},
           {CUDNN_ATTR_OPERATION_MATMUL_CDESC, c},
           {CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, rows},
           {CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, columns},
           {CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, depth}});
}

void CudnnGraph::pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t precision, const Roles& roles,
                           std::int64_t axis) {
  CudnnDescriptor kind(*dnn_, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  kind.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, &mode)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, &precision);
  if (mode == CUDNN_POINTWISE_GEN_INDEX)
    kind.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, &axis);
  kind.finish();
  operate(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, &kind,
          CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, roles);
}

CudnnGraph::Tensor CudnnGraph::apply(cudnnPointwiseMode_t mode, Tensor x) {
  const Tensor y = between(dims(x));
  pointwise(mode, CUDNN_DATA_FLOAT,
            {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x}, {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y}});
  return y;
}

CudnnGraph::Tensor CudnnGraph::apply(cudnnPointwiseMode_t mode, Tensor x, Tensor b,
                                     cudnnDataType_t result) {
  const Tensor y = between(dims(x), result);
  const bool logical = result == CUDNN_DATA_BOOLEAN;
  pointwise(mode, logical ? CUDNN_DATA_BOOLEAN : CUDNN_DATA_FLOAT,
            {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x},
             {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b},
             {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y}});
  return y;
}

CudnnGraph::Tensor CudnnGraph::select(Tensor x, Tensor otherwise, Tensor condition) {
  const Tensor y = between(dims(x));
  pointwise(CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT,
            {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x},
             {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, otherwise},
             {CUDNN_ATTR_OPERATION_POINTWISE_TDESC, condition},
             {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y}});
  return y;
}

CudnnGraph::Tensor CudnnGraph::index_of(Tensor like, int axis) {
  const Tensor y = between(dims(like), CUDNN_DATA_INT32);
  pointwise(
      CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_INT32,
      {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, like}, {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y}},
      axis);
  return y;
}

CudnnGraph::Tensor CudnnGraph::reduce_rows(cudnnReduceTensorOp_t mode, Tensor x) {
  Dims each = dims(x);
  each[3] = 1;
  const Tensor y = between(each);
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  CudnnDescriptor kind(*dnn_, CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  kind.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, &mode)
      .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, &sums)
      .finish();
  operate(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, &kind, CUDNN_ATTR_OPERATION_REDUCTION_DESC,
          {{CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x}, {CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y}});
  return y;
}

CudnnGraph::Tensor CudnnGraph::paged(Tensor pool, Tensor table, Tensor lengths, const Dims& dims,
                                     const Dims& strides) {
  const Tensor y = tensor(dims, strides, CUDNN_DATA_BFLOAT16, true, false);
  operate(CUDNN_BACKEND_OPERATION_PAGED_CACHE_LOAD_DESCRIPTOR, nullptr, {},
          {{CUDNN_ATTR_OPERATION_PAGED_CACHE_LOAD_CONTAINER_DESC, pool},
           {CUDNN_ATTR_OPERATION_PAGED_CACHE_LOAD_PAGE_TABLE_DESC, table},
           {CUDNN_ATTR_OPERATION_PAGED_CACHE_LOAD_SEQUENCE_DESC, lengths},
           {CUDNN_ATTR_OPERATION_PAGED_CACHE_LOAD_YDESC, y}});
  return y;
}

std::vector<cudnnBackendDescriptor_t> CudnnGraph::operations() const {
  std::vector<cudnnBackendDescriptor_t> out;
  for (const CudnnDescriptor& op : operations_) out.push_back(op.get());
  return out;
}

}  // namespace terrace::cuda
#endif
