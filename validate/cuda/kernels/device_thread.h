// What a kernel sees of its thread on the GPU, and how it is launched there. Only for .cu files.
#pragma once

#include <cuda_runtime.h>

#include "validate/cuda/device.h"
#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

extern __shared__ __align__(16) unsigned char terrace_shared[];

// HostThread (host_block.h) says what each does.
struct DeviceThread {
  __device__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ int lane() const { return static_cast<int>(threadIdx.x) % 32; }
  __device__ int warp() const { return static_cast<int>(threadIdx.x) / 32; }
  __device__ int threads() const { return static_cast<int>(blockDim.x); }
  __device__ int x() const { return static_cast<int>(blockIdx.x); }
  __device__ int y() const { return static_cast<int>(blockIdx.y); }
  __device__ int z() const { return static_cast<int>(blockIdx.z); }
  __device__ int blocks() const { return static_cast<int>(gridDim.x); }
  __device__ std::byte* shared() const { return reinterpret_cast<std::byte*>(terrace_shared); }

  __device__ void sync() { __syncthreads(); }
  __device__ void sync_warp() { __syncwarp(); }
  template <class T>
  __device__ T shuffle(T value, int lane) {
    return __shfl_sync(0xFFFFFFFFU, value, lane);
  }
  template <class T>
  __device__ T shuffle_xor(T value, int mask) {
    return __shfl_xor_sync(0xFFFFFFFFU, value, mask);
  }
  __device__ int add_shared(int* to, int value) { return atomicAdd(to, value); }
  __device__ void add_global(float* to, float value) { atomicAdd(to, value); }

  __device__ void copy_async(void* to, const void* from, bool valid) {
    const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(at), "l"(from),
                 "r"(valid ? 16 : 0)
                 : "memory");
  }
  __device__ void commit() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
  template <int N>
  __device__ void wait() {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
  }
  __device__ void load_matrices(std::uint32_t (&out)[4], const void* row) {
    const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(at)
                 : "memory");
  }
  __device__ void load_transposed(std::uint32_t (&out)[4], const void* row) {
    const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(at)
                 : "memory");
  }
  template <class T>
  __device__ void multiply(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                           std::uint32_t b1) {
    if constexpr (std::is_same_v<T, F16>)
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
          "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
          "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};

template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads) enter(const Kernel kernel) {
  DeviceThread self;
  kernel(self);
}

// Launches kernels on a stream. Throws GpuError.
class DeviceLauncher {
 public:
  explicit DeviceLauncher(cudaStream_t stream) : stream_(stream) {}
  cudaStream_t stream() const { return stream_; }
  template <class Kernel>
  void launch(const char* name, const Grid& grid, const Kernel& kernel) {
    if (grid.shared > 48 * 1024)  // more than that is asked for by name
      check(cudaFuncSetAttribute(enter<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(grid.shared)),
            name);
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                      static_cast<unsigned>(grid.z));
    enter<Kernel><<<blocks, static_cast<unsigned>(grid.threads), grid.shared, stream_>>>(kernel);
    check_launch(name);
  }

 private:
  cudaStream_t stream_;
};

}  // namespace terrace::cuda
