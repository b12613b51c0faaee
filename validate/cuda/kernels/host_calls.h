// Does calls on the host, with the kernels' own sources (host_block.h): for tests.
#pragma once

#include "validate/cuda/kernels/call.h"

namespace terrace::cuda {

class HostCalls final : public Calls {
 public:
  void call(const Call& what, int stream = 0) override;
};

}  // namespace terrace::cuda
