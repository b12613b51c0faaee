// How fast links run at burst level: packets per second of host time, with and without jumping
// over repetitions.
#include "tests/models/link/link_bench.h"

#include <benchmark/benchmark.h>

using namespace terrace;

namespace {

void packets(benchmark::State& state, const char* yaml, std::uint32_t bytes, Direction direction,
             bool folding) {
  const auto link = parts::link_of(yaml);
  link->set_folding(folding);
  std::vector<BurstAnswer> answers;
  std::uint64_t sent = 0;
  Time now;
  for (auto _ : state) {
    for (std::uint64_t done = 0; done < (64u << 20); done += bytes) {
      while (link->offer({sent, sent % 1024 * bytes, bytes, direction}, now) && ++sent % 64 != 0) {
      }
      answers.clear();
      while (answers.empty()) link->advance(now = link->next_event(), answers);
    }
  }
  state.SetItemsProcessed(link->packets());
  state.SetBytesProcessed(state.iterations() * (64 << 20));
}

const char* const pcie = "link/pcie5_x16_burst.yaml";
BENCHMARK_CAPTURE(packets, pcie_write_64MB, pcie, 64u << 20, Direction::write, false);
BENCHMARK_CAPTURE(packets, pcie_read_64MB, pcie, 64u << 20, Direction::read, false);
BENCHMARK_CAPTURE(packets, pcie_write_64MB_folded, pcie, 64u << 20, Direction::write, true);
BENCHMARK_CAPTURE(packets, pcie_read_64MB_folded, pcie, 64u << 20, Direction::read, true);
BENCHMARK_CAPTURE(packets, pcie_read_64KB, pcie, 65536, Direction::read, true);
BENCHMARK_CAPTURE(packets, pcie6_write_64MB, "link/pcie6_x16_burst.yaml", 64u << 20,
                  Direction::write, false);
BENCHMARK_CAPTURE(packets, cxl_read_lines, "link/cxl2_x8_burst.yaml", 64u, Direction::read, false);
BENCHMARK_CAPTURE(packets, nvlink_write_1MB, "link/nvlink4_burst.yaml", 1u << 20, Direction::write,
                  false);
BENCHMARK_CAPTURE(packets, roce_write_1MB, "link/roce_400g_burst.yaml", 1u << 20, Direction::write,
                  false);

}  // namespace
