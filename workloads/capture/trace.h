// Captured Q, K, V and layer inputs of a real model on a real text: the file that policies are
// judged on.
//
// Layout, little endian:
//   "TERRACE1" | u32 header bytes | u32 CRC-32 of the header | header (JSON, UTF-8)
//   chunks: zstd frames, one for each (layer, tensor, run of tokens), in any order
//   index: a TraceChunk (40 bytes) for each | u32 chunks | u32 CRC-32 of the index | "TRC-END1"
// A chunk decompresses to rows x columns values; int8 rows come after `rows` fp32 scales.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/capture/attention_shape.h"
#include "workloads/capture/mapped_file.h"

namespace terrace {

// q, k: post-RoPE. q_raw, k_raw: pre-RoPE. x: a layer's input after its norm; residual: before it.
// wq, wk, wv: the projections, rows are output channels, "tokens" does not apply.
enum class TraceTensor : std::uint8_t { q, k, v, x, q_raw, k_raw, residual, wq, wk, wv };
inline constexpr std::array<std::string_view, 10> trace_tensor_names = {
    "q", "k", "v", "x", "q_raw", "k_raw", "residual", "wq", "wk", "wv"};
constexpr std::string_view name_of(TraceTensor t) {
  return trace_tensor_names[static_cast<std::size_t>(t)];
}

enum class TraceStorage : std::uint8_t { int8, fp16 };  // int8: one fp32 scale for each row

struct KvTraceHeader {
  std::string model, model_hash;  // as the user named it; SHA-1 of the file
  std::string text, text_hash;    // likewise
  std::string command;            // that made the file
  KvShape shape;
  double rope_base = 0;
  std::vector<std::int64_t> layers;     // that were captured, ascending, counted from 0
  std::vector<std::int32_t> token_ids;  // of every captured position
  std::vector<std::int32_t> positions;  // ascending
  std::array<bool, 10> has = {};        // by TraceTensor
  std::array<TraceStorage, 10> storage = {};

  std::int64_t tokens() const { return static_cast<std::int64_t>(token_ids.size()); }
  bool holds(TraceTensor t) const { return has[static_cast<std::size_t>(t)]; }
  std::int64_t heads_of(TraceTensor t) const;  // rows' blocks: heads, kv_heads or 1
  std::int64_t rows_of(TraceTensor t) const;   // all heads'
  std::int64_t columns_of(TraceTensor t) const;
};

// One layer as floats. A tensor that the file lacks is an empty view, except that q_raw and k_raw
// are had by rotating q and k back: the map is orthogonal, so a row's error stays that of its
// storage.
class KvTraceLayer {
 public:
  std::int64_t layer() const { return layer_; }
  MatrixView q(std::int64_t head) const { return of_head(TraceTensor::q, head); }
  MatrixView k(std::int64_t kv_head) const { return of_head(TraceTensor::k, kv_head); }
  MatrixView v(std::int64_t kv_head) const { return of_head(TraceTensor::v, kv_head); }
  MatrixView q_raw(std::int64_t head) const { return of_head(TraceTensor::q_raw, head); }
  MatrixView k_raw(std::int64_t kv_head) const { return of_head(TraceTensor::k_raw, kv_head); }
  MatrixView x() const { return of_head(TraceTensor::x, 0); }
  MatrixView residual() const { return of_head(TraceTensor::residual, 0); }
  AttentionWeights weights() const;
  MatrixView of_head(TraceTensor t, std::int64_t head) const;  // tokens x head_dim

 private:
  friend class KvTrace;
  std::int64_t layer_ = 0;
  std::array<std::int64_t, 10> heads_ = {}, columns_ = {};
  std::array<std::vector<float>, 10> values_;  // [heads][tokens][columns]
};

// A trace file, mapped into memory. Throws CaptureError; a chunk is checked when it is read.
class KvTrace {
 public:
  explicit KvTrace(const std::string& file);
  explicit KvTrace(MappedFile file);
  ~KvTrace();
  KvTrace(KvTrace&&) noexcept;
  KvTrace& operator=(KvTrace&&) noexcept;

  const KvTraceHeader& header() const;
  // By its number in the model (one of header().layers); decodes only the tensors that are asked
  // for.
  KvTraceLayer layer(std::int64_t layer, const std::vector<TraceTensor>& tensors = {
                                             TraceTensor::q, TraceTensor::k, TraceTensor::v}) const;
  void check() const;  // reads every chunk

 private:
  struct File;
  std::unique_ptr<File> file_;
};

// Writes FILE.part and renames it when finished; without finish() nothing is left. Throws
// CaptureError.
class KvTraceWriter {
 public:
  KvTraceWriter(std::string file,
                KvTraceHeader header);  // tokens, layers and tensors are known before
  ~KvTraceWriter();
  KvTraceWriter(const KvTraceWriter&) = delete;
  KvTraceWriter& operator=(const KvTraceWriter&) = delete;

  // Tokens [first, first + tokens) of the header's: values are [heads][tokens][columns]. For
  // weights, first is 0 and tokens their rows.
  void add(std::int64_t layer, TraceTensor tensor, std::int64_t first, std::int64_t tokens,
           const float* values);
  void finish();
  std::uint64_t bytes() const;  // written so far

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace terrace
