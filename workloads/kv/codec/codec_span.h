// What a codec codes together, and the block of tokens it is given.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/kv/rows.h"

namespace terrace {

// What is coded together. Wider than a head: its channels stand side by side, layer by layer, and
// in each head by head; with `both`, the keys of all of them, then their values.
struct CodecSpan {
  std::vector<std::int64_t> layers;  // ascending, this one among them; empty: this one alone
  bool heads = false;                // all KV heads of a layer; else each alone
  bool both = false;                 // keys and values; the codec of the values is left out
  bool before_rope = false;          // keys as they were before RoPE
  bool inputs = false;               // wants the layers' inputs X too, layer by layer
  std::int64_t reference = -1;       // wants what a reader gets of this lower layer's same channels
};

struct CodecBlock {
  RowsView rows;  // tokens × channels
  const std::int32_t* positions = nullptr;
  RowsView inputs, reference;  // of the same tokens; empty unless asked for
};

}  // namespace terrace
