// What one engine iteration computes, as sums over its sequences: all that an op graph needs to
// know.
#pragma once

#include <algorithm>
#include <cstdint>

namespace terrace {

// One sequence's share of a step: `tokens` new ones behind `context` that are cached already.
struct Slice {
  std::int64_t context = 0, tokens = 1;
  bool logits = true;  // the last of them gives a token
};

struct SequenceSums {
  double sequences = 0, query_tokens = 0;
  double kv_tokens = 0;  // keys read: context and new tokens, within the window
  double pairs = 0;      // (query, key) pairs under the causal mask, within the window
  double longest_kv = 0;
};

// One token is decode, more are prefill, as vLLM's attention backends split a batch. A Batch is
// reused by clear().
class Batch {
 public:
  explicit Batch(std::int64_t sliding_window = 0) : window_(sliding_window) {}

  std::int64_t id = 0;
  std::int32_t lane =
      0;  // the data-parallel replica times the number of pipeline slots, or as the caller likes
  std::int64_t replica = 0;

  void clear() { *this = Batch(window_); }
  void add(const Slice& s) {
    const std::size_t kind = s.tokens > 1 ? 0 : 1;
    sum(full_[kind], s, s.context + s.tokens);
    if (window_ > 0) sum(windowed_[kind], s, window_);
    tokens_ += static_cast<double>(s.tokens);
    if (s.logits) logit_rows_ += 1;
  }

  double tokens() const { return tokens_; }
  double logit_rows() const { return logit_rows_; }
  const SequenceSums& prefill(bool windowed = false) const {
    return windowed ? windowed_[0] : full_[0];
  }
  const SequenceSums& decode(bool windowed = false) const {
    return windowed ? windowed_[1] : full_[1];
  }

 private:
  // A token at position p (from 1) sees min(p, window) keys; the chunk reads the union of what its
  // tokens see.
  static void sum(SequenceSums& to, const Slice& s, std::int64_t window) {
    const std::int64_t end = s.context + s.tokens;
    const std::int64_t ramp_end =
        std::clamp(window, s.context, end);  // positions up to here see all before them
    const double ramp = static_cast<double>(ramp_end - s.context);
    const std::int64_t keys = std::min(end, window + s.tokens - 1);
    to.sequences += 1;
    to.query_tokens += static_cast<double>(s.tokens);
    to.kv_tokens += static_cast<double>(keys);
    to.pairs += ramp * static_cast<double>(s.context + ramp_end + 1) / 2 +
                static_cast<double>(end - ramp_end) * static_cast<double>(window);
    to.longest_kv = std::max(to.longest_kv, static_cast<double>(keys));
  }

  std::int64_t window_ = 0;
  SequenceSums full_[2], windowed_[2];  // prefill, decode
  double tokens_ = 0, logit_rows_ = 0;
};

}  // namespace terrace
