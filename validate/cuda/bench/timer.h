// Times what is put on a GPU, again and again, from a warm or an emptied L2.
#pragma once

#include <functional>

#include "validate/cuda/bench/case.h"
#include "validate/cuda/device.h"

namespace terrace::cuda {

class Timer {
 public:
  // `breathe` is called between repeats; what it throws ends the measurement.
  Timer(const DeviceInfo& device, bool quick, std::function<void()> breathe);

  const DeviceInfo& device() const { return device_; }
  const Stream& stream() const { return stream_; }

  // By the device's clock. `once` puts one execution on the stream; the device is kept busy before
  // it, so that the host's launch is hidden.
  Sample on_device(const Case& c, const Stream& stream, const std::function<void()>& once);
  Sample on_device(const Case& c, const std::function<void()>& once) {
    return on_device(c, stream_, once);
  }
  // By the host's clock; `once` returns when all is done.
  Sample on_host(const std::function<void()>& once);

 private:
  void empty_l2(const Stream& stream);
  DeviceInfo device_;
  Repeats repeats_;
  std::function<void()> breathe_;
  Stream stream_;
  DeviceBuffer flush_, sink_;
};

}  // namespace terrace::cuda
