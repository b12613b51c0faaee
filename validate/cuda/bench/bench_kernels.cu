// Kernels of the micro-benchmarks. Every address comes from layout.h.
#include <cuda_runtime.h>

#include <stdexcept>

#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/bench/chase_node.h"
#include "validate/cuda/bench/layout.h"

namespace terrace::cuda {
namespace {

using Unit = uint4;
static_assert(sizeof(Unit) == unit_bytes);

__device__ std::uint64_t thread_number() {
  return std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ std::uint64_t thread_count() { return std::uint64_t{gridDim.x} * blockDim.x; }
__device__ void mix(Unit& sum, const Unit& u) {
  sum.x ^= u.x;
  sum.y += u.y;
  sum.z ^= u.z;
  sum.w += u.w;
}
// Never true of the data that is read, which is all zero or node numbers.
__device__ void keep(const Unit& sum, void* sink) {
  if (sum.x == 0xdeadbeefU && sum.w == 0x12345678U)
    static_cast<Unit*>(sink)[threadIdx.x % 256] = sum;
}

__global__ void __launch_bounds__(block_threads)
    read_kernel(const Unit* from, std::uint64_t units, void* sink) {
  const std::uint64_t thread = thread_number(), threads = thread_count();
  const std::uint64_t rounds = strided_rounds(units, threads);
  Unit sum{};
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Unit u[in_flight] = {};
#pragma unroll
    for (int i = 0; i < in_flight; ++i)
      if (const std::uint64_t at = strided_unit(thread, threads, round, i); at < units)
        u[i] = __ldcg(from + at);
#pragma unroll
    for (int i = 0; i < in_flight; ++i) mix(sum, u[i]);
  }
  keep(sum, sink);
}

__global__ void __launch_bounds__(block_threads)
    read_again_kernel(const Unit* from, std::uint64_t units, std::uint64_t passes, void* sink) {
  const std::uint64_t threads = thread_count(), step = threads % units;
  const std::uint64_t loads = wrapped_loads(units, passes, threads);
  std::uint64_t at = thread_number() % units;
  Unit sum{};
  for (std::uint64_t done = 0; done < loads; done += in_flight) {
    Unit u[in_flight];
#pragma unroll
    for (int i = 0; i < in_flight; ++i) {
      u[i] = __ldcg(from + at);
      at = wrapped_next(at, step, units);
    }
#pragma unroll
    for (int i = 0; i < in_flight; ++i) mix(sum, u[i]);
  }
  keep(sum, sink);
}

__global__ void __launch_bounds__(block_threads) write_kernel(Unit* to, std::uint64_t units) {
  const std::uint64_t thread = thread_number(), threads = thread_count();
  const std::uint64_t rounds = strided_rounds(units, threads);
  for (std::uint64_t round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < in_flight; ++i)
      if (const std::uint64_t at = strided_unit(thread, threads, round, i); at < units)
        to[at] = Unit{};
}

__global__ void __launch_bounds__(block_threads)
    copy_kernel(Unit* to, const Unit* from, std::uint64_t units) {
  const std::uint64_t thread = thread_number(), threads = thread_count();
  const std::uint64_t rounds = strided_rounds(units, threads);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Unit u[in_flight];
#pragma unroll
    for (int i = 0; i < in_flight; ++i)
      if (const std::uint64_t at = strided_unit(thread, threads, round, i); at < units)
        u[i] = __ldcg(from + at);
#pragma unroll
    for (int i = 0; i < in_flight; ++i)
      if (const std::uint64_t at = strided_unit(thread, threads, round, i); at < units)
        to[at] = u[i];
  }
}

// `paged` and `stores` are constants, so that neither costs those that do without.
template <bool paged, bool stores>
__global__ void __launch_bounds__(block_threads)
    gather_kernel(GatherPlan p, const Unit* table, Unit* to, void* sink) {
  const std::uint64_t thread = thread_number(), threads = thread_count();
  const std::uint64_t units = p.runs << p.unit_shift, rounds = strided_rounds(units, threads);
  Unit sum{};
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Unit u[in_flight] = {};
    std::uint32_t source[in_flight];
#pragma unroll
    for (int i = 0; i < in_flight; ++i) {
      const std::uint64_t at = strided_unit(thread, threads, round, i);
      if (at >= units) continue;
      const auto u32 = static_cast<std::uint32_t>(at);
      if constexpr (paged) {
        const PagedRun r = paged_run(u32 >> p.unit_shift, p.taken_bits, p.slot_bits);
        const std::uint32_t run = (__ldg(p.pages + r.page) << p.slot_bits) + r.slot;
        source[i] = (run << p.unit_shift) | (u32 & ((1U << p.unit_shift) - 1));
      } else {
        source[i] = gathered_unit(u32, p.unit_shift, p.run_bits);
      }
    }
#pragma unroll
    for (int i = 0; i < in_flight; ++i)
      if (strided_unit(thread, threads, round, i) < units) u[i] = __ldcg(table + source[i]);
#pragma unroll
    for (int i = 0; i < in_flight; ++i) {
      const std::uint64_t at = strided_unit(thread, threads, round, i);
      if constexpr (stores) {
        if (at < units) to[at] = u[i];
      } else {
        mix(sum, u[i]);
      }
    }
  }
  if constexpr (!stores) keep(sum, sink);
}

