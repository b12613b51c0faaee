// A codec inside another one: it stores what the outer one has made of the numbers.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "workloads/kv/codec/codec.h"

namespace terrace {

// Only for codecs of one head whose blocks take as many bytes as their rows say. What it stores
// comes first in the outer block; the outer one finds its own bytes behind bytes_of(rows).
class InnerCodec {
 public:
  // `channels` wide, whatever the head is.
  InnerCodec(const Choice<KvCodec>& choice, KvCodec::Context context, std::int64_t channels)
      : channels_(channels) {
    context.shape.head_dim = channels;
    context.calibration = nullptr;
    codec_ = choice.make(context);
    const CodecSpan span = codec_->span();
    if (!codec_->stores() || span.heads || span.both || span.before_rope || span.inputs ||
        !span.layers.empty() || span.reference >= 0)
      throw BuildError("", "the codec inside must store one head's numbers by itself");
  }
  std::int64_t block_tokens() const { return codec_->block_tokens(); }
  std::size_t bytes_of(std::int64_t rows) const {
    std::size_t sum = 0;
    const Table0 zeros(std::min(rows, piece()) * channels_);
    for (std::int64_t from = 0; from < rows; from += piece())
      sum += encoded(zeros.data(), std::min(piece(), rows - from));
    return sum;
  }
  void encode(RowsView x, const std::int32_t* positions, std::vector<std::uint8_t>& bytes) {
    for (std::int64_t from = 0; from < x.rows; from += piece()) {
      CodecBlock block;
      block.rows = x.from(from, std::min(piece(), x.rows - from));
      block.positions = positions == nullptr ? nullptr : positions + from;
      codec_->encode(block, bytes);
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, RowsRef x) {
    std::size_t at = 0;
    for (std::int64_t from = 0; from < x.rows; from += piece()) {
      const std::int64_t n = std::min(piece(), x.rows - from);
      const std::size_t size = bytes_of(n);
      part_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
      CodecBlock block;
      block.rows = {nullptr, n, channels_, channels_};
      codec_->decode(part_, block, {x.row(from), n, x.cols, x.stride});
      at += size;
    }
  }

 private:
  using Table0 = std::vector<float>;
  std::int64_t piece() const {
    const std::int64_t most = codec_->largest_block();
    return most == 0 ? std::int64_t{1} << 30 : most;
  }
  std::size_t encoded(const float* zeros, std::int64_t n) const {
    if (n == known_rows_) return known_bytes_;
    CodecBlock block;
    block.rows = {zeros, n, channels_, channels_};
    std::vector<std::uint8_t> bytes;
    codec_->encode(block, bytes);
    known_rows_ = n;
    return known_bytes_ = bytes.size();
  }
  std::int64_t channels_;
  std::unique_ptr<KvCodec> codec_;
  std::vector<std::uint8_t> part_;
  mutable std::int64_t known_rows_ = -1;
  mutable std::size_t known_bytes_ = 0;
};

}  // namespace terrace
