// A buffer filled with a pattern by copies that double.
#include "validate/cuda/random_fill.h"

#include <algorithm>

namespace terrace::cuda {

void fill_with(const DeviceBuffer& buffer, const void* pattern, std::size_t bytes) {
  std::size_t filled = std::min(bytes, buffer.bytes());
  buffer.upload(pattern, filled);
  const Stream stream;
  while (filled < buffer.bytes()) {
    const std::size_t next = std::min(filled, buffer.bytes() - filled);
    copy_async(buffer.as<char>(filled), buffer.data(), next, CopyDirection::on_device, stream);
    filled += next;
  }
  stream.synchronize();
}

}  // namespace terrace::cuda
