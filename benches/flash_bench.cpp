// How many requests a second of host time a drive at burst level serves, and in how much memory.
#include <benchmark/benchmark.h>

#include "models/flash/ssd.h"
#include "sim/burst_drive.h"
#include "tests/models/flash/burst_parts.h"

using namespace terrace;

namespace {

void drive_ssd(benchmark::State& state, const char* yaml, const BurstPattern& pattern) {
  constexpr std::uint64_t requests = 200000;
  double simulated = 0, tables = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto device = parts::ssd(yaml);
    state.ResumeTiming();
    simulated = parts::per_second(drive(*device, pattern, requests));
    if (const auto* ssd = dynamic_cast<const Ssd*>(device.get()))
      tables = static_cast<double>(ssd->map().bytes());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(requests));
  state.counters["simulated_per_s"] = simulated;
  state.counters["map_MB"] = tables / 1e6;
}

void random_reads_depth_32(benchmark::State& s) {
  drive_ssd(s, "flash/ssd_pm9a3.yaml", parts::pattern(4096, false, 32, 1, 64ull << 30));
}
void random_reads_depth_256(benchmark::State& s) {
  drive_ssd(s, "flash/ssd_pm9a3.yaml", parts::pattern(4096, false, 256, 1, 64ull << 30));
}
void mqsim_depth_256(benchmark::State& s) {
  drive_ssd(s, "flash/ssd_mqsim.yaml", parts::pattern(4096, false, 256, 1, 64ull << 30));
}
void stream_16k(benchmark::State& s) {
  drive_ssd(s, "flash/ssd_pm9a3.yaml", parts::pattern(16384, true, 128, 1, 64ull << 30));
}
void random_writes(benchmark::State& s) {
  drive_ssd(s, "flash/ssd_pm9a3.yaml", parts::pattern(4096, false, 64, 0, 8ull << 30));
}
void mixed(benchmark::State& s) {
  drive_ssd(s, "flash/ssd_pm9a3.yaml", parts::pattern(4096, false, 128, 0.7, 8ull << 30));
}
BENCHMARK(random_reads_depth_32)->Unit(benchmark::kMillisecond);
BENCHMARK(random_reads_depth_256)->Unit(benchmark::kMillisecond);
BENCHMARK(mqsim_depth_256)->Unit(benchmark::kMillisecond);
BENCHMARK(stream_16k)->Unit(benchmark::kMillisecond);
BENCHMARK(random_writes)->Unit(benchmark::kMillisecond);
BENCHMARK(mixed)->Unit(benchmark::kMillisecond);

}  // namespace
