// Runs of G bytes fetched from random places, and from pages that a block table names: what
// token-sparse reads of a KV cache are. Alone ("…_read") and into a dense buffer. "host": out of
// pinned host memory over the link, by the kernel's own loads.
// Source: the pattern of paged KV caches (Kwon et al., SOSP 2023) read by token (Quest, SparQ).
// State: the host's table.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "sim/random.h"
#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/bench/layout.h"

namespace terrace::cuda {
namespace {

constexpr double table_bytes = 4.0 * (1 << 30);  // far beyond every L2
constexpr double fetched = 1 << 29;              // of these, each at most once
constexpr double host_table = 1.0 * (1 << 30), host_fetched = 1 << 28;  // the same, of the host
constexpr double page_bytes = 1 << 16;  // 16 tokens of Llama-3.1-8B: 2 · 8 · 128 numbers of 2 B
constexpr double taken = 0.25;          // of a page's runs

int log2_of(double x) { return static_cast<int>(std::lround(std::log2(x))); }

class Gather final : public BenchGroup {
 public:
  Gather(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    for (const char* name : {"random", "random_read", "paged", "paged_read"})
      for (const double run : geometric(32, 1 << 20, quick ? 32 : 2)) {
        if (std::string(name).rfind("paged", 0) == 0 && run > page_bytes * taken) continue;
        Case c;
        c.name = name;
        c.with("run", run).with("bytes", fetched);
        c.l2 = CacheState::cold;
        c.unit = "B/s";
        c.work = stores(c) ? 2 * fetched : fetched;
        c.memory = static_cast<std::uint64_t>(table_bytes + 2 * fetched);
        out.push_back(c);
      }
    for (const double run : geometric(64, 1 << 16, quick ? 32 : 2)) {
      Case c;
      c.name = "host";
      c.with("run", run).with("bytes", host_fetched);
      c.l2 = CacheState::cold;
      c.unit = "B/s";
      c.work = host_fetched;
      c.memory = static_cast<std::uint64_t>(host_fetched);
      out.push_back(c);
    }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    const bool host = c.name == "host";
    const auto size = static_cast<std::size_t>(host ? host_table : table_bytes);
    GatherPlan plan;
    plan.unit_shift = log2_of(c["run"] / unit_bytes);
    plan.runs = static_cast<std::uint64_t>(c["bytes"] / c["run"]);
    plan.run_bits = log2_of(static_cast<double>(size) / c["run"]);
    const DeviceBuffer table(host ? 0 : size, "the table of " + c.text());
    const DeviceBuffer to(stores(c) ? c.whole("bytes") : 0, "the result of " + c.text());
    const DeviceBuffer sink(4096, "the sink of reads");
    if (host && pinned_.bytes() == 0) {
      pinned_ = PinnedBuffer(size, "the table of " + c.text());
      std::memset(pinned_.data(), 1, size);
    }
    if (!host) table.fill(0);
    DeviceBuffer pages;
    if (c.name.rfind("paged", 0) == 0) {
      plan.slot_bits = log2_of(page_bytes / c["run"]);
      plan.taken_bits = log2_of(taken * page_bytes / c["run"]);
      std::vector<std::uint32_t> numbers(static_cast<std::size_t>(table_bytes / page_bytes));
      std::iota(numbers.begin(), numbers.end(), 0u);
      RandomStream random(1, "pages");
      for (std::size_t i = numbers.size(); i-- > 1;)
        std::swap(
            numbers[i],
            numbers[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
      pages = DeviceBuffer(numbers.size() * sizeof numbers[0], "the block table");
      pages.upload(numbers.data(), pages.bytes());
      plan.pages = pages.as<std::uint32_t>();
    }
    return timer.on_device(c, [&] {
      launch_gather(plan, host ? pinned_.data() : table.data(), stores(c) ? to.data() : nullptr,
                    sink.data(), timer.device().multiprocessors, timer.stream());
    });
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    const double never = std::numeric_limits<double>::infinity();
    const bool host = c.name == "host";
    if (host && parts.host == none) return {};
    Op op = parts.kernel(OpKind::gather, "gather");
    op.reads(host ? parts.host : parts.hbm, c["bytes"], never, c["run"]);
    if (stores(c)) op.writes(parts.hbm, c["bytes"]);
    return {op};
  }

 private:
  static bool stores(const Case& c) {
    return c.name == "random" || c.name == "paged" || c.name == "host";
  }
  PinnedBuffer pinned_;  // kept from case to case: pinning takes long
};
TERRACE_REGISTER(
    BenchGroup, Gather, "gather",
    "runs of 32 B to 1 MiB fetched from random places and from pages, of the host too");

}  // namespace
}  // namespace terrace::cuda
