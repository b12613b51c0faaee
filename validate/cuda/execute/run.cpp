// Memory, streams and events of a plan; nothing here decides what runs.
#include "validate/cuda/execute/run.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>

#include "validate/cuda/graph.h"
#include "validate/cuda/kernels/device_calls.h"

namespace terrace::cuda {
namespace {

constexpr std::size_t room_for_libraries = std::size_t{512} << 20;  // B; cuBLASLt and the context

// All there is but a tenth: what is free says little of what the host gives, which drops caches.
std::size_t host_memory() {
  return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) / 10 * 9 *
         static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// 16-bit numbers from -1 to 1, which are small floats in pairs, too: no arithmetic overflows.
std::vector<std::uint16_t> random_numbers() {
  std::vector<std::uint16_t> out(std::size_t{8} << 20);
  std::mt19937 engine(1);
  for (std::uint16_t& x : out) {  // bfloat16 with exponents of 2^-8 to 2^-1
    const std::uint32_t bits = engine();
    x = static_cast<std::uint16_t>((bits & 0x807FU) | (119U + (bits >> 16 & 7U)) << 7);
  }
  return out;
}

class Runner {
 public:
  Runner(const Plan& plan, const Step& step)
      : plan_(plan),
        step_(step),
        device_(plan.device_bytes, "the step"),
        pinned_(std::max<std::size_t>(plan.pinned_bytes, 16), "the step's part in host memory"),
        calls_(static_cast<int>(std::max<std::size_t>(plan.streams.size(), 1))),
        addresses_(plan, {device_.as<std::byte>(), pinned_.as<std::byte>()}),
        start_(true),
        stop_(true) {
    fill();
    std::vector<bool> awaited(plan.launches.size(), false);
    for (const PlannedLaunch& l : plan.launches)
      for (const int w : l.waits) awaited[static_cast<std::size_t>(w)] = true;
    for (const bool a : awaited) done_.push_back(a ? std::make_unique<Event>(false) : nullptr);
    for (std::size_t s = 1; s < plan.streams.size(); ++s) ends_.emplace_back(false);
  }

  const DeviceCalls& calls() const { return calls_; }

  // Puts a step on the streams. `around` is called before and after every launch.
  template <class Around>
  void issue(Around&& around) {
    start_.record(calls_.stream(0));
    for (std::size_t s = 1; s < plan_.streams.size(); ++s)
      calls_.stream(static_cast<int>(s)).wait(start_);
    for (std::size_t i = 0; i < plan_.launches.size(); ++i) {
      const PlannedLaunch& l = plan_.launches[i];
      const Stream& on = calls_.stream(l.stream);
      for (const int w : l.waits) on.wait(*done_[static_cast<std::size_t>(w)]);
      around(i, on, true);
      calls_.call(l.call(addresses_), l.stream);
      around(i, on, false);
      if (done_[i]) done_[i]->record(on);
    }
    for (std::size_t s = 1; s < plan_.streams.size(); ++s) {
      ends_[s - 1].record(calls_.stream(static_cast<int>(s)));
      calls_.stream(0).wait(ends_[s - 1]);
    }
  }
  void issue() {
    issue([](std::size_t, const Stream&, bool) {});
  }

  double eager() {
    begin_.record(calls_.stream(0));
    issue();
    return end();
  }
  double replay(const Graph& graph) {
    begin_.record(calls_.stream(0));
    graph.launch(calls_.stream(0));
    return end();
  }
  Graph capture() {
    return Graph(calls_.stream(0), [&] { issue(); });
  }
  // Seconds of every launch, less what two events with nothing between them take.
  std::vector<double> each() {
    if (before_.empty())
      for (std::size_t i = 0; i < plan_.launches.size(); ++i) {
        before_.emplace_back(true);
        after_.emplace_back(true);
      }
    keep_busy();
    idle_before_.record(calls_.stream(0));
    idle_after_.record(calls_.stream(0));
    issue([&](std::size_t i, const Stream& on, bool first) {
      (first ? before_ : after_)[i].record(on);
    });
    synchronize();
    const double nothing = idle_after_.seconds_since(idle_before_);
    std::vector<double> out;
    for (std::size_t i = 0; i < before_.size(); ++i)
      out.push_back(std::max(0.0, after_[i].seconds_since(before_[i]) - nothing));
    return out;
  }

