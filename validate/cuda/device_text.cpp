// What is said when the GPU's memory does not suffice; the same with and without CUDA.
#include <fmt/format.h>

#include "validate/cuda/device.h"

namespace terrace::cuda {
namespace {

std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

OutOfGpuMemory::OutOfGpuMemory(const std::string& what, std::size_t asked_bytes, std::size_t free)
    : GpuError(asked_bytes > free
                   ? fmt::format("{} does not fit: it takes {}, {} are free, {} are missing", what,
                                 mebibytes(asked_bytes), mebibytes(free),
                                 mebibytes(asked_bytes - free))
                   : fmt::format("{} does not fit: it takes {} in one piece, and the {} that are "
                                 "free are not in one piece or may not be taken",
                                 what, mebibytes(asked_bytes), mebibytes(free))),
      asked(asked_bytes),
      missing(asked_bytes > free ? asked_bytes - free : 0) {}

}  // namespace terrace::cuda
