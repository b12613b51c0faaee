// What stand-ins for CUDA code do where CUDA is off.
#pragma once

#include "validate/cuda/device.h"

namespace terrace::cuda {

[[noreturn]] inline void built_without_cuda() {
  throw NoGpu("this program was built without CUDA; build it with -DTERRACE_CUDA=ON where nvcc is");
}

}  // namespace terrace::cuda
