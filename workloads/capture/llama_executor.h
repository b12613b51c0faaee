// Runs a Llama-architecture model token by token or many at once; attention and cache are the
// hook's.
#pragma once

#include <vector>

#include "workloads/capture/attention_hook.h"
#include "workloads/capture/model.h"

namespace terrace {

class LlamaExecutor {
 public:
  enum class Logits { none, last, all };
  LlamaExecutor(const LlamaModel& model, AttentionHook& hook);  // both outlive this

  void begin();  // a new sequence; also done by the constructor
  // The next tokens of the sequence. What comes back is [tokens that were wanted][vocabulary] and
  // valid until the next call. Throws CaptureError past the model's context.
  MatrixView run(const std::int32_t* tokens, std::int64_t count, Logits wanted = Logits::last);
  MatrixView run(const std::vector<std::int32_t>& tokens, Logits wanted = Logits::last) {
    return run(tokens.data(), static_cast<std::int64_t>(tokens.size()), wanted);
  }
  std::int64_t position() const { return position_; }  // of the next token
  // The hook has been handed the tokens before `position` by somebody else.
  void resume(std::int64_t position) { position_ = position; }
  const AttentionModel& attention() const { return attention_; }

 private:
  void layer(std::int64_t number, std::int64_t count);
  void norm(const std::vector<float>& in, const std::vector<float>& weight, std::int64_t rows,
            std::vector<float>& out) const;
  // [tokens][heads * head_dim] to [heads][tokens][head_dim]
  void by_head(const std::vector<float>& in, std::int64_t heads, std::int64_t count,
               std::vector<float>& out) const;
  void rotate(const std::vector<float>& raw, std::int64_t heads, std::int64_t count,
              std::vector<float>& out) const;
  static void grow(std::vector<float>& buffer, std::int64_t values);

  const LlamaModel& model_;
  AttentionHook& hook_;
  AttentionModel attention_;
  std::int64_t position_ = 0;
  std::vector<std::int32_t> positions_;
  std::vector<float> x_, normed_, flat_, q_, k_, v_, q_raw_, k_raw_, mixed_, gate_, up_;
  std::vector<float> cosines_, sines_, logits_;
};

std::int32_t most_likely(MatrixView logits);  // of the last row; the first of equals

}  // namespace terrace
