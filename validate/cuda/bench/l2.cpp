// The L2 and what lies behind it: bandwidth of all multiprocessors reading a footprint again and
// again, and latency of one load at a time through a ring in random order.
// Source: the two micro-benchmarks of te42kyfo/gpu-benches (github.com), written anew.
// State: none.
#include <algorithm>
#include <cmath>

#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/bench/chase.h"
#include "validate/device/machine_parts.h"

namespace terrace::cuda {
namespace {

constexpr double mib = 1 << 20;
constexpr double read_in_all = 1024 * mib;  // B that a bandwidth case reads
constexpr std::uint32_t chased = 1 << 15;   // loads of a latency case

class L2 final : public BenchGroup {
 public:
  L2(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    const std::vector<double> few{4, 256};
    const std::vector<double> many{1,  2,  4,  8,  12, 16, 20, 24,  28,  32, 36,
                                   40, 44, 48, 56, 64, 80, 96, 128, 192, 256};
    for (const char* name : {"bandwidth", "latency"})
      for (const double footprint : quick ? few : many) {
        Case c;
        c.name = name;
        c.with("footprint", footprint * mib);
        c.l2 = CacheState::warm;
        c.memory = static_cast<std::uint64_t>(footprint * mib);
        if (c.name == "bandwidth") {
          c.unit = "B/s";
          c.work = passes(c) * c["footprint"];
        }
        out.push_back(c);
      }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    const std::size_t bytes = c.whole("footprint");
    const DeviceBuffer data(bytes, "the footprint of " + c.text());
    const DeviceBuffer sink(4096, "the sink of reads");
    const int processors = timer.device().multiprocessors;
    if (c.name == "bandwidth") {
      data.fill(0);
      double read = 0;
      Sample sample = timer.on_device(c, [&] {
        read = static_cast<double>(launch_read_again(data.data(), bytes,
                                                     static_cast<std::uint64_t>(passes(c)),
                                                     sink.data(), processors, timer.stream()));
      });
      for (double& seconds : sample) seconds *= c.work / read;  // whole loads of every thread
      return sample;
    }
    const auto nodes = static_cast<std::uint32_t>(bytes / chase_node);
    const std::vector<std::uint32_t> ring = chase_ring(nodes);
    std::vector<char> image(bytes);
    for (std::uint32_t i = 0; i < nodes; ++i)
      *reinterpret_cast<std::uint32_t*>(image.data() + std::size_t{i} * chase_node) = ring[i];
    data.upload(image.data(), bytes);
    // Everybody reads it before one thread follows it: warm as far as it can be.
    launch_read_again(data.data(), bytes, 2, sink.data(), processors, timer.stream());
    const std::uint32_t steps = std::min(nodes, chased);
    std::uint32_t start = 0;
    Sample sample = timer.on_device(c, [&] {
      launch_chase(data.data(), start, steps, sink.data(), timer.stream());
      for (std::uint32_t i = 0; i < steps; ++i) start = ring[start];  // on from where it ended
    });
    for (double& seconds : sample) seconds /= steps;
    return sample;
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    if (c.name == "latency") return {};
    Op op = parts.kernel(OpKind::elementwise, "read again");
    for (double pass = 0; pass < passes(c); ++pass)
      op.reads(parts.hbm, c["footprint"], c["footprint"]);
    return {op};
  }

  // A gather waits for one load more than an elementwise kernel that reads the same.
  std::optional<double> predict(const Case& c, const MachineParts& parts) const override {
    if (c.name != "latency") return BenchGroup::predict(c, parts);
    const auto seconds = [&](OpKind kind) {
      Op op = parts.kernel(kind, "load");
      op.reads(parts.hbm, chase_node, c["footprint"]);
      return validate::run(parts.machine, {op});
    };
    return seconds(OpKind::gather) - seconds(OpKind::elementwise);
  }

 private:
  static double passes(const Case& c) {
    return std::ceil(std::max(2.0, read_in_all / c["footprint"]));
  }
};
TERRACE_REGISTER(BenchGroup, L2, "l2",
                 "bandwidth and latency of the L2 against footprint, pointer chase");

}  // namespace
}  // namespace terrace::cuda
