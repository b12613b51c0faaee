// Cuts the caches of a batch into parts, so that decode attention keeps a whole GPU busy.
#pragma once

#include <vector>

#include "validate/cuda/kernels/decode_attention.h"

namespace terrace::cuda {

struct DecodeParts {
  std::vector<DecodePart> parts;         // the longest first
  std::vector<std::int32_t> first_slot;  // [sequences + 1]: the slots of each, one after the other
};

// `heads`: blocks that work on a part (KV heads times sixteens of query heads). `slots`: blocks
// that the GPU runs at a time. Part lengths are chosen for the least number of tiles that the
// busiest slot must stream, `overhead` tiles being what a block costs beside them.
DecodeParts cut_for_decode(const std::vector<std::int32_t>& lengths, int heads, int slots,
                           int overhead = 4);

}  // namespace terrace::cuda
