// The GPU by CUDA's runtime, linked statically.
#include <cuda_runtime.h>

#include <utility>

#include "validate/cuda/device.h"
#include "validate/cuda/nvml.h"

namespace terrace::cuda {
namespace {

constexpr int oldest_sm = 80;  // as cmake/cuda.cmake compiles for

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

int attribute(cudaDeviceAttr which, int index) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, index), "cudaDeviceGetAttribute");
  return value;
}

// Why no device can be used, when counting them failed.
std::string why_none(cudaError_t error, int driver, int runtime) {
  if (driver == 0) return "there is no GPU: no NVIDIA driver is installed on this machine";
  if (error == cudaErrorInsufficientDriver)
    return "the NVIDIA driver is too old: it knows CUDA " + version_text(driver) +
           ", this program needs " + version_text(runtime);
  if (error == cudaErrorNoDevice || error == cudaSuccess)
    return "there is no GPU that CUDA can see on this machine";
  return std::string("there is no GPU to work with: ") + cudaGetErrorString(error);
}

void out_of_memory(cudaError_t error, std::size_t bytes, const std::string& what, bool device) {
  if (error != cudaErrorMemoryAllocation) return;
  (void)cudaGetLastError();  // it stays otherwise
  if (device) throw OutOfGpuMemory(what, bytes, free_memory());
  throw NotPossible(what + " does not fit: the host gave no " + std::to_string(bytes >> 20) +
                    " MiB of pinned memory");
}

cudaMemcpyKind kind_of(CopyDirection d) {
  return d == CopyDirection::to_device ? cudaMemcpyHostToDevice
         : d == CopyDirection::to_host ? cudaMemcpyDeviceToHost
                                       : cudaMemcpyDeviceToDevice;
}

}  // namespace

bool compiled_with_cuda() { return true; }

void check(int error, const char* call) {
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();  // or the next launch would be blamed
  const auto code = static_cast<cudaError_t>(error);
  throw GpuError(std::string(call) + ": " + cudaGetErrorString(code) + " (" +
                 cudaGetErrorName(code) + ")");
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

DeviceInfo open_device(int index, std::size_t need) {
  DeviceInfo info;
  check(cudaDriverGetVersion(&info.driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&info.runtime), "cudaRuntimeGetVersion");
  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  if (counted != cudaSuccess || count == 0) {
    (void)cudaGetLastError();
    throw NoGpu(why_none(counted, info.driver, info.runtime));
  }
  if (index < 0 || index >= count)
    throw NoGpu("there is no GPU " + std::to_string(index) + ": this machine has " +
                std::to_string(count) + ", counted from 0");
  info.index = index;
  cudaDeviceProp p{};
  check(cudaGetDeviceProperties(&p, index), "cudaGetDeviceProperties");
  info.name = p.name;
  info.sm = 10 * p.major + p.minor;
  if (info.sm < oldest_sm)
    throw NoGpu(info.name + " has compute capability " + std::to_string(p.major) + "." +
                std::to_string(p.minor) + "; the kernels need 8.0 or higher");
  check(cudaSetDevice(index), "cudaSetDevice");
  check(cudaFree(nullptr), "cudaFree");  // makes the context: the first call that can fail
  char bus[32] = {};
  check(cudaDeviceGetPCIBusId(bus, sizeof bus, index), "cudaDeviceGetPCIBusId");
  info.pci_bus = bus;
  info.multiprocessors = p.multiProcessorCount;
  info.l2 = static_cast<std::size_t>(p.l2CacheSize);
  info.shared_per_block = p.sharedMemPerBlockOptin;
  info.copy_engines = p.asyncEngineCount;
  info.memory_bus_bits = p.memoryBusWidth;
  info.sm_clock_hz = 1e3 * attribute(cudaDevAttrClockRate, index);
  info.memory_clock_hz = 1e3 * attribute(cudaDevAttrMemoryClockRate, index);
  check(cudaMemGetInfo(&info.memory_free, &info.memory), "cudaMemGetInfo");
  if (info.memory_free < need)
    throw NoGpu(
        OutOfGpuMemory("what is to be done on " + info.name, need, info.memory_free).what());
  const Nvml nvml(info.pci_bus);
  info.driver_version = nvml.driver_version();
  info.pcie_generation = nvml.pcie_generation();
  info.pcie_width = nvml.pcie_width();
  return info;
}

std::size_t free_memory() {
  std::size_t free = 0, all = 0;
  check(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
  return free;
}

void synchronize() { check(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }

Stream::Stream() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
}
Stream::~Stream() {
  if (stream_ != nullptr) (void)cudaStreamDestroy(stream_);
}
void Stream::synchronize() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }
void Stream::wait(const Event& event) const {
  check(cudaStreamWaitEvent(stream_, event.get(), 0), "cudaStreamWaitEvent");
}

Event::Event(bool timed) {
  check(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming),
        "cudaEventCreate");
}
Event::~Event() {
  if (event_ != nullptr) (void)cudaEventDestroy(event_);
}
void Event::record(const Stream& stream) const {
  check(cudaEventRecord(event_, stream.get()), "cudaEventRecord");
}
void Event::synchronize() const { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }
double Event::seconds_since(const Event& earlier) const {
  synchronize();
  float ms = 0;
  check(cudaEventElapsedTime(&ms, earlier.get(), event_), "cudaEventElapsedTime");
  return 1e-3 * ms;
}

DeviceBuffer::DeviceBuffer(std::size_t bytes, const std::string& what) {
  bytes_ = bytes;
  if (bytes == 0) return;
  const cudaError_t error = cudaMalloc(&data_, bytes);
  out_of_memory(error, bytes, what, true);
  check(error, "cudaMalloc");
}
DeviceBuffer::~DeviceBuffer() { (void)cudaFree(data_); }
void DeviceBuffer::upload(const void* from, std::size_t bytes, std::size_t at) const {
  if (at + bytes > bytes_) throw std::logic_error("upload past the end of a buffer");
  check(cudaMemcpy(as<char>(at), from, bytes, cudaMemcpyHostToDevice), "cudaMemcpy to the device");
  synchronize();  // from pageable memory it returns before the device has it all
}
void DeviceBuffer::download(void* to, std::size_t bytes, std::size_t at) const {
  if (at + bytes > bytes_) throw std::logic_error("download past the end of a buffer");
  check(cudaMemcpy(to, as<char>(at), bytes, cudaMemcpyDeviceToHost), "cudaMemcpy to the host");
}
void DeviceBuffer::fill(int byte) const {
  check(cudaMemset(data_, byte, bytes_), "cudaMemset");
  synchronize();
}

PinnedBuffer::PinnedBuffer(std::size_t bytes, const std::string& what) {
  bytes_ = bytes;
  if (bytes == 0) return;
  const cudaError_t error = cudaHostAlloc(&data_, bytes, cudaHostAllocDefault);
  out_of_memory(error, bytes, what, false);
  check(error, "cudaHostAlloc");
}
PinnedBuffer::~PinnedBuffer() { (void)cudaFreeHost(data_); }

void copy_async(void* to, const void* from, std::size_t bytes, CopyDirection direction,
                const Stream& stream) {
  check(cudaMemcpyAsync(to, from, bytes, kind_of(direction), stream.get()), "cudaMemcpyAsync");
}

}  // namespace terrace::cuda
