// Every kernel, compiled for the host.
#include "validate/cuda/kernels/host_calls.h"

#include <cmath>

#include "validate/cuda/kernels/host_block.h"

namespace terrace::cuda {
namespace {

void launch_with(HostLauncher&, const CopyArgs& a) {
  const std::size_t piece = a.bytes / static_cast<std::size_t>(a.pieces);
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.pieces); ++i)
    std::memcpy(static_cast<char*>(a.to) + i * (a.to_stride != 0 ? a.to_stride : piece),
                static_cast<const char*>(a.from) + i * (a.from_stride != 0 ? a.from_stride : piece),
                piece);
}

}  // namespace

void HostCalls::call(const Call& what, int) {
  HostLauncher launcher;
  std::visit([&](const auto& args) { launch_with(launcher, args); }, what);
}

}  // namespace terrace::cuda
