// Gathers of scattered rows out of host memory by a kernel's own loads over PCIe 4, packet by
// packet, beside measured ones. State: none; each row drives a link of its own.
#include <algorithm>
#include <vector>

#include "results/human.h"
#include "sim/random.h"
#include "validate/comparison.h"
#include "validate/device/link_drive.h"

namespace terrace::validate {
namespace {

const char* const config = "link/pcie4_x16_loads.yaml";
constexpr std::uint64_t table_rows = 2'000'000;
constexpr std::uint64_t sector = 64;  // cudaLimitMaxL2FetchGranularity, as it is set by default

// Useful bytes per second when so many rows of a table are drawn; nothing is kept between rows.
double gathered(std::uint64_t row) {
  constexpr std::size_t measured = 20'000, warm_up = 4'000, in_flight = 512;
  const auto link = link_of(config);
  RandomStream random(1, "validate.zero_copy");
  std::vector<BurstAnswer> answers;
  std::size_t sent = 0, answered = 0;
  Time now, begin;
  BurstRequest next;
  const auto choose = [&] {
    const std::uint64_t first = random.bits() % table_rows * row;
    next.id = sent;
    next.address = first / sector * sector;
    next.bytes =
        static_cast<std::uint32_t>((first + row + sector - 1) / sector * sector - next.address);
  };
  choose();
  while (answered < warm_up + measured) {
    while (sent - answered < in_flight && link->offer(next, now)) {
      ++sent;
      choose();
    }
    now = std::max(now, link->next_event());
    answers.clear();
    link->advance(now, answers);
    if (answered < warm_up && answered + answers.size() >= warm_up) begin = now;
    answered += answers.size();
  }
  return static_cast<double>(answered - warm_up) * static_cast<double>(row) /
         (now - begin).seconds();
}

Rows gathers() {
  // Microseconds for 100,000 rows, less the 64 us that a call for one row takes. Bound: the raw
  // rate less a header for every 128 B.
  constexpr double drawn = 100e3, call = 64;
  const std::pair<std::uint32_t, double> measured[] = {
      {1412, 5636}, {1024, 4005}, {353, 1768}, {47, 538}};
  const double bound = 16 * 16e9 * 128 / 130 / 8 * 370 / 371 * 128 / (128 + 20);
  Rows rows;
  for (const auto& [row, us] : measured)
    rows.push_back(percent("rows of " + human(row, "B"), gathered(row),
                           drawn * row / (us - call) * 1e6, "B/s", 10)
                       .at_most(bound));
  return rows;
}

class ZeroCopy final : public Comparison {
 public:
  using Params = NoParams;
  ZeroCopy(const Params&, const Context&) {}
  std::string about() const override {
    return "A kernel that gathers 100,000 random rows of a table of 2,000,000 in pinned host "
           "memory, sorted, at their natural alignment, on an A100-80GB over PCIe 4 x16. The L2 "
           "fetches 64 B pieces in requests of at most a line of 128 B; nothing is fitted. Left "
           "out: rows of a few bytes, which lanes of a warp ask for together, and draws of "
           "1,000,000 rows, half of which meet a row or a line that another has fetched.";
  }
  std::vector<Part> parts() const override {
    return {{"gathers", "dmlc/dgl pull request 6635, index_select of pinned rows", gathers}};
  }
};
TERRACE_REGISTER(Comparison, ZeroCopy, "zero_copy",
                 "gathers from host memory by a kernel's own loads");

}  // namespace
}  // namespace terrace::validate
