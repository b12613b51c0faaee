// Memory that calls work on: a GPU's, or the host's for tests.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "validate/cuda/device.h"

namespace terrace::cuda {

class Memory {
 public:
  virtual ~Memory() = default;
  virtual void* room(std::size_t bytes) = 0;  // at a multiple of 256 B; there as long as this
  virtual void write(void* to, const void* from, std::size_t bytes) = 0;
  virtual void read(void* to, const void* from, std::size_t bytes) = 0;  // after all calls before

  template <class T>
  T* put(const std::vector<T>& values) {
    T* at = static_cast<T*>(room(values.size() * sizeof(T)));
    write(at, values.data(), values.size() * sizeof(T));
    return at;
  }
};

class HostMemory final : public Memory {
 public:
  void* room(std::size_t bytes) override {
    rooms_.emplace_back(static_cast<char*>(std::aligned_alloc(256, (bytes / 256 + 1) * 256)),
                        &std::free);
    std::memset(rooms_.back().get(), 0, bytes);
    return rooms_.back().get();
  }
  void write(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void read(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }

 private:
  std::vector<std::unique_ptr<char, void (*)(void*)>> rooms_;
};

// Throws OutOfGpuMemory.
class DeviceMemory final : public Memory {
 public:
  void* room(std::size_t bytes) override {
    rooms_.emplace_back(bytes, "a model's weights and cache");
    rooms_.back().fill(0);
    return rooms_.back().data();
  }
  void write(void* to, const void* from, std::size_t bytes) override {
    const DeviceBuffer& b = holding(to);
    b.upload(from, bytes, static_cast<std::size_t>(static_cast<char*>(to) - b.as<char>()));
  }
  void read(void* to, const void* from, std::size_t bytes) override {
    synchronize();
    const DeviceBuffer& b = holding(from);
    b.download(to, bytes, static_cast<std::size_t>(static_cast<const char*>(from) - b.as<char>()));
  }

 private:
  const DeviceBuffer& holding(const void* at) const {
    for (const DeviceBuffer& b : rooms_)
      if (at >= b.data() && at < b.as<char>() + b.bytes()) return b;
    throw GpuError("an address that is in no buffer");
  }
  std::vector<DeviceBuffer> rooms_;
};

}  // namespace terrace::cuda
