// A captured text as the policies see it: every layer of the trace file, decoded once.
#pragma once

#include <map>
#include <vector>

#include "workloads/capture/trace.h"
#include "workloads/kv/attention_trace.h"

namespace terrace {

class CapturedTrace final : public AttentionTrace {
 public:
  // `inputs`: X and the residual stream too, where the file has them. Tags are of the caller's
  // tokenizer, one for each token; empty: none.
  explicit CapturedTrace(const KvTrace& file, bool inputs = false,
                         std::vector<std::uint8_t> tags = {});
  const KvShape& shape() const override { return shape_; }  // layers: those that were captured
  std::int64_t tokens() const override { return tokens_; }
  TraceTensors layer(std::int64_t layer) const override;
  const std::uint8_t* tags() const override { return tags_.empty() ? nullptr : tags_.data(); }

 private:
  KvShape shape_;
  std::int64_t tokens_ = 0;
  std::vector<KvTraceLayer> layers_;
  std::vector<std::uint8_t> tags_;
};

}  // namespace terrace
