// Where a kernel is tried: the host, thread by thread, or a GPU. The same checks run on either.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "validate/cuda/device.h"
#include "validate/cuda/kernels/device_calls.h"
#include "validate/cuda/kernels/host_calls.h"

namespace terrace::cuda {

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
template <class T>
double real(T x) {
  return static_cast<double>(to_float(x));
}

class Place {
 public:
  virtual ~Place() = default;
  virtual std::string name() const = 0;
  virtual void call(const Call& what) = 0;
  template <class T>
  T* put(const std::vector<T>& values) {
    return static_cast<T*>(store(values.data(), values.size() * sizeof(T)));
  }
  template <class T>
  std::vector<T> get(const T* at, std::size_t count) {
    std::vector<T> out(count);
    load(out.data(), at, count * sizeof(T));
    return out;
  }

 private:
  virtual void* store(const void* from, std::size_t bytes) = 0;
  virtual void load(void* to, const void* at, std::size_t bytes) = 0;
};

class HostPlace final : public Place {
 public:
  std::string name() const override { return "the host"; }
  void call(const Call& what) override { calls_.call(what); }

 private:
  void* store(const void* from, std::size_t bytes) override {  // one byte past it is a mistake
    memory_.emplace_back(
        static_cast<std::byte*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256)), &std::free);
    if (bytes > 0) std::memcpy(memory_.back().get(), from, bytes);
    return memory_.back().get();
  }
  void load(void* to, const void* at, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, at, bytes);
  }
  HostCalls calls_;
  std::deque<std::unique_ptr<std::byte, void (*)(void*)>> memory_;
};

class DevicePlace final : public Place {
 public:
  DevicePlace() : info_(open_device()) {}
  std::string name() const override { return info_.name; }
  const DeviceInfo& info() const { return info_; }
  void call(const Call& what) override {
    calls_.call(what);
    synchronize();
  }

 private:
  void* store(const void* from, std::size_t bytes) override {
    memory_.emplace_back(std::max<std::size_t>(bytes, 16), "a test's data");
    if (bytes > 0) memory_.back().upload(from, bytes);
    return memory_.back().data();
  }
  void load(void* to, const void* at, std::size_t bytes) override {
    for (const DeviceBuffer& b : memory_)
      if (at >= b.data() && at < b.as<char>() + b.bytes())
        return b.download(to, bytes,
                          static_cast<std::size_t>(static_cast<const char*>(at) - b.as<char>()));
    FAIL("not in the device's memory");
  }
  DeviceInfo info_;
  DeviceCalls calls_;
  std::deque<DeviceBuffer> memory_;
};

// Runs a check on the GPU; where there is none, says so and why.
template <class Check>
void on_gpu(Check&& check) {
  std::unique_ptr<DevicePlace> place;
  try {
    place = std::make_unique<DevicePlace>();
  } catch (const NoGpu& none) {
    WARN("skipped: " << none.what());
    return;
  }
  check(*place);
}

// Numbers from -1 to 1 that T holds exactly, from a seed.
template <class T>
std::vector<T> random_numbers(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> draw(-1, 1);
  std::vector<T> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(from_float<T>(draw(engine)));
  return out;
}

template <class T>
constexpr double rounding() {  // half a unit in the last place of 1
  return sizeof(T) == 4 ? 0x1p-24 : std::is_same_v<T, F16> ? 0x1p-11 : 0x1p-8;
}

}  // namespace terrace::cuda
