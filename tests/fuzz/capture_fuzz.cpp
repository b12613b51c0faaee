// Any bytes as a model, a tokenizer or a trace: read, or one CaptureError. The checksums of a trace
// are made right first, so that what lies behind them is reached.
//   clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/capture_fuzz.cpp
//     workloads/capture/*.cpp -lopenblas -lfmt -lzstd -o capture_fuzz
//   ./capture_fuzz -max_len=65536 -rss_limit_mb=4096 -max_total_time=600 CORPUS
#include <cstring>
#include <string>

#include "workloads/capture/crc32.h"
#include "workloads/capture/model.h"
#include "workloads/capture/trace.h"
#include "workloads/capture/trace_format.h"

namespace {

using namespace terrace;

void repair(std::string& bytes) {
  if (bytes.size() < 32) return;
  std::uint32_t header = 0;
  std::memcpy(bytes.data(), trace_begins.data(), 8);
  std::memcpy(&header, bytes.data() + 8, 4);
  if (header > bytes.size() - 32) return;
  const std::uint32_t of_header = crc32(std::string_view(bytes).substr(16, header));
  std::memcpy(bytes.data() + 12, &of_header, 4);
  std::uint32_t count = 0;
  char* end = bytes.data() + bytes.size() - 16;
  std::memcpy(&count, end, 4);
  std::memcpy(end + 8, trace_ends.data(), 8);
  const std::uint64_t room = bytes.size() - 32 - header;
  if (count > room / sizeof(TraceChunk)) return;
  char* index = end - count * sizeof(TraceChunk);
  for (std::uint32_t i = 0; i < count; ++i) {
    TraceChunk chunk;
    std::memcpy(&chunk, index + i * sizeof chunk, sizeof chunk);
    if (chunk.offset <= bytes.size() && chunk.bytes <= bytes.size() - chunk.offset)
      chunk.crc = crc32(std::string_view(bytes).substr(chunk.offset, chunk.bytes));
    std::memcpy(index + i * sizeof chunk, &chunk, sizeof chunk);
  }
  const std::uint32_t of_index = crc32({index, count * sizeof(TraceChunk)});
  std::memcpy(end + 4, &of_index, 4);
}

template <class Work>
void attempt(const Work& work) {
  try {
    work();
  } catch (const CaptureError&) {  // what a wrong file must end with
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    const LlamaModel m = load_gguf_model(MappedFile("fuzz.gguf", bytes));
    m.tokenizer->decode(m.tokenizer->encode("Hello, wörld 42"));
  });
  attempt([&] { load_llama2c_model(MappedFile("fuzz.bin", bytes)); });
  attempt([&] { llama2c_tokenizer(MappedFile("tok.bin", bytes), 5)->encode("ab c"); });
  repair(bytes);
  attempt([&] {
    const KvTrace trace(MappedFile("fuzz.trace", bytes));
    trace.check();
    for (const std::int64_t l : trace.header().layers)
      trace.layer(l, {TraceTensor::q, TraceTensor::k_raw, TraceTensor::x});
  });
  return 0;
}
