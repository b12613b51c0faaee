// Reads shapes and run lengths off an op.
#include "validate/cuda/execute/attention_op.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "validate/cuda/execute/plan.h"

namespace terrace::cuda {
namespace {

int count_of(double n) { return static_cast<int>(std::llround(n)); }

// `total` in `parts` whole numbers that differ by one at most, the larger first.
std::vector<std::int32_t> shared_out(double total, int parts) {
  const auto whole = static_cast<std::int64_t>(std::llround(total));
  std::vector<std::int32_t> out;
  for (int i = 0; i < parts; ++i)
    out.push_back(static_cast<std::int32_t>(whole / parts + (i < whole % parts ? 1 : 0)));
  return out;
}

// How the cache is read: in which runs, and how much of what full width would be.
void read_cache(const Op& op, AttentionOp& out) {
  const AttentionShape& s = op.attention;
  const double vector = s.head_dim * bytes_of(op.format);
  const double old = (s.kv_tokens - s.query_tokens) * s.kv_heads * 2 * vector;
  for (const Access& a : op.accesses) {
    if (a.direction != Direction::read || !std::isfinite(a.run_length)) continue;
    const double share = old > 0 ? a.bytes / old : 1;
    if (share < 0.8) {
      const double bits = share * bits_of(op.format);
      // The nearest with its scales: 3, 5 and 8.25 bits a number.
      out.bits = bits > 6.6 ? 8 : bits > 4 ? 4 : 2;
      out.page_shift = 5;  // a group of 32 tokens of a head lies in one page
      return;
    }
    out.by_head = a.run_length < 0.99 * 16 * vector * s.kv_heads;
    const double tokens = std::max(1.0, a.run_length / vector * (out.by_head ? 1 : 1 / s.kv_heads));
    // The last page of a sequence is short, so that the mean run is a little less than a page.
    out.page_shift = std::min(4, static_cast<int>(std::lround(std::log2(tokens))));
  }
}

}  // namespace

AttentionOp attention_op(const Op& op) {
  const AttentionShape& s = op.attention;
  const bool decode = op.kind == OpKind::attention_decode;
  AttentionOp out;
  out.heads = count_of(s.q_heads);
  out.kv_heads = count_of(s.kv_heads);
  out.head_dim = count_of(s.head_dim);
  out.sequences = count_of(s.sequences);
  if (out.sequences < 1 || s.head_dim != s.value_dim)
    throw NotExecutable(fmt::format("{}: there is no kernel for latent attention", op.label));
  if (!with_head_dim(out.head_dim, [](auto) {}))
    throw NotExecutable(
        fmt::format("{}: there is no kernel for heads of {}", op.label, out.head_dim));
  if (s.kv_format != op.format)
    throw NotExecutable(fmt::format("{}: there is no kernel for a cache in {}", op.label,
                                    terrace::name_of(s.kv_format)));
  if (!decode && s.decode_sequences > 0)
    throw NotExecutable(fmt::format("{}: prompts and single tokens in one launch", op.label));
  if (decode && s.query_tokens != s.sequences)
    throw NotExecutable(fmt::format("{}: more than one new token a sequence", op.label));
  out.lengths = shared_out(std::max(s.kv_tokens, s.sequences), out.sequences);
  out.added = shared_out(s.query_tokens, out.sequences);
  out.longest = *std::max_element(out.lengths.begin(), out.lengths.end());
  if (!decode) {
    double pairs = 0;
    for (std::size_t i = 0; i < out.lengths.size(); ++i) {
      const double n = out.added[i], before = out.lengths[i] - out.added[i];
      pairs += n * before + n * (n + 1) / 2;
    }
    if (std::abs(pairs - s.pairs) > 0.01 * pairs)
      throw NotExecutable(
          fmt::format("{}: there is no prefill kernel with a window, or for "
                      "prompts of different lengths",
                      op.label));
    return out;
  }
  read_cache(op, out);
  return out;
}

std::int64_t AttentionOp::rows() const {
  return std::accumulate(added.begin(), added.end(), std::int64_t{0});
}

std::vector<std::int32_t> AttentionOp::sequence_of_rows() const {
  std::vector<std::int32_t> out;
  for (int s = 0; s < sequences; ++s)
    out.insert(out.end(), static_cast<std::size_t>(added[static_cast<std::size_t>(s)]), s);
  return out;
}

std::vector<std::int32_t> AttentionOp::positions_of_rows() const {
  std::vector<std::int32_t> out;
  for (std::size_t s = 0; s < lengths.size(); ++s)
    for (std::int32_t i = 0; i < added[s]; ++i) out.push_back(lengths[s] - added[s] + i);
  return out;
}

std::vector<QueryTile> AttentionOp::tiles() const {
  std::vector<QueryTile> out;
  std::int32_t row = 0;
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    for (std::int32_t i = 0; i < added[s]; i += 64)
      out.push_back({static_cast<std::int32_t>(s), std::min(64, added[s] - i), row + i,
                     lengths[s] - added[s] + i});
    row += added[s];
  }
  return out;
}

std::int64_t AttentionOp::pool_pages() const {
  std::int64_t sum = 0;
  for (int s = 0; s < sequences; ++s) sum += pages_of(s);
  return sum;
}

std::vector<std::int32_t> AttentionOp::table(unsigned seed) const {
  const int heads_apart = by_head ? kv_heads : 1;
  std::vector<std::int32_t> out(static_cast<std::size_t>(sequences) *
                                    static_cast<std::size_t>(heads_apart) *
                                    static_cast<std::size_t>(most_pages()),
                                0);
  std::mt19937 engine(seed);
  std::vector<std::int32_t> pool(static_cast<std::size_t>(pool_pages()));
  for (int h = 0; h < heads_apart; ++h) {
    std::iota(pool.begin(), pool.end(), 0);
    std::shuffle(pool.begin(), pool.end(), engine);
    std::size_t next = 0;
    for (int s = 0; s < sequences; ++s)
      for (int i = 0; i < pages_of(s); ++i)
        out[(static_cast<std::size_t>(s) * static_cast<std::size_t>(heads_apart) +
             static_cast<std::size_t>(h)) *
                static_cast<std::size_t>(most_pages()) +
            static_cast<std::size_t>(i)] = pool[next++];
  }
  return out;
}

KvPages AttentionOp::pages() const {
  KvPages p;
  p.page_shift = page_shift;
  p.kv_heads = kv_heads;
  p.head_dim = head_dim;
  p.table_head = by_head ? most_pages() : 0;
  p.table_sequence = std::int64_t{most_pages()} * (by_head ? kv_heads : 1);
  return p;
}

CodeShape AttentionOp::codes(bool keys) const {
  CodeShape c;
  c.bits = bits;
  c.by_channel = keys && bits < 8;
  c.group = bits < 8 ? 32 : head_dim;
  c.rows = pool_pages() * kv_heads << page_shift;
  c.columns = head_dim;
  return c;
}

}  // namespace terrace::cuda
