// The longest part is what is chosen; shorter sequences follow from it.
#include "validate/cuda/kernels/decode_parts.h"

#include <algorithm>
#include <stdexcept>

namespace terrace::cuda {
namespace {

int tiles_of(std::int32_t length) { return ceil_div(length, decode_tile); }

// Tiles that the busiest slot streams, when parts have at most `longest`.
std::int64_t cost(const std::vector<std::int32_t>& lengths, int heads, int slots, int overhead,
                  int longest) {
  std::int64_t blocks = 0;
  for (const std::int32_t n : lengths) blocks += ceil_div(tiles_of(n), longest) * heads;
  return ceil_div<std::int64_t, std::int64_t>(blocks, slots) * (longest + overhead);
}

}  // namespace

DecodeParts cut_for_decode(const std::vector<std::int32_t>& lengths, int heads, int slots,
                           int overhead) {
  DecodeParts out;
  out.first_slot.push_back(0);
  int most = 1;
  for (const std::int32_t n : lengths) {
    if (n < 1) throw std::invalid_argument("decode attention needs a token in every sequence");
    most = std::max(most, tiles_of(n));
  }
  int longest = most;
  std::int64_t best = cost(lengths, heads, slots, overhead, most);
  for (int pieces = 2; pieces <= 4 * slots && pieces <= most; ++pieces) {
    const int limit = ceil_div(most, pieces);
    if (limit < decode_warps) break;  // warps without a tile
    const std::int64_t c = cost(lengths, heads, slots, overhead, limit);
    if (c < best) {
      best = c;
      longest = limit;
    }
  }
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    const int tiles = tiles_of(lengths[s]), pieces = ceil_div(tiles, longest);
    const std::int32_t slot = out.first_slot.back();
    for (int p = 0; p < pieces; ++p) {  // as even as whole tiles allow
      const int from = static_cast<int>(std::int64_t{tiles} * p / pieces);
      const int to = static_cast<int>(std::int64_t{tiles} * (p + 1) / pieces);
      out.parts.push_back({static_cast<std::int32_t>(s), from, to - from, slot + p, pieces});
    }
    out.first_slot.push_back(slot + pieces);
  }
  std::stable_sort(out.parts.begin(), out.parts.end(),
                   [](const DecodePart& a, const DecodePart& b) { return a.tiles > b.tiles; });
  return out;
}

}  // namespace terrace::cuda
