// Where the keys and values of a paged cache lie: a table of pages a sequence (or a head of one),
// pages of a power of two tokens anywhere in two pools.
// Source: Kwon et al., "PagedAttention", arXiv 2309.06180, section 4.1; a head's tokens of a page
// lie side by side, so that a page of a head is one run.
#pragma once

#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

struct KvPages {
  void* k = nullptr;
  void* v = nullptr;
  const std::int32_t* table = nullptr;  // [sequence][head where they differ][page]
  int page_shift = 4;                   // log2 of the tokens of a page; 0: tokens chosen one by one
  int kv_heads = 1, head_dim = 128;
  std::int64_t table_sequence = 0,
               table_head = 0;  // entries from one to the next; head 0: all alike

  TERRACE_BOTH std::int64_t page_numbers() const {  // of K or V
    return (static_cast<std::int64_t>(kv_heads) * head_dim) << page_shift;
  }
  // The number where a head's token within a page begins.
  TERRACE_BOTH std::int64_t within(std::int64_t page, int head, int token) const {
    return page * page_numbers() +
           (((static_cast<std::int64_t>(head) << page_shift) + token) * head_dim);
  }
  TERRACE_BOTH std::int32_t page_of(int sequence, int head, int token) const {
    return table[sequence * table_sequence + head * table_head + (token >> page_shift)];
  }
  TERRACE_BOTH std::int64_t at(int sequence, int head, int token) const {
    return within(page_of(sequence, head, token), head, token & ((1 << page_shift) - 1));
  }
};

}  // namespace terrace::cuda