__global__ void chase_kernel(const char* nodes, std::uint32_t at, std::uint32_t steps, void* sink) {
  for (std::uint32_t i = 0; i < steps; ++i)
    at = __ldcg(reinterpret_cast<const std::uint32_t*>(nodes + std::uint64_t{at} * chase_node));
  *static_cast<std::uint32_t*>(sink) = at;
}

__global__ void empty_kernel() {}

__global__ void delay_kernel(std::uint64_t nanoseconds) {
  std::uint64_t start, now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
  do asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  while (now - start < nanoseconds);
}

// As many blocks as run at a time, fewer for little work: each does the same share, so a second
// wave would leave most multiprocessors idle.
template <class Kernel>
unsigned grid(Kernel kernel, std::uint64_t units, int processors) {
  int resident = 0;
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, block_threads, 0),
        "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  const std::uint64_t full = std::uint64_t(processors) * std::uint64_t(resident < 1 ? 1 : resident);
  const std::uint64_t all = (units + block_threads - 1) / block_threads;
  return static_cast<unsigned>(all < 1 ? 1 : all < full ? all : full);
}

}  // namespace

void launch_read(const void* from, std::size_t bytes, void* sink, int processors,
                 const Stream& stream) {
  const std::uint64_t units = bytes / unit_bytes;
  read_kernel<<<grid(read_kernel, units, processors), block_threads, 0, stream>>>(
      static_cast<const Unit*>(from), units, sink);
  check_launch("launch of the read kernel");
}

std::uint64_t launch_read_again(const void* from, std::size_t bytes, std::uint64_t passes,
                                void* sink, int processors, const Stream& stream) {
  const std::uint64_t units = bytes / unit_bytes;
  const unsigned blocks = grid(read_again_kernel, units * passes, processors);
  read_again_kernel<<<blocks, block_threads, 0, stream>>>(static_cast<const Unit*>(from), units,
                                                          passes, sink);
  check_launch("launch of the kernel that reads again");
  const std::uint64_t threads = std::uint64_t{blocks} * block_threads;
  return wrapped_loads(units, passes, threads) * threads * unit_bytes;
}

void launch_write(void* to, std::size_t bytes, int processors, const Stream& stream) {
  const std::uint64_t units = bytes / unit_bytes;
  write_kernel<<<grid(write_kernel, units, processors), block_threads, 0, stream>>>(
      static_cast<Unit*>(to), units);
  check_launch("launch of the write kernel");
}

void launch_copy(void* to, const void* from, std::size_t bytes, int processors,
                 const Stream& stream) {
  const std::uint64_t units = bytes / unit_bytes;
  copy_kernel<<<grid(copy_kernel, units, processors), block_threads, 0, stream>>>(
      static_cast<Unit*>(to), static_cast<const Unit*>(from), units);
  check_launch("launch of the copy kernel");
}

void launch_gather(const GatherPlan& plan, const void* table, void* to, void* sink, int processors,
                   const Stream& stream) {
  const bool paged = plan.pages != nullptr, stores = to != nullptr;
  const auto kernel = paged ? (stores ? gather_kernel<true, true> : gather_kernel<true, false>)
                            : (stores ? gather_kernel<false, true> : gather_kernel<false, false>);
  const std::uint64_t units = plan.runs << plan.unit_shift;
  if (units >> 32 != 0 || plan.run_bits + plan.unit_shift > 32)
    throw std::logic_error("a gather of more units than 32 bits count");
  const unsigned blocks = grid(kernel, units, processors);
  kernel<<<blocks, block_threads, 0, stream>>>(plan, static_cast<const Unit*>(table),
                                               static_cast<Unit*>(to), sink);
  check_launch("launch of the gather kernel");
}

void launch_chase(const void* nodes, std::uint32_t start, std::uint32_t steps, void* sink,
                  const Stream& stream) {
  chase_kernel<<<1, 1, 0, stream>>>(static_cast<const char*>(nodes), start, steps, sink);
  check_launch("launch of the chase kernel");
}

void launch_empty(const Stream& stream) {
  empty_kernel<<<1, 1, 0, stream>>>();
  check_launch("launch of the empty kernel");
}

void launch_delay(double seconds, const Stream& stream) {
  delay_kernel<<<1, 1, 0, stream>>>(static_cast<std::uint64_t>(1e9 * seconds));
  check_launch("launch of the delay kernel");
}

}  // namespace terrace::cuda
