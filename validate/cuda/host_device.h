// Marks functions that kernels and tests on the CPU share.
#pragma once

#ifdef __CUDACC__
#define TERRACE_HOST_DEVICE __host__ __device__ inline
#else
#define TERRACE_HOST_DEVICE inline
#endif
