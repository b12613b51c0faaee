// How fast the burst-level DRAM runs: requests per second of host time, one by one and folded.
#include <benchmark/benchmark.h>

#include "models/dram/stream_fold.h"

namespace {

using namespace terrace;
using namespace terrace::dram;

struct Holder {
  Choice<BurstDevice> member;
  static void fields(Schema<Holder>& s) { s.field("member", &Holder::member, "what runs"); }
};

DramParams params(const std::string& yaml) {
  Mistakes mistakes;
  const Node root = parse_config("member: " + yaml, "bench", mistakes);
  Reader reader(mistakes);
  const auto holder = read<Holder>(root, reader);
  mistakes.raise();
  return *holder.member.params_as<Dram>();
}

const char* const shallow = "{extends: dram/hbm3_channel.yaml}";
const char* const deep =
    "{extends: dram/hbm3_channel.yaml, scheduler: row_hit_first, read_queue: 128, write_queue: "
    "128}";

BurstPattern pattern(bool sequential) {
  BurstPattern p;
  p.sequential = sequential;
  p.run_length = sequential ? p.footprint : 32;
  return p;
}

void one_by_one(benchmark::State& state, const char* yaml, bool sequential) {
  constexpr std::uint64_t requests = 100000;
  const DramParams p = params(yaml);
  for (auto _ : state) {
    Dram device(p, {});
    benchmark::DoNotOptimize(drive(device, pattern(sequential), requests).rate);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(requests) * state.iterations());
}
BENCHMARK_CAPTURE(one_by_one, hbm3_stream_q32, shallow, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_by_one, hbm3_random_q32, shallow, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_by_one, hbm3_stream_q128, deep, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_by_one, hbm3_random_q128, deep, false)->Unit(benchmark::kMillisecond);

// 16 GB over the 80 channels of an H100 SXM; items are bursts of 32 B.
void folded_weights(benchmark::State& state) {
  constexpr std::uint64_t bytes = std::uint64_t{16} << 30;
  const DramParams p = params("dram/h100_sxm_hbm3.yaml");
  for (auto _ : state) benchmark::DoNotOptimize(fold(p, pattern(true), bytes).rate);
  state.SetItemsProcessed(static_cast<std::int64_t>(bytes / 32) * state.iterations());
}
BENCHMARK(folded_weights)->Unit(benchmark::kMillisecond);

}  // namespace
