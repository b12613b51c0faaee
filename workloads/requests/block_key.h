// Keys under which a prefix cache finds KV blocks: each stands for a block and every token before
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/requests/request.h"

namespace terrace {

// Equal content gives equal keys. Different content collides with probability n²/2^65 among n
// distinct blocks: 3e-6 for ten million. Keys of different block sizes are unrelated.
using BlockKey = std::uint64_t;

// The keys of one request, lengthened as tokens are generated: with their ids where the content
// knows them, else with tokens that no other request has.
//
// BlockIds are split at any block size, also one that does not divide theirs. Blocks inside two
// different ids are different, so what two prompts share is rounded down to whole trace blocks.
class BlockChain {
 public:
  explicit BlockChain(std::int32_t block_tokens);  // at least 1

  // The keys of all full blocks among the first `tokens` tokens of prompt and output; never fewer
  // than before. Always to be called with the same request.
  const std::vector<BlockKey>& extend(const Request& request, std::int64_t tokens);
  const std::vector<BlockKey>& keys() const { return keys_; }

  // The key of the partial block that ends with token `tokens`, which is what traces with block ids
  // count as a reference too. Call after extend(request, tokens).
  BlockKey partial(const Request& request, std::int64_t tokens) const;

 private:
  struct State {
    std::uint64_t chain = 0;     // of everything before `position`
    std::int64_t position = 0;   // in tokens
    std::int64_t piece_end = 0;  // where the trace block, text or unknown rest in `chain` ends
    std::size_t piece = 0;       // trace blocks or texts in `chain`
    void absorb(const Request& request, std::int64_t end);
  };

  std::int32_t block_tokens_;
  State state_;
  std::vector<BlockKey> keys_;
};

// Of the prompt's full blocks.
std::vector<BlockKey> chained_block_keys(const Request& request, std::int32_t block_tokens);

}  // namespace terrace
