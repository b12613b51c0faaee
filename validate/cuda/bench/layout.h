// Which address each thread of a measured kernel touches, for kernels and for tests on the CPU.
// Sources: Steele & Vigna, "Computationally easy, spectrally good multipliers", 2022 (the factors);
// bijections of k-bit words by xor-shifts and odd factors: Knuth, TAOCP 2, 3.2.1 and Marsaglia,
// "Xorshift RNGs", 2003.
#pragma once

#include <cstdint>

#include "validate/cuda/host_device.h"

namespace terrace::cuda {

inline constexpr std::uint32_t unit_bytes = 16;  // what a thread loads or stores at once
inline constexpr int in_flight = 4;              // loads of a thread before it uses the first
inline constexpr int block_threads = 512;

// All threads pass over `units` in grid strides, `in_flight` of them at a time: the `load`-th unit
// of a thread's `round`. Units past the end are not touched.
TERRACE_HOST_DEVICE std::uint64_t strided_unit(std::uint64_t thread, std::uint64_t threads,
                                               std::uint64_t round, int load) {
  return (round * in_flight + static_cast<std::uint64_t>(load)) * threads + thread;
}
TERRACE_HOST_DEVICE std::uint64_t strided_rounds(std::uint64_t units, std::uint64_t threads) {
  return (units + threads * in_flight - 1) / (threads * in_flight);
}

// A footprint read again and again as if it were endless: unit v of the endless one lies at v
// modulo `units`. Of a thread: the first, and from each the next; step = threads % units.
TERRACE_HOST_DEVICE std::uint64_t wrapped_next(std::uint64_t at, std::uint64_t step,
                                               std::uint64_t units) {
  at += step;
  return at >= units ? at - units : at;
}
TERRACE_HOST_DEVICE std::uint64_t wrapped_loads(std::uint64_t units, std::uint64_t passes,
                                                std::uint64_t threads) {  // of each thread
  const std::uint64_t each = (units * passes + threads - 1) / threads;
  return (each + in_flight - 1) / in_flight * in_flight;
}

// A permutation of the k-bit words: the order in which runs are fetched.
TERRACE_HOST_DEVICE std::uint64_t scatter(std::uint64_t i, int bits) {
  if (bits == 0) return 0;
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  const int half = (bits + 1) / 2;
  i = (i * 0xd1342543de82ef95U + 0x9e3779b97f4a7c15U) & mask;
  i ^= i >> half;
  i = (i * 0xaf251af3b0f025b5U) & mask;
  i ^= i >> half;
  i = (i * 0xd1342543de82ef95U) & mask;
  return i ^ (i >> half);
}

// Gather of runs: unit `u` of the dense result comes from this unit of the source, a table of
// 2^run_bits runs. Distinct runs for u / units_per_run < 2^run_bits.
TERRACE_HOST_DEVICE std::uint64_t gathered_unit(std::uint64_t u, std::uint32_t units_per_run,
                                                int run_bits) {
  return scatter(u / units_per_run, run_bits) * units_per_run + u % units_per_run;
}

// Gather from pages that a table names: of each page in logical order, `runs_taken` of its
// 2^slot_bits runs, which ones differing by page. `page`: logical number; `slot`: run in the page.
struct PagedRun {
  std::uint64_t page, slot;
};
TERRACE_HOST_DEVICE PagedRun paged_run(std::uint64_t run, std::uint64_t runs_taken, int slot_bits) {
  const std::uint64_t page = run / runs_taken, slots = std::uint64_t{1} << slot_bits;
  const std::uint64_t turn = scatter(page & 0xffff, 16);  // another rotation for each page
  return {page, (scatter(run % runs_taken, slot_bits) + turn) % slots};
}

}  // namespace terrace::cuda
