// What a prefix cache of unlimited size would hit if every block could be found as soon as its
// request arrived: a property of the trace alone, and the bound on every hit rate measured on it.
#pragma once

#include <cstdint>

#include "workloads/requests/block_key.h"
#include "workloads/serving/key_index.h"

namespace terrace {

// Counts block references as traces with block ids have them (Mooncake, FAST'25, section 3): every
// block of a prompt, a partial last one included, in order of arrival; what is generated adds no
// block. Hits are leading blocks only, which chained keys make the same as all hits.
class InfiniteReference {
 public:
  explicit InfiniteReference(std::int32_t block_tokens) : block_tokens_(block_tokens) {}

  void arrived(const Request& request) {
    BlockChain chain(block_tokens_);
    for (BlockKey key : chain.extend(request, request.input_tokens)) refer(key);
    if (request.input_tokens % block_tokens_ != 0)
      refer(chain.partial(request, request.input_tokens));
  }
  std::int64_t references() const { return references_; }
  std::int64_t hits() const { return hits_; }
  double hit_rate() const {
    return references_ > 0 ? static_cast<double>(hits_) / static_cast<double>(references_) : 0;
  }

 private:
  void refer(BlockKey key) {
    ++references_;
    if (seen_.find(key) != KeyIndex::absent)
      ++hits_;
    else
      seen_.set(key, 0);
  }
  std::int32_t block_tokens_;
  KeyIndex seen_;
  std::int64_t references_ = 0, hits_ = 0;
};

}  // namespace terrace
