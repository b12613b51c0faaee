// Reads traces: header and index when opened, chunks when asked for.
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "workloads/capture/crc32.h"
#include "workloads/capture/half.h"
#include "workloads/capture/trace_format.h"

namespace terrace {

struct KvTrace::File {
  explicit File(const std::string& name) : file(name) { open(); }
  explicit File(MappedFile mapped) : file(std::move(mapped)) { open(); }

  void open();
  void read_index(std::uint64_t data_at);
  void check_cover();
  void decode(const TraceChunk& chunk, float* values, std::int64_t rows) const;
  std::vector<const TraceChunk*> chunks_of(std::int64_t layer, TraceTensor t) const;

  MappedFile file;
  KvTraceHeader header;
  std::vector<TraceChunk> chunks;  // by layer, tensor, first row
};

void KvTrace::File::open() {
  ByteCursor in(file);
  if (in.take(8, "the magic number") != trace_begins) file.fail("byte 0: not a Terrace trace");
  const auto bytes = in.value<std::uint32_t>("the header's length");
  const auto crc = in.value<std::uint32_t>("the header's checksum");
  const std::string_view json = in.take(bytes, "the header");
  if (crc32(json) != crc) file.fail("the header's checksum is wrong");
  header = read_trace_header(file, json);
  read_index(in.at());
  check_cover();
}

void KvTrace::File::read_index(std::uint64_t data_at) {
  if (file.size() < data_at + trace_frame_bytes)
    file.fail("the file ends before its index: it was cut off");
  const std::uint64_t at = file.size() - trace_frame_bytes;
  ByteCursor in(file, at);
  const auto count = in.value<std::uint32_t>("the index");
  const auto crc = in.value<std::uint32_t>("the index");
  if (in.take(8, "the index") != trace_ends)
    file.fail("there is no index at the end: the file was cut off or is damaged");
  if (count > (at - data_at) / sizeof(TraceChunk))
    file.fail(fmt::format("byte {}: an index of {} chunks does not fit in the file", at, count));
  const std::uint64_t index_at = at - count * sizeof(TraceChunk);
  const std::string_view index = file.bytes().substr(index_at, count * sizeof(TraceChunk));
  if (crc32(index) != crc) file.fail("the index's checksum is wrong");
  chunks.resize(count);
  if (count > 0) std::memcpy(chunks.data(), index.data(), index.size());
  for (const TraceChunk& c : chunks) {
    const auto wrong = [&](const char* what) { file.fail(trace_chunk_text(c) + " " + what); };
    if (c.tensor >= trace_tensor_names.size() || c.unused != 0) wrong("is of an unknown kind");
    const auto t = static_cast<TraceTensor>(c.tensor);
    if (!header.holds(t) ||
        !std::binary_search(header.layers.begin(), header.layers.end(), c.layer))
      wrong("is not in the header");
    if (c.rows == 0 ||
        std::uint64_t{c.first} + c.rows > static_cast<std::uint64_t>(header.rows_of(t)))
      wrong("has rows that are not there");
    if (c.offset < data_at || c.offset > index_at || c.bytes > index_at - c.offset)
      wrong("lies outside the file");
    if (c.raw_bytes != trace_raw_bytes(header, t, c.rows)) wrong("has another size than its rows");
    // zstd shrinks a run by less than this, so that a small file cannot ask for much memory.
    if (c.raw_bytes / 40000 > c.bytes) wrong("is too short for its rows");
  }
  std::sort(chunks.begin(), chunks.end(), [](const TraceChunk& a, const TraceChunk& b) {
    return std::tie(a.layer, a.tensor, a.first) < std::tie(b.layer, b.tensor, b.first);
  });
}

// Every row of every tensor of every layer is there once.
void KvTrace::File::check_cover() {
  std::size_t next = 0;
  for (const std::int64_t layer : header.layers)
    for (std::size_t i = 0; i < trace_tensor_names.size(); ++i) {
      const auto t = static_cast<TraceTensor>(i);
      if (!header.holds(t)) continue;
      std::int64_t row = 0;
      for (; next < chunks.size() && chunks[next].layer == layer && chunks[next].tensor == i;
           ++next) {
        if (chunks[next].first != row)
          file.fail(
              fmt::format("{} of layer {}: no chunk starts at row {}", name_of(t), layer, row));
        row += chunks[next].rows;
      }
      if (row != header.rows_of(t))
        file.fail(fmt::format("{} of layer {}: {} of {} rows are there", name_of(t), layer, row,
                              header.rows_of(t)));
    }
}

std::vector<const TraceChunk*> KvTrace::File::chunks_of(std::int64_t layer, TraceTensor t) const {
  std::vector<const TraceChunk*> found;
  for (const TraceChunk& c : chunks)
    if (c.layer == layer && c.tensor == static_cast<std::uint32_t>(t)) found.push_back(&c);
  return found;
}

// Into [heads][rows][columns], at the chunk's rows.
void KvTrace::File::decode(const TraceChunk& c, float* values, std::int64_t rows) const {
  const auto wrong = [&](const char* what) { file.fail(trace_chunk_text(c) + " " + what); };
  const std::string_view packed = file.bytes().substr(c.offset, c.bytes);
  if (crc32(packed) != c.crc) wrong("has a wrong checksum");
  std::vector<std::uint8_t> raw(c.raw_bytes);
  if (ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size()) != raw.size())
    wrong("is not the zstd frame that it should be");
  const auto t = static_cast<TraceTensor>(c.tensor);
  const std::int64_t columns = header.columns_of(t), heads = header.heads_of(t), n = c.rows;
  const bool int8 = header.storage[c.tensor] == TraceStorage::int8;
  const std::uint8_t* body = raw.data() + (int8 ? heads * n * 4 : 0);
  for (std::int64_t i = 0; i < heads * n; ++i) {
    float* row = values + ((i / n) * rows + c.first + i % n) * columns;
    if (int8) {
      float scale;
      std::memcpy(&scale, raw.data() + i * 4, 4);
      if (!(scale >= 0 && scale <= 1e30F)) wrong("has a scale that is no number");
      for (std::int64_t j = 0; j < columns; ++j)
        row[j] = scale * static_cast<float>(static_cast<std::int8_t>(body[i * columns + j]));
    } else {
      float sum = 0;
      for (std::int64_t j = 0; j < columns; ++j) {
        std::uint16_t h;
        std::memcpy(&h, body + (i * columns + j) * 2, 2);
        row[j] = float_of_half(h);
        sum += 0 * row[j];
      }
      if (!(sum == 0)) wrong("holds NaN or infinity");
    }
  }
}

