// The bytes of a trace file, for its reader and its writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "workloads/capture/mapped_file.h"
#include "workloads/capture/trace.h"

namespace terrace {

inline constexpr std::string_view trace_begins = "TERRACE1", trace_ends = "TRC-END1";

// One entry of the index, as it stands in the file.
struct TraceChunk {
  std::uint64_t offset = 0;     // in the file
  std::uint32_t bytes = 0;      // compressed
  std::uint32_t raw_bytes = 0;  // decompressed
  std::uint32_t layer = 0, tensor = 0;
  std::uint32_t first = 0, rows = 0;  // of each head
  std::uint32_t crc = 0;              // of the compressed bytes
  std::uint32_t unused = 0;           // 0
};
static_assert(sizeof(TraceChunk) == 40);
inline constexpr std::uint64_t trace_frame_bytes = 16;  // before the header, and after the index

std::string write_trace_header(const KvTraceHeader& header);  // JSON
KvTraceHeader read_trace_header(const MappedFile& file, std::string_view json);
// What `header` must be for either side: "" when it is right.
std::string trace_header_mistake(const KvTraceHeader& header);
std::uint64_t trace_raw_bytes(const KvTraceHeader& header, TraceTensor t, std::uint64_t rows);
std::string trace_chunk_text(const TraceChunk& chunk);  // for messages

}  // namespace terrace
