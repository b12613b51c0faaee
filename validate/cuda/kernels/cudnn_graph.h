// cuDNN's graph interface by dlopen: descriptors that clean up after themselves, and operations on
// tensors of four dimensions. Only for .cu files, where cudnn.h is there.
// Source: NVIDIA, cuDNN backend API, docs.nvidia.com/deeplearning/cudnn (graph library).
#pragma once

#include <cudnn.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "validate/cuda/device.h"

namespace terrace::cuda {

void* cudnn_symbol(const char* name);  // throws NotPossible

// Functions have the names of the library's, less "cudnn".
struct CudnnFunctions {
#define TERRACE_DNN(NAME)       \
  decltype(&cudnn##NAME) NAME = \
      reinterpret_cast<decltype(&cudnn##NAME)>(cudnn_symbol("cudnn" #NAME))
  TERRACE_DNN(Create);
  TERRACE_DNN(Destroy);
  TERRACE_DNN(SetStream);
  TERRACE_DNN(GetVersion);
  TERRACE_DNN(GetLastErrorString);
  TERRACE_DNN(BackendCreateDescriptor);
  TERRACE_DNN(BackendDestroyDescriptor);
  TERRACE_DNN(BackendSetAttribute);
  TERRACE_DNN(BackendGetAttribute);
  TERRACE_DNN(BackendFinalize);
  TERRACE_DNN(BackendExecute);
#undef TERRACE_DNN
  void must(cudnnStatus_t status,
            const char* call) const;  // throws NotPossible with its last words
};

class CudnnDescriptor {
 public:
  CudnnDescriptor(const CudnnFunctions& dnn, cudnnBackendDescriptorType_t type);
  ~CudnnDescriptor();
  CudnnDescriptor(CudnnDescriptor&& other) noexcept;
  CudnnDescriptor& operator=(CudnnDescriptor&&) = delete;
  cudnnBackendDescriptor_t get() const { return descriptor_; }

  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       const void* values, std::int64_t count = 1);
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other);
  CudnnDescriptor& finish();
  std::int64_t whole(cudnnBackendAttributeName_t name) const;

 private:
  const CudnnFunctions* dnn_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

// Operations in the order in which they are written; a tensor is its number, which executing it
// asks the pointer of. What lies between operations is in fp32 and side by side unless said.
class CudnnGraph {
 public:
  using Tensor = std::int64_t;
  using Dims = std::array<std::int64_t, 4>;

  explicit CudnnGraph(const CudnnFunctions& dnn) : dnn_(&dnn) {}
  Tensor given(const Dims& dims, const Dims& strides, cudnnDataType_t type);
  Tensor scalar();  // a float of the host's memory
  Tensor between(const Dims& dims, cudnnDataType_t type = CUDNN_DATA_FLOAT);
  const Dims& dims(Tensor t) const { return dims_.at(static_cast<std::size_t>(t - 1)); }

  // `rows`, `columns`, `depth`: how many there are of a sequence (0: all).
  void multiply(Tensor a, Tensor b, Tensor c, Tensor rows = 0, Tensor columns = 0,
                Tensor depth = 0);
  Tensor apply(cudnnPointwiseMode_t mode, Tensor x);
  // `result`: bf16 for what is multiplied next, boolean for what is compared.
  Tensor apply(cudnnPointwiseMode_t mode, Tensor x, Tensor b,
               cudnnDataType_t result = CUDNN_DATA_FLOAT);
  Tensor select(Tensor x, Tensor otherwise, Tensor condition);
  Tensor index_of(Tensor like, int axis);  // where along an axis, in whole numbers
  Tensor reduce_rows(cudnnReduceTensorOp_t mode, Tensor x);
  Tensor paged(Tensor pool, Tensor table, Tensor lengths, const Dims& dims, const Dims& strides);

  std::vector<cudnnBackendDescriptor_t> operations() const;

 private:
  using Roles = std::vector<std::pair<cudnnBackendAttributeName_t, Tensor>>;
  Tensor tensor(const Dims& dims, const Dims& strides, cudnnDataType_t type, bool inside,
                bool by_value);
  void operate(cudnnBackendDescriptorType_t type, const CudnnDescriptor* kind,
               cudnnBackendAttributeName_t kind_name, const Roles& roles);
  void pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t precision, const Roles& roles,
                 std::int64_t axis = 0);

  const CudnnFunctions* dnn_;
  std::vector<CudnnDescriptor> tensors_, operations_;
  std::vector<Dims> dims_;
};

}  // namespace terrace::cuda
