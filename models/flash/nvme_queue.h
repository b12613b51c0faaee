// A drive as one thread of software uses it: so many requests in flight, long runs cut into
// requests of a size. Source: NVM Express Base Specification 2.0 (queues; MDTS limits a request).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/burst.h"
#include "sim/registry.h"

namespace terrace {

struct NvmeQueueParams {
  Choice<BurstDevice> device;
  int depth = 32;
  Bytes request{131072};
  static void fields(Schema<NvmeQueueParams>& s);
};

}  // namespace terrace
