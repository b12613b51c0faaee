// The kernels that the micro-benchmarks of memories and launches time. `sink`: 4 KiB that reads
// would be written to, so that they cannot be left out; but for the chase none is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "validate/cuda/device.h"

namespace terrace::cuda {

// Bytes are multiples of 16. `processors`: multiprocessors to spread over. Reads pass the L1 by.
void launch_read(const void* from, std::size_t bytes, void* sink, int processors,
                 const Stream& stream);
// At least `passes` times over; returns the bytes that are read.
std::uint64_t launch_read_again(const void* from, std::size_t bytes, std::uint64_t passes,
                                void* sink, int processors, const Stream& stream);
void launch_write(void* to, std::size_t bytes, int processors, const Stream& stream);
void launch_copy(void* to, const void* from, std::size_t bytes, int processors,
                 const Stream& stream);

// Runs of 16 << unit_shift bytes from a table of 2^run_bits of them; to == nullptr: only read. At
// most 4 Gi units of 16 bytes.
struct GatherPlan {
  std::uint64_t runs = 0;  // fetched
  int unit_shift = 1;
  int run_bits = 0;
  // Pages of 2^slot_bits runs, 2^taken_bits of each fetched; `pages`: each logical page's place in
  // the table; null: runs from anywhere.
  int slot_bits = 0, taken_bits = 0;
  const std::uint32_t* pages = nullptr;
};
void launch_gather(const GatherPlan& plan, const void* table, void* to, void* sink, int processors,
                   const Stream& stream);

// One thread follows the ring for `steps` loads, past the L1. `nodes` as chase_ring(), each at the
// start of its chase_node bytes; sink[0] is where it ended.
void launch_chase(const void* nodes, std::uint32_t start, std::uint32_t steps, void* sink,
                  const Stream& stream);
void launch_empty(const Stream& stream);
void launch_delay(double seconds, const Stream& stream);  // one thread waits

}  // namespace terrace::cuda