KvTrace::KvTrace(const std::string& file) : file_(std::make_unique<File>(file)) {}
KvTrace::KvTrace(MappedFile file) : file_(std::make_unique<File>(std::move(file))) {}
KvTrace::~KvTrace() = default;
KvTrace::KvTrace(KvTrace&&) noexcept = default;
KvTrace& KvTrace::operator=(KvTrace&&) noexcept = default;
const KvTraceHeader& KvTrace::header() const { return file_->header; }

KvTraceLayer KvTrace::layer(std::int64_t number, const std::vector<TraceTensor>& tensors) const {
  const KvTraceHeader& h = file_->header;
  if (!std::binary_search(h.layers.begin(), h.layers.end(), number))
    file_->file.fail(fmt::format("layer {} was not captured", number));
  KvTraceLayer out;
  out.layer_ = number;
  const auto load = [&](TraceTensor t) {
    const auto i = static_cast<std::size_t>(t);
    if (!h.holds(t) || !out.values_[i].empty()) return;
    out.heads_[i] = h.heads_of(t);
    out.columns_[i] = h.columns_of(t);
    out.values_[i].resize(static_cast<std::size_t>(h.heads_of(t) * h.rows_of(t) * h.columns_of(t)));
    for (const TraceChunk* c : file_->chunks_of(number, t))
      file_->decode(*c, out.values_[i].data(), h.rows_of(t));
  };
  const auto rotate_back = [&](TraceTensor from, TraceTensor to) {
    const auto a = static_cast<std::size_t>(from), b = static_cast<std::size_t>(to);
    load(from);
    if (!h.holds(from)) return;
    out.values_[b] = out.values_[a];
    out.heads_[b] = out.heads_[a];
    out.columns_[b] = out.columns_[a];
    const std::size_t pairs = h.shape.rope.frequencies().size();
    std::vector<float> cosines(pairs), sines(pairs);
    for (std::int64_t i = 0; i < h.tokens(); ++i) {
      h.shape.rope.angles(-h.positions[static_cast<std::size_t>(i)], cosines.data(), sines.data());
      for (std::int64_t head = 0; head < out.heads_[b]; ++head)
        h.shape.rope.turn(out.values_[b].data() + (head * h.tokens() + i) * h.shape.head_dim,
                          cosines.data(), sines.data());
    }
  };
  for (const TraceTensor t : tensors) {
    if (t == TraceTensor::q_raw && !h.holds(t))
      rotate_back(TraceTensor::q, t);
    else if (t == TraceTensor::k_raw && !h.holds(t))
      rotate_back(TraceTensor::k, t);
    else
      load(t);
  }
  return out;
}

void KvTrace::check() const {
  const KvTraceHeader& h = file_->header;
  std::vector<float> values;
  for (TraceChunk c : file_->chunks) {
    const auto t = static_cast<TraceTensor>(c.tensor);
    values.resize(static_cast<std::size_t>(h.heads_of(t) * h.rows_of(t) * h.columns_of(t)));
    file_->decode(c, values.data(), h.rows_of(t));
  }
}

MatrixView KvTraceLayer::of_head(TraceTensor t, std::int64_t head) const {
  const auto i = static_cast<std::size_t>(t);
  if (values_[i].empty()) return {};
  const auto rows = static_cast<std::int64_t>(values_[i].size()) / (heads_[i] * columns_[i]);
  return {values_[i].data() + head * rows * columns_[i], rows, columns_[i]};
}

AttentionWeights KvTraceLayer::weights() const {
  return {of_head(TraceTensor::wq, 0), of_head(TraceTensor::wk, 0), of_head(TraceTensor::wv, 0)};
}

}  // namespace terrace
