// Which address each thread of a measured kernel touches, for kernels and for tests on the CPU.
// Source of the factors: Wellons, "Prospecting for hash functions", nullprogram.com, 2018; odd
// factors and xor-shifts are bijections of k-bit words (Marsaglia, "Xorshift RNGs", 2003).
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

// A permutation of the k-bit words: the order in which runs are fetched. 32 bits and shifts, for a
// kernel has some hundred instructions for each unit it moves.
TERRACE_HOST_DEVICE std::uint32_t scatter(std::uint32_t i, int bits) {
  const std::uint32_t mask = bits < 32 ? (1U << bits) - 1 : ~0U;
  const int half = (bits + 1) / 2;
  if (half == 0) return 0;
  i = (i + 0x9e3779b9U) & mask;
  i ^= i >> half;
  i = (i * 0x7feb352dU) & mask;
  i ^= i >> half;
  i = (i * 0x846ca68bU) & mask;
  return i ^ (i >> half);
}

// Gather of runs of 2^unit_shift units: unit `u` of the dense result comes from this unit of the
// source, a table of 2^run_bits runs. Distinct runs while u >> unit_shift is below 2^run_bits.
TERRACE_HOST_DEVICE std::uint32_t gathered_unit(std::uint32_t u, int unit_shift, int run_bits) {
  return (scatter(u >> unit_shift, run_bits) << unit_shift) | (u & ((1U << unit_shift) - 1));
}

// Gather from pages that a table names: of each page in logical order, 2^taken_bits of its
// 2^slot_bits runs, which ones differing by page. `page`: logical number; `slot`: run in the page.
struct PagedRun {
  std::uint32_t page, slot;
};
TERRACE_HOST_DEVICE PagedRun paged_run(std::uint32_t run, int taken_bits, int slot_bits) {
  const std::uint32_t page = run >> taken_bits, number = run & ((1U << taken_bits) - 1);
  const std::uint32_t turn = page * 0x9e3779b9U >> 16;  // another rotation for each page
  return {page, (scatter(number, slot_bits) + turn) & ((1U << slot_bits) - 1)};
}

}  // namespace terrace::cuda
