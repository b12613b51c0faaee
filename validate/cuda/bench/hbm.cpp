// Reads, writes and copies of device memory over size, by a kernel and by the driver's memcpy.
// Source: the bytes over the time, as BabelStream counts them (a copy moves each byte twice).
// State: none.
#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/bench/bench_kernels.h"

namespace terrace::cuda {
namespace {

constexpr double mib = 1 << 20;

class Hbm final : public BenchGroup {
 public:
  Hbm(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    for (const char* name : {"read", "write", "copy", "memcpy"})
      for (const double bytes : geometric(mib, 4096 * mib, quick ? 64 : 4))
        for (const CacheState l2 : {CacheState::cold, CacheState::warm}) {
          if (l2 == CacheState::warm && bytes > 64 * mib)
            continue;  // larger than any L2: there is no warm
          Case c;
          c.name = name;
          c.with("bytes", bytes);
          c.l2 = l2;
          c.unit = "B/s";
          c.work = copies(c) ? 2 * bytes : bytes;
          c.memory = static_cast<std::uint64_t>(c.work);
          out.push_back(c);
        }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    const std::size_t bytes = c.whole("bytes");
    const DeviceBuffer a(bytes, "the array of " + c.text());
    const DeviceBuffer b(copies(c) ? bytes : 0, "the second array of " + c.text());
    const DeviceBuffer sink(4096, "the sink of reads");
    a.fill(0);
    const int processors = timer.device().multiprocessors;
    const Stream& s = timer.stream();
    return timer.on_device(c, [&] {
      if (c.name == "read")
        launch_read(a.data(), bytes, sink.data(), processors, s);
      else if (c.name == "write")
        launch_write(a.data(), bytes, processors, s);
      else if (c.name == "copy")
        launch_copy(b.data(), a.data(), bytes, processors, s);
      else
        copy_async(b.data(), a.data(), bytes, CopyDirection::on_device, s);
    });
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    const double bytes = c["bytes"], reuse = parts.reuse(c, c.work);
    Op op = parts.kernel(OpKind::elementwise, "hbm");
    if (c.name != "write") op.reads(parts.hbm, bytes, reuse);
    if (c.name != "read") op.writes(parts.hbm, bytes, reuse);
    return {op};
  }

 private:
  static bool copies(const Case& c) { return c.name == "copy" || c.name == "memcpy"; }
};
TERRACE_REGISTER(BenchGroup, Hbm, "hbm", "reads, writes and copies of device memory over size");

}  // namespace
}  // namespace terrace::cuda
