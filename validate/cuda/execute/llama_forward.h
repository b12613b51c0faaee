// A Llama-architecture model by calls of kernels, token by token: the same forward pass on a GPU
// and, with kernels compiled for the host, in tests.
#pragma once

#include <cstdint>
#include <vector>

#include "validate/cuda/execute/memory.h"
#include "validate/cuda/kernels/call.h"
#include "workloads/capture/model.h"

namespace terrace::cuda {

class LlamaForward {
 public:
  // In floats attention is the plain kernel; in 16-bit numbers it is split over the cache, and
  // heads are of 64 or 128. Throws CaptureError where the model does not fit the kernels.
  LlamaForward(const LlamaModel& model, Calls& calls, Memory& memory, Number number,
               std::int64_t context);

  // The next token of the sequence; what comes back is the most likely one after it.
  std::int32_t step(std::int32_t token);

 private:
  struct Layer {
    void *attention_norm, *qkv, *output, *ffn_norm, *gate_up, *down;
    KvPages kv;
  };
  void check(const LlamaModel& model, std::int64_t context) const;
  void* put(const std::vector<std::vector<float>>& parts);  // one after the other, as `number_`
  void* numbers(std::int64_t n);
  void place_rope(const LlamaModel& model, std::int64_t context);
  void multiply(const void* a, const void* weight, void* c, std::int64_t n, std::int64_t k);
  void norm(const void* in, const void* weight);
  void attend(const Layer& l, std::int32_t length);

  Calls& calls_;
  Memory& memory_;
  Number number_;
  KvShape shape_;
  std::int64_t ffn_, vocabulary_;
  float epsilon_;
  std::vector<Layer> layers_;
  void *embedding_ = nullptr, *output_norm_ = nullptr, *head_ = nullptr;
  void *residual_, *hidden_, *normed_, *qkv_, *attended_, *gate_up_, *activated_;
  float *logits_, *partial_, *rope_ = nullptr;
  std::int32_t *token_, *zero_, *position_, *visible_, *next_, *slots_;
  DecodePart* parts_;
  std::int64_t context_;
  std::int32_t at_ = 0;
};

}  // namespace terrace::cuda
