// An attention op of a graph as batches of sequences: lengths, pages and codes.
#pragma once

#include <vector>

#include "sim/op_graph.h"
#include "validate/cuda/kernels/codec.h"
#include "validate/cuda/kernels/prefill_attention.h"

namespace terrace::cuda {

// Sums of a graph are shared out evenly among the sequences.
struct AttentionOp {
  int sequences = 0, heads = 0, kv_heads = 0, head_dim = 0;
  std::vector<std::int32_t> lengths;  // tokens attended to, new ones included
  std::vector<std::int32_t> added;    // new tokens
  std::int32_t longest = 0;
  int page_shift = 4;    // log2 of the tokens that lie side by side
  bool by_head = false;  // heads choose their own pages
  int bits = 16;         // of a cached number; below 16: codes with scales

  std::int64_t qkv_stride() const {
    return (std::int64_t{heads} + 2 * std::int64_t{kv_heads}) * head_dim;
  }
  std::int64_t rows() const;  // query rows
  std::vector<std::int32_t> sequence_of_rows() const;
  std::vector<std::int32_t> positions_of_rows() const;
  std::vector<QueryTile> tiles() const;  // of 64 rows
  int pages_of(int sequence) const {
    return ceil_div(lengths[static_cast<std::size_t>(sequence)], 1 << page_shift);
  }
  int most_pages() const { return ceil_div(longest, 1 << page_shift); }
  // Page of each (sequence, head where they differ, page), every page of the pool once a head.
  std::vector<std::int32_t> table(unsigned seed) const;
  std::int64_t pool_pages() const;
  KvPages pages() const;  // without addresses
  // Keys (by channel where codes are narrow: KIVI) or values of the pool, a row for each head's
  // token.
  CodeShape codes(bool keys) const;
};

// Throws NotExecutable (plan.h) where there is no kernel for it.
AttentionOp attention_op(const Op& op);

}  // namespace terrace::cuda
