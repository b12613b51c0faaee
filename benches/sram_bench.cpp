// What an access of the cache models costs the simulator.
#include <benchmark/benchmark.h>

#include "models/sram/block_cache.h"
#include "models/sram/sector_cache.h"
#include "models/sram/tlb.h"
#include "sim/burst_drive.h"
#include "sim/random.h"

using namespace terrace;

namespace {

std::vector<std::uint32_t> drawn(std::uint32_t below) {
  RandomStream random(1, "bench");
  std::vector<std::uint32_t> out(1 << 16);
  for (auto& x : out) x = static_cast<std::uint32_t>(random.integer(0, below - 1));
  return out;
}

// Hits at random lines of a partition of an A100's L2: 20 MiB, 16 ways.
void sector_hit(benchmark::State& state, const char* policy) {
  const std::uint32_t sets = 10240, ways = 16;
  SectorCache cache(sets, ways, Choice<Replacement>::of(policy).make({sets, ways, 1}));
  for (std::uint32_t line = 0; line < sets * ways; ++line) cache.fill(line % sets, line, 15, 0);
  const auto lines = drawn(sets * ways);
  std::size_t i = 0;
  for (auto _ : state) {
    const std::uint32_t line = lines[i++ & 0xffff];
    benchmark::DoNotOptimize(cache.read(line % sets, line, 15));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(sector_hit, lru, "lru");
BENCHMARK_CAPTURE(sector_hit, not_recently_used, "not_recently_used");
BENCHMARK_CAPTURE(sector_hit, second_chance, "second_chance");
BENCHMARK_CAPTURE(sector_hit, s3_fifo, "s3_fifo");
BENCHMARK_CAPTURE(sector_hit, arc, "arc");

void paging(benchmark::State& state, const char* policy) {  // 4096 places, half of the uses miss
  BlockCache cache(1, 4096, Choice<Replacement>::of(policy));
  const auto blocks = drawn(8192);
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(cache.access(blocks[i++ & 0xffff]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(paging, lru, "lru");
BENCHMARK_CAPTURE(paging, s3_fifo, "s3_fifo");
BENCHMARK_CAPTURE(paging, arc, "arc");
BENCHMARK_CAPTURE(paging, one_bit, "one_bit");

void tlb_hit(benchmark::State& state) {
  TlbParams params;
  params.levels[0].entries = 1024;
  params.levels[0].ways = 8;
  Tlb tlb(params);
  const auto pages = drawn(1024);
  std::size_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(tlb.translate(std::uint64_t{pages[i++ & 0xffff]} << 21));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(tlb_hit);

// Whole requests of 128 B through the L2 as a burst-level device, with all its timing.
void l2_stream(benchmark::State& state) {
  const auto device = Choice<BurstDevice>::of("l2").make({"l2", 1});
  BurstPattern p;
  p.sequential = true;
  p.run_length = p.request_bytes = 128;
  p.footprint = static_cast<std::uint64_t>(state.range(0)) << 20;
  std::uint64_t n = 0;
  for (auto _ : state) n += drive(*device, p, 200000).requests;
  state.SetItemsProcessed(static_cast<std::int64_t>(n));
}
BENCHMARK(l2_stream)->Arg(8)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
