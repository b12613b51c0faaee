// The GPU as CUDA's runtime gives it: streams, events and memory that clean up after themselves,
// every call checked. Included without CUDA too; there everything throws NoGpu.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

struct CUstream_st;
struct CUevent_st;

namespace terrace::cuda {

// There is no GPU to work with: none compiled for, none there, its driver too old, its memory too
// small. One plain sentence; exit code 3.
struct NoGpu : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A call of CUDA or of one of its libraries failed; names the call.
struct GpuError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct OutOfGpuMemory : GpuError {  // names what did not fit and how much was missing
  OutOfGpuMemory(const std::string& what, std::size_t asked, std::size_t free);
  std::size_t asked, missing;
};

// This GPU, its host, or the libraries on this machine, cannot do it; other things they can.
struct NotPossible : GpuError {
  using GpuError::GpuError;
};

bool compiled_with_cuda();

// `error` is a cudaError_t; throws GpuError unless it is cudaSuccess.
void check(int error, const char* call);
void check_launch(const char* kernel);  // after <<<>>>: what the launch itself found wrong

struct DeviceInfo {
  int index = 0;
  std::string name, pci_bus, driver_version;  // of the kernel module, by NVML; "" without
  int sm = 0;                                 // 90 for compute capability 9.0
  int multiprocessors = 0;
  int driver = 0, runtime = 0;  // CUDA versions, 13000 for 13.0
  std::size_t memory = 0, memory_free = 0, l2 = 0, shared_per_block = 0;  // B
  int copy_engines = 0;
  double sm_clock_hz = 0, memory_clock_hz = 0;  // highest
  int memory_bus_bits = 0;
  int pcie_generation = 0, pcie_width = 0;  // highest of device and slot, by NVML; 0 without
};

// Makes a GPU the one that this thread uses. Throws NoGpu when there is none, when it is too old
// for the kernels, or when fewer than `need` bytes of its memory are free.
DeviceInfo open_device(int index = 0, std::size_t need = 0);
std::size_t free_memory();
void synchronize();  // waits for everything; reports what kernels did wrong

class Event;

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(Stream&& other) noexcept : stream_(other.stream_) { other.stream_ = nullptr; }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  CUstream_st* get() const { return stream_; }  // a cudaStream_t
  operator CUstream_st*() const { return stream_; }
  void synchronize() const;
  void wait(const Event& event) const;  // what comes after starts when the event has happened

 private:
  CUstream_st* stream_ = nullptr;
};

class Event {
 public:
  explicit Event(bool timed = true);
  ~Event();
  Event(Event&& other) noexcept : event_(other.event_) { other.event_ = nullptr; }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  CUevent_st* get() const { return event_; }  // a cudaEvent_t
  void record(const Stream& stream) const;
  void synchronize() const;
  double seconds_since(const Event& earlier) const;  // waits for both

 private:
  CUevent_st* event_ = nullptr;
};

// Bytes somewhere, with one owner.
class Buffer {
 public:
  void* data() const { return data_; }
  template <class T>
  T* as(std::size_t byte_offset = 0) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + byte_offset);
  }
  std::size_t bytes() const { return bytes_; }

 protected:
  Buffer() = default;
  ~Buffer() = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// On the device. `what` is said when they do not fit.
class DeviceBuffer : public Buffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(std::size_t bytes, const std::string& what);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&&) = default;
  DeviceBuffer& operator=(DeviceBuffer&&) = default;
  void upload(const void* from, std::size_t bytes, std::size_t at = 0) const;  // waits
  void download(void* to, std::size_t bytes, std::size_t at = 0) const;        // waits
  void fill(int byte) const;                                                   // waits
};

// Host memory that cannot be paged out, which copy engines reach by themselves.
class PinnedBuffer : public Buffer {
 public:
  PinnedBuffer() = default;
  PinnedBuffer(std::size_t bytes, const std::string& what);
  ~PinnedBuffer();
  PinnedBuffer(PinnedBuffer&&) = default;
  PinnedBuffer& operator=(PinnedBuffer&&) = default;
};

enum class CopyDirection { to_device, to_host, on_device };
// Ends at once when the host's memory is pinned.
void copy_async(void* to, const void* from, std::size_t bytes, CopyDirection direction,
                const Stream& stream);

}  // namespace terrace::cuda