 private:
  double end() {
    stop_.record(calls_.stream(0));
    const double seconds = stop_.seconds_since(begin_);
    synchronize();
    return seconds;
  }
  // The device reads its own memory while the host gets ahead of it.
  void keep_busy() {
    StreamArgs s;
    s.in = device_.data();
    s.out = nullptr;
    s.read_vectors = static_cast<std::int64_t>(device_.bytes() / 16);
    s.blocks = 2048;
    const auto passes = std::min<std::int64_t>(
        200, 1 + (std::int64_t{16} << 30) / static_cast<std::int64_t>(device_.bytes() + 1));
    for (std::int64_t i = 0; i < passes; ++i) calls_.call(s, 0);
  }
  void fill() {
    const std::vector<std::uint16_t> pattern = random_numbers();
    const std::size_t bytes = pattern.size() * 2;
    const Stream& on = calls_.stream(0);
    for (std::size_t at = 0; at < device_.bytes(); at += bytes)
      if (at == 0)
        device_.upload(pattern.data(), std::min(bytes, device_.bytes()));
      else
        copy_async(device_.as<std::byte>(at), device_.data(), std::min(bytes, device_.bytes() - at),
                   CopyDirection::on_device, on);
    for (std::size_t at = 0; at < pinned_.bytes(); at += bytes)
      std::memcpy(pinned_.as<std::byte>(at), pattern.data(), std::min(bytes, pinned_.bytes() - at));
    synchronize();
    for (const PlanBuffer& b : plan_.buffers) {
      if (b.contents.empty()) continue;
      if (b.space == Space::device)
        device_.upload(b.contents.data(), b.contents.size(), b.offset);
      else
        std::memcpy(pinned_.as<std::byte>(b.offset), b.contents.data(), b.contents.size());
    }
  }

  const Plan& plan_;
  const Step& step_;
  DeviceBuffer device_;
  PinnedBuffer pinned_;
  DeviceCalls calls_;
  Addresses addresses_;
  Event start_, stop_, begin_{true}, idle_before_{true}, idle_after_{true};
  std::vector<std::unique_ptr<Event>> done_;
  std::vector<Event> ends_, before_, after_;
};

bool captured(const Step& step) {
  for (OpVertex v = 0; v < boost::num_vertices(step.graph); ++v)
    if (step.graph[v].in_graph) return true;
  return false;
}

std::vector<OpTime> by_label(const Plan& plan, const Step& step,
                             const std::vector<std::vector<double>>& repeats) {
  std::vector<OpTime> out;
  std::map<std::string, std::size_t> place;
  std::vector<std::vector<double>> sums;  // by label, by repeat
  for (std::size_t i = 0; i < plan.launches.size(); ++i) {
    const PlannedLaunch& l = plan.launches[i];
    const std::string label = step.graph[l.op].label;
    const auto [at, fresh] = place.emplace(label, out.size());
    if (fresh) {
      out.push_back({label, 0, 0});
      sums.emplace_back(repeats.size(), 0.0);
    }
    const bool next =
        i == 0 || plan.launches[i - 1].op != l.op || plan.launches[i - 1].round != l.round;
    out[at->second].count += next ? 1 : 0;
    for (std::size_t r = 0; r < repeats.size(); ++r) sums[at->second][r] += repeats[r][i];
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i].seconds = spread_of(sums[i]).median;
  return out;
}

}  // namespace

Spread spread_of(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const auto n = seconds.size();
  const auto at = [&](double q) {
    return seconds[static_cast<std::size_t>(q * static_cast<double>(n - 1) + 0.5)];
  };
  const double median = n % 2 == 1 ? seconds[n / 2] : (seconds[n / 2 - 1] + seconds[n / 2]) / 2;
  return {median, at(0.1), at(0.9), static_cast<int>(n)};
}

PlanOptions plan_options(const DeviceInfo& device) {
  PlanOptions o;
  o.multiprocessors = device.multiprocessors;
  o.decode_slots = DeviceCalls::decode_slots(device.multiprocessors, Number::bf16, 128);
  return o;
}

Execution execute(const Plan& plan, const Step& step, const ExecuteOptions& options) {
  const std::size_t free = free_memory();
  const std::string misfit =
      what_does_not_fit(plan, free - std::min(free, room_for_libraries), host_memory());
  if (!misfit.empty()) throw NoGpu(misfit);
  const auto breathe = [&] {
    if (options.breathe) options.breathe();
  };
  Runner runner(plan, step);
  const auto repeat = [&](const std::function<double()>& once) {
    std::vector<double> seconds;
    double begun = 0;
    for (int i = -options.warm_up; i < options.repeats; ++i) {
      if (i == 0) begun = now();
      if (i >= options.least && now() - begun > options.seconds) break;
      breathe();
      const double s = once();
      if (i >= 0) seconds.push_back(s);
    }
    return spread_of(seconds);
  };
  Execution out;
  out.gemm_library = runner.calls().gemm_library();
  out.eager = repeat([&] { return runner.eager(); });
  out.captured = captured(step);
  if (out.captured) {
    const Graph graph = runner.capture();
    out.step = repeat([&] { return runner.replay(graph); });
  } else {
    out.step = out.eager;
  }
  std::vector<std::vector<double>> each;
  const double begun = now();
  for (int i = 0; i < 1 + options.repeats / 4; ++i) {
    if (i > 1 && now() - begun > options.seconds) break;
    breathe();
    each.push_back(runner.each());
  }
  out.ops = by_label(plan, step, each);
  return out;
}

}  // namespace terrace::cuda
