// Attention by NVIDIA's cuDNN, opened when it is first used: nothing is linked with it.
#pragma once

#include <memory>
#include <string>

#include "validate/cuda/device.h"

namespace terrace::cuda {

// bf16, sums in fp32. Keys and values side by side ([sequence][token][kv_heads][head_dim], each as
// long as the longest), or in pages ([page][kv_heads][token][head_dim], pages.h).
struct CudnnShape {
  int sequences = 1, heads = 1, kv_heads = 1, head_dim = 128;
  int query_tokens = 1, kv_tokens = 1;   // of a sequence
  bool causal = false;                   // query i sees the keys up to i
  int page_tokens = 0, table_pages = 0;  // 0: no pages; entries of a sequence in the table
  std::int64_t pages = 0;                // in the pools
};

struct CudnnOperands {
  const void* q = nullptr;  // [sequence][query][heads][head_dim], as the result
  const void* k = nullptr;
  const void* v = nullptr;
  void* out = nullptr;
  float scale = 1;
  // With pages: [sequence][table_pages] page numbers; [sequence] tokens of queries, of keys.
  const std::int32_t* table = nullptr;
  const std::int32_t* query_lengths = nullptr;
  const std::int32_t* kv_lengths = nullptr;
};

class CudnnAttention {
 public:
  CudnnAttention();  // throws NotPossible with the reason where the library cannot be opened
  ~CudnnAttention();
  std::string version() const;  // "cuDNN 9.19.0"
  // By the library's first choice, made once for each shape. Throws NotPossible where it has none,
  // GpuError where doing it fails.
  void attend(const CudnnShape& shape, const CudnnOperands& on, const Stream& stream);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace terrace::cuda
