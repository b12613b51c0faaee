// What the YAML of an accelerator with systolic arrays says.
#pragma once

#include "models/accel/attention_schedule.h"
#include "models/accel/systolic_array.h"
#include "models/gpu/device_memory.h"

namespace terrace {

struct AcceleratorParams {
  int arrays = 1;  // that share the memory; a product is split over them
  SystolicParams array;
  int lanes = 256;  // of the 1-D array beside each
  bool exponential_units = false;
  int exponential_multiply_adds = 6;
  Choice<AttentionSchedule> schedule = Choice<AttentionSchedule>::of("flash");
  DeviceMemory memory;
  Bytes reserved{0};
  Seconds launch{1e-6};      // from an op's turn to its first fold
  Seconds copy_start{1e-6};  // a DMA engine fetching and decoding its command
  Watts idle_power{50}, power_limit{450};
  DollarsPerSecond price{0};

  static void fields(Schema<AcceleratorParams>& s);
  void check(Checker& c) const;

  // One array as schedules see it: its scratchpads are one buffer, the memory is shared evenly.
  SpatialArray spatial() const;
  Bytes scratchpads() const;  // of all arrays
};

}  // namespace terrace
