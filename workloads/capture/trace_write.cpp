// Writes traces beside their place and moves them there when they are whole.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "workloads/capture/crc32.h"
#include "workloads/capture/half.h"
#include "workloads/capture/trace_format.h"

namespace terrace {

struct KvTraceWriter::File {
  std::string name, part;
  KvTraceHeader header;
  std::vector<TraceChunk> chunks;
  std::uint64_t at = 0;
  int file = -1;

  [[noreturn]] void fail(const std::string& what) const { throw CaptureError(name, what); }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(std::strerror(errno));
      at += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  template <class T>
  void write_value(const T& value) {
    write({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void give_up() {
    if (file < 0) return;
    ::close(file);
    ::unlink(part.c_str());
    file = -1;
  }
};

KvTraceWriter::KvTraceWriter(std::string file, KvTraceHeader header)
    : file_(std::make_unique<File>()) {
  file_->name = std::move(file);
  file_->part = fmt::format("{}.part{}", file_->name, ::getpid());
  file_->header = std::move(header);
  const std::string mistake = trace_header_mistake(file_->header);
  if (!mistake.empty()) file_->fail("cannot be written: " + mistake);
  file_->file = ::open(file_->part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_->file < 0) file_->fail(std::strerror(errno));
  const std::string json = write_trace_header(file_->header);
  try {
    file_->write(trace_begins);
    file_->write_value(static_cast<std::uint32_t>(json.size()));
    file_->write_value(crc32(json));
    file_->write(json);
  } catch (...) {
    file_->give_up();
    throw;
  }
}

KvTraceWriter::~KvTraceWriter() { file_->give_up(); }
std::uint64_t KvTraceWriter::bytes() const { return file_->at; }

void KvTraceWriter::add(std::int64_t layer, TraceTensor tensor, std::int64_t first,
                        std::int64_t tokens, const float* values) {
  const KvTraceHeader& h = file_->header;
  TraceChunk chunk;
  chunk.offset = file_->at;
  chunk.layer = static_cast<std::uint32_t>(layer);
  chunk.tensor = static_cast<std::uint32_t>(tensor);
  chunk.first = static_cast<std::uint32_t>(first);
  chunk.rows = static_cast<std::uint32_t>(tokens);
  const std::uint64_t size = trace_raw_bytes(h, tensor, static_cast<std::uint64_t>(tokens));
  if (size > 1U << 30U) file_->fail("a chunk of more than 1GiB: add fewer tokens at once");
  chunk.raw_bytes = static_cast<std::uint32_t>(size);
  const std::int64_t columns = h.columns_of(tensor), rows = h.heads_of(tensor) * tokens;
  const bool int8 = h.storage[chunk.tensor] == TraceStorage::int8;
  std::string raw(size, '\0');
  char* body = raw.data() + (int8 ? rows * 4 : 0);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* row = values + i * columns;
    float top = 0, sum = 0;
    for (std::int64_t j = 0; j < columns; ++j) {
      top = std::max(top, std::abs(row[j]));
      sum += 0 * row[j];
    }
    if (!(sum == 0)) file_->fail(trace_chunk_text(chunk) + " would hold NaN or infinity");
    if (int8) {
      const bool zero = top < 1e-30F;  // its inverse would overflow
      const float scale = zero ? 0 : top / 127, inverse = zero ? 0 : 127 / top;
      std::memcpy(raw.data() + i * 4, &scale, 4);
      for (std::int64_t j = 0; j < columns; ++j)
        body[i * columns + j] = static_cast<char>(std::lrint(row[j] * inverse));
    } else {
      if (top > largest_half)
        file_->fail(fmt::format("{} would hold {}, more than fp16 can; store {} as int8",
                                trace_chunk_text(chunk), top, name_of(tensor)));
      for (std::int64_t j = 0; j < columns; ++j) {
        const std::uint16_t half = half_of_float(row[j]);
        std::memcpy(body + (i * columns + j) * 2, &half, 2);
      }
    }
  }
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  const std::size_t n = ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 3);
  if (ZSTD_isError(n) != 0) file_->fail(ZSTD_getErrorName(n));
  packed.resize(n);
  chunk.bytes = static_cast<std::uint32_t>(n);
  chunk.crc = crc32(packed);
  file_->write(packed);
  file_->chunks.push_back(chunk);
}

void KvTraceWriter::finish() {
  const std::string_view index(reinterpret_cast<const char*>(file_->chunks.data()),
                               file_->chunks.size() * sizeof(TraceChunk));
  file_->write(index);
  file_->write_value(static_cast<std::uint32_t>(file_->chunks.size()));
  file_->write_value(crc32(index));
  file_->write(trace_ends);
  if (::fsync(file_->file) != 0) file_->fail(std::strerror(errno));
  const int closed = ::close(file_->file);
  file_->file = -1;
  if (closed != 0 || std::rename(file_->part.c_str(), file_->name.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    ::unlink(file_->part.c_str());
    file_->fail(why);
  }
}

}  // namespace terrace
