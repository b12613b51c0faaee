// Runs of G bytes fetched from random places, and from pages that a block table names: what
// token-sparse reads of a KV cache are. Alone ("…_read") and into a dense buffer.
// Source: the pattern of paged KV caches (Kwon et al., SOSP 2023) read by token (Quest, SparQ).
// State: none.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/random.h"
#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/bench/layout.h"

namespace terrace::cuda {
namespace {

constexpr double table_bytes = 4.0 * (1 << 30);  // far beyond every L2
constexpr double fetched = 1 << 29;              // of these, each at most once
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
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    GatherPlan plan;
    plan.unit_shift = log2_of(c["run"] / unit_bytes);
    plan.runs = static_cast<std::uint64_t>(fetched / c["run"]);
    plan.run_bits = log2_of(table_bytes / c["run"]);
    const DeviceBuffer table(static_cast<std::size_t>(table_bytes), "the table of " + c.text());
    const DeviceBuffer to(stores(c) ? static_cast<std::size_t>(fetched) : 0,
                          "the result of " + c.text());
    const DeviceBuffer sink(4096, "the sink of reads");
    table.fill(0);
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
      launch_gather(plan, table.data(), stores(c) ? to.data() : nullptr, sink.data(),
                    timer.device().multiprocessors, timer.stream());
    });
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    const double never = std::numeric_limits<double>::infinity();
    Op op = parts.kernel(OpKind::gather, "gather");
    op.reads(parts.hbm, fetched, never, c["run"]);
    if (stores(c)) op.writes(parts.hbm, fetched);
    return {op};
  }

 private:
  static bool stores(const Case& c) { return c.name == "random" || c.name == "paged"; }
};
TERRACE_REGISTER(BenchGroup, Gather, "gather",
                 "runs of 32 B to 1 MiB fetched from random places and from pages");

}  // namespace
}  // namespace terrace::cuda
