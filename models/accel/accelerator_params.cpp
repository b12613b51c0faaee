// Schema of an accelerator with systolic arrays.
#include "models/accel/accelerator_params.h"

namespace terrace {

void AcceleratorParams::fields(Schema<AcceleratorParams>& s) {
  using P = AcceleratorParams;
  s.field("arrays", &P::arrays, "systolic arrays that share the memory").between(1, 4096);
  s.field("array", &P::array, "one of them, with its scratchpads");
  s.field("lanes", &P::lanes, "elements of the 1-D array beside each").between(1, 65536);
  s.field("exponential_units", &P::exponential_units, "the lanes have pipelined ones");
  s.field("exponential_multiply_adds", &P::exponential_multiply_adds,
          "of the polynomial where there are no units")
      .between(1, 64);
  s.field("schedule", &P::schedule, "how attention runs");
  s.field("memory", &P::memory, "device memory");
  s.field("reserved", &P::reserved, "memory taken before any workload");
  s.field("launch", &P::launch, "from an op's turn to its first fold");
  s.field("copy_start", &P::copy_start, "a copy engine fetching and decoding its command");
  s.field("idle_power", &P::idle_power, "drawn while nothing runs");
  s.field("power_limit", &P::power_limit, "of the device").above(Watts(0));
  s.field("price", &P::price, "rent of one");
}

void AcceleratorParams::check(Checker& c) const {
  if (reserved > memory.capacity) c.fail("reserved", "is more than the memory");
  if (idle_power > power_limit) c.fail("idle_power", "is more than the power limit");
}

Bytes AcceleratorParams::scratchpads() const {
  return arrays * (array.input_scratchpad + array.weight_scratchpad + array.output_scratchpad);
}

SpatialArray AcceleratorParams::spatial() const {
  SpatialArray s;
  s.rows = array.rows;
  s.columns = array.columns;
  s.lanes = lanes;
  s.clock = array.clock;
  s.buffer = scratchpads() / arrays;
  s.memory = memory.stream / arrays;
  s.memory_energy = memory.energy;
  s.exponential_units = exponential_units;
  s.exponential_multiply_adds = exponential_multiply_adds;
  s.energy = array.energy;
  return s;
}

}  // namespace terrace
