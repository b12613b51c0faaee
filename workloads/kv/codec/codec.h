// The family of those who say how kept keys and values are stored.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/registry.h"
#include "workloads/kv/codec/codec_span.h"
#include "workloads/kv/events.h"
#include "workloads/kv/head_cache.h"

namespace terrace {

// One for each span, made for its first layer and head.
class KvCodec {
 public:
  struct Context : MemberContext {
    HeadCache::Side side = HeadCache::key;
    std::int64_t channels(const CodecSpan& span) const {
      const auto layers = static_cast<std::int64_t>(span.layers.empty() ? 1 : span.layers.size());
      return layers * (span.heads ? shape.kv_heads : 1) * (span.both ? 2 : 1) * shape.head_dim;
    }
  };
  static constexpr const char* family = "codec";
  static constexpr const char* meaning = "how kept keys and values are stored";

  virtual ~KvCodec() = default;
  virtual bool stores() const { return true; }  // false: entries stay raw, nothing below is asked
  virtual CodecSpan span() const { return {}; }
  // Tokens are coded by the multiple of the first, at most the second (0: no limit) at once.
  virtual std::int64_t block_tokens() const { return 1; }
  virtual std::int64_t largest_block() const { return block_tokens(); }
  // New tokens of one of its heads, with their queries; before any of them is coded.
  virtual void observed(std::int64_t /*layer*/, std::int64_t /*head*/, const HeadChunk&) {}
  // Appends the block's bytes, whole: codes, scales, zeros, indices. decode() gets them back with
  // the block (but for its rows) and writes what a reader gets.
  virtual void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) = 0;
  virtual void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock& block,
                      RowsRef rows) = 0;
  virtual double shared_bytes() const { return 0; }  // codebooks, bases: once for the span
  // Of a block's bytes, what one layer of the span reads: its own part, or all that it shares.
  virtual double read_share() const {
    const std::size_t layers = span().layers.size();
    return layers == 0 ? 1 : 1 / static_cast<double>(layers);
  }
  struct Cost {  // FLOPs for each number of the block
    double encode = 1, decode = 1;
    bool gemm = false;  // decoding is matrix work, at a matrix engine's rate
  };
  virtual Cost cost() const { return {}; }
};

}  // namespace terrace
