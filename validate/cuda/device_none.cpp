// Stands in for device.cu where CUDA is off: says so.
#include "validate/cuda/device.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {
bool compiled_with_cuda() { return false; }
void check(int error, const char*) {
  if (error != 0) built_without_cuda();
}
void check_launch(const char*) { built_without_cuda(); }
DeviceInfo open_device(int, std::size_t) { built_without_cuda(); }
std::size_t free_memory() { built_without_cuda(); }
void synchronize() { built_without_cuda(); }

Stream::Stream() { built_without_cuda(); }
Stream::~Stream() = default;
void Stream::synchronize() const { built_without_cuda(); }
void Stream::wait(const Event&) const { built_without_cuda(); }

Event::Event(bool) { built_without_cuda(); }
Event::~Event() = default;
void Event::record(const Stream&) const { built_without_cuda(); }
void Event::synchronize() const { built_without_cuda(); }
double Event::seconds_since(const Event&) const { built_without_cuda(); }

DeviceBuffer::DeviceBuffer(std::size_t, const std::string&) { built_without_cuda(); }
DeviceBuffer::~DeviceBuffer() = default;
void DeviceBuffer::upload(const void*, std::size_t, std::size_t) const { built_without_cuda(); }
void DeviceBuffer::download(void*, std::size_t, std::size_t) const { built_without_cuda(); }
void DeviceBuffer::fill(int) const { built_without_cuda(); }

PinnedBuffer::PinnedBuffer(std::size_t, const std::string&) { built_without_cuda(); }
PinnedBuffer::~PinnedBuffer() = default;

void copy_async(void*, const void*, std::size_t, CopyDirection, const Stream&) {
  built_without_cuda();
}

}  // namespace terrace::cuda
