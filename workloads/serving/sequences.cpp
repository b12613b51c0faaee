// Slots of live requests, used again and again.
#include "workloads/serving/sequences.h"

#include <utility>

namespace terrace {

Slot Sequences::add(Request request) {
  Slot slot;
  if (unused_.empty()) {
    slot = static_cast<Slot>(hot_.size());
    hot_.emplace_back();
    info_.emplace_back(block_tokens_);
  } else {
    slot = unused_.back();
    unused_.pop_back();
  }
  Sequence& s = (*this)[slot];
  s = Sequence();
  s.prompt = static_cast<std::int32_t>(request.input_tokens);
  s.limit = s.prompt + static_cast<std::int32_t>(request.output_tokens);
  s.known = s.prompt;
  SequenceInfo& i = info(slot);
  std::vector<BlockId> blocks = std::move(i.blocks);  // keeps its memory
  blocks.clear();
  i = SequenceInfo(block_tokens_);
  i.blocks = std::move(blocks);
  i.waiting_since = request.arrival;
  i.request = std::move(request);
  ++live_;
  return slot;
}

void Sequences::remove(Slot slot) {
  SequenceInfo& i = info(slot);
  i.request = Request();  // token ids may be long
  i.chain = BlockChain(block_tokens_);
  unused_.push_back(slot);
  --live_;
}

}  // namespace terrace
