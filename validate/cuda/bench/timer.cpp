// The loop around every measurement. The L2 is emptied by reading four times its size: what it then
// holds is clean, so that nothing has to be written back in the measured time.
#include "validate/cuda/bench/timer.h"

#include <algorithm>
#include <chrono>

#include "validate/cuda/bench/bench_kernels.h"

namespace terrace::cuda {
namespace {

// s that the device waits: longer than the host needs to launch a kernel and two events; and for
// launches that it needs longer for, as far as those can be hidden.
constexpr double hidden = 25e-6, most_hidden = 500e-6;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Timer::Timer(const DeviceInfo& device, bool quick, std::function<void()> breathe)
    : device_(device),
      repeats_(Repeats::plan(quick)),
      breathe_(std::move(breathe)),
      flush_(std::max<std::size_t>(4 * device.l2, std::size_t{64} << 20) / 4096 * 4096,
             "the buffer that empties the L2"),
      sink_(4096, "the sink of reads") {
  flush_.fill(0);
  const double begun = now();  // clocks rise from where they rest
  while (now() - begun < (quick ? 0.1 : 0.5)) {
    empty_l2(stream_);
    stream_.synchronize();
  }
}

void Timer::empty_l2(const Stream& stream) {
  launch_read(flush_.data(), flush_.bytes(), sink_.data(), device_.multiprocessors, stream);
}

Sample Timer::on_device(const Case& c, const Stream& stream, const std::function<void()>& once) {
  const Event start, end;
  Sample sample;
  double begun = 0, delay = hidden;
  for (int i = -2; i < 0 || !repeats_.enough(sample.size(), now() - begun); ++i) {
    if (i == 0) begun = now();
    breathe_();
    if (c.l2 == CacheState::cold) empty_l2(stream);
    launch_delay(delay, stream);
    const double launched = now();
    start.record(stream);
    once();
    end.record(stream);
    if (i == -1) delay = std::clamp(2 * (now() - launched), hidden, most_hidden);
    const double seconds = end.seconds_since(start);
    if (i >= 0) sample.push_back(seconds);  // two to load code and warm up
  }
  stream.synchronize();
  return sample;
}

Sample Timer::on_host(const std::function<void()>& once) {
  Sample sample;
  double begun = 0;
  for (int i = -2; i < 0 || !repeats_.enough(sample.size(), now() - begun); ++i) {
    if (i == 0) begun = now();
    breathe_();
    stream_.synchronize();
    const double start = now();
    once();
    const double seconds = now() - start;
    if (i >= 0) sample.push_back(seconds);
  }
  return sample;
}

}  // namespace terrace::cuda
