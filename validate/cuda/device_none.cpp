// Stands in for device.cu where CUDA is off: says so.
#include "validate/cuda/device.h"

namespace terrace::cuda {
namespace {

[[noreturn]] void none() {
  throw NoGpu("this program was built without CUDA; build it with -DTERRACE_CUDA=ON where nvcc is");
}

}  // namespace

bool compiled_with_cuda() { return false; }
void check(int error, const char*) {
  if (error != 0) none();
}
void check_launch(const char*) { none(); }
DeviceInfo open_device(int, std::size_t) { none(); }
std::size_t free_memory() { none(); }
void synchronize() { none(); }

Stream::Stream() { none(); }
Stream::~Stream() = default;
void Stream::synchronize() const { none(); }
void Stream::wait(const Event&) const { none(); }

Event::Event(bool) { none(); }
Event::~Event() = default;
void Event::record(const Stream&) const { none(); }
void Event::synchronize() const { none(); }
double Event::seconds_since(const Event&) const { none(); }

DeviceBuffer::DeviceBuffer(std::size_t, const std::string&) { none(); }
DeviceBuffer::~DeviceBuffer() = default;
void DeviceBuffer::upload(const void*, std::size_t, std::size_t) const { none(); }
void DeviceBuffer::download(void*, std::size_t, std::size_t) const { none(); }
void DeviceBuffer::fill(int) const { none(); }

PinnedBuffer::PinnedBuffer(std::size_t, const std::string&) { none(); }
PinnedBuffer::~PinnedBuffer() = default;

void copy_async(void*, const void*, std::size_t, CopyDirection, const Stream&) { none(); }

}  // namespace terrace::cuda
