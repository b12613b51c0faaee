// Raw entries that have left the residual window are coded, block by block.
#include <algorithm>
#include <cstring>

#include "workloads/kv/policy_engine.h"

namespace terrace {

void PolicyCache::Engine::encode(std::int64_t layer) {
  for (CodecGroup& g : codecs_)
    if (g.layers.back() == layer) encode(g);
}

void PolicyCache::Engine::encode(CodecGroup& g) {
  const HeadCache& first = at(g.layers.front(), g.heads.front()).cache;
  const std::int64_t unit = g.codec->block_tokens();
  if (first.raw_entries(g.side) < std::max(g.batch, unit)) return;
  std::vector<std::int32_t> slots;
  for (std::int64_t i = 0; i < first.size() - g.residual; ++i)
    if (first.block(g.side, i) == HeadCache::raw &&
        first.positions()[static_cast<std::size_t>(i)] >= g.sinks)
      slots.push_back(static_cast<std::int32_t>(i));
  const auto count = static_cast<std::int64_t>(slots.size());
  if (count < std::max(g.batch, unit)) return;
  const std::int64_t take = count / unit * unit, largest = g.codec->largest_block();
  const std::int64_t block = largest == 0 ? take : std::max(unit, largest / unit * unit);
  for (std::int64_t from = 0; from < take; from += block) {
    const auto begin = slots.begin() + from;
    encode_block(g, {begin, begin + std::min(block, take - from)});
  }
}

// The channels of the block: layer by layer, head by head; values after all keys.
void PolicyCache::Engine::encode_block(CodecGroup& g, const std::vector<std::int32_t>& slots) {
  const std::int64_t dim = setup_.shape.head_dim;
  const auto n = static_cast<std::int64_t>(slots.size());
  std::vector<HeadCache::Side> sides = {g.side};
  if (g.span.both) sides = {HeadCache::key, HeadCache::value};
  const auto width =
      static_cast<std::int64_t>(g.layers.size() * g.heads.size() * sides.size()) * dim;
  const auto total = static_cast<std::size_t>(n * width);
  block_.resize(total);
  decoded_.resize(total);
  const HeadCache& leader = at(g.layers.front(), g.heads.front()).cache;
  positions_.clear();
  for (const std::int32_t slot : slots)
    positions_.push_back(leader.positions()[static_cast<std::size_t>(slot)]);

  const auto each = [&](auto&& visit) {
    std::int64_t col = 0;
    for (const HeadCache::Side side : sides)
      for (const std::int64_t l : g.layers)
        for (const std::int64_t h : g.heads) {
          visit(side, at(l, h).cache, l, h, col);
          col += dim;
        }
  };
  const auto read = [&](HeadCache::Side side, const HeadCache& from, float* to, std::int64_t col,
                        std::int64_t stride) {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int32_t slot = slots[static_cast<std::size_t>(i)];
      float* row = to + i * stride + col;
      if (slot >= from.size() || from.positions()[static_cast<std::size_t>(slot)] !=
                                     positions_[static_cast<std::size_t>(i)])
        throw BuildError("codec",
                         "it joins layers or heads that keep different tokens; see "
                         "heads_together and layers_together");
      std::memcpy(row, from.rows(side).row(slot), static_cast<std::size_t>(dim) * sizeof(float));
      if (side == HeadCache::key && g.span.before_rope)
        rope_.turn(row, -positions_[static_cast<std::size_t>(i)]);
    }
  };
  each([&](HeadCache::Side side, const HeadCache& cache, std::int64_t, std::int64_t,
           std::int64_t col) { read(side, cache, block_.data(), col, width); });
  CodecBlock block;
  block.rows = {block_.data(), n, width, width};
  block.positions = positions_.data();
  if (g.span.reference >= 0) {
    const std::int64_t wide = width / static_cast<std::int64_t>(g.layers.size());
    reference_.resize(static_cast<std::size_t>(n * wide));
    std::int64_t col = 0;
    for (const HeadCache::Side side : sides)
      for (const std::int64_t h : g.heads) {
        read(side, at(g.span.reference, h).cache, reference_.data(), col, wide);
        col += dim;
      }
    block.reference = {reference_.data(), n, wide, wide};
  }
  if (g.span.inputs) {
    const std::int64_t hidden = setup_.shape.hidden;
    const std::int64_t wide = hidden * static_cast<std::int64_t>(g.layers.size());
    block_x_.resize(static_cast<std::size_t>(n * wide));
    for (std::size_t l = 0; l < g.layers.size(); ++l) {
      const float* x = inputs_[static_cast<std::size_t>(g.layers[l])].data();
      for (std::int64_t i = 0; i < n; ++i)
        std::memcpy(block_x_.data() + i * wide + static_cast<std::int64_t>(l) * hidden,
                    x + positions_[static_cast<std::size_t>(i)] * hidden,
                    static_cast<std::size_t>(hidden) * sizeof(float));
    }
    block.inputs = {block_x_.data(), n, wide, wide};
  }

  bytes_.clear();
  g.codec->encode(block, bytes_);
  CodecBlock known = block;
  known.rows = {nullptr, n, width, width};
  g.codec->decode(bytes_, known, {decoded_.data(), n, width, width});
  const double bits = 8.0 * static_cast<double>(bytes_.size()) * static_cast<double>(dim) /
                      static_cast<double>(width);
  const double read_bits = bits * g.codec->read_share() * static_cast<double>(g.layers.size());
  each([&](HeadCache::Side side, const HeadCache&, std::int64_t l, std::int64_t h,
           std::int64_t col) {
    if (side == HeadCache::key && g.span.before_rope)
      for (std::int64_t i = 0; i < n; ++i)
        rope_.turn(decoded_.data() + i * width + col, positions_[static_cast<std::size_t>(i)]);
    at(l, h).cache.store(side, slots, {decoded_.data() + col, n, dim, width}, bits, read_bits);
  });
  if (!setup_.plans) return;
  const KvCodec::Cost cost = g.codec->cost();
  const double numbers = static_cast<double>(n * width);
  plan_item(g.layers.front(), g.heads.front(), KvWork::encode, false,
            numbers * static_cast<double>(setup_.raw_bits) / 8, policy_.layout().runs(slots),
            numbers * cost.encode);
  plan_item(g.layers.front(), g.heads.front(), KvWork::encode, true,
            static_cast<double>(bytes_.size()), policy_.layout().runs(slots), 0);
}

bool PolicyCache::Engine::couples_layers() const {
  if (looks_above_) return true;
  for (const CodecGroup& g : codecs_)
    if (g.layers.size() > 1 || g.span.reference >= 0) return true;
  return policy_.layers_together > 1;
}

}  // namespace terrace
