// Energy of an array of processing elements by what spends it.
#pragma once

#include "sim/schema.h"
#include "sim/units.h"

namespace terrace {

// Registers stand apart, as some published accounts leave them out.
struct ArrayEnergy {
  Joules multiply_add{0.6e-12}, add{0.3e-12}, maximum{0.03e-12}, exponential{3e-12},
      divide{1.3e-12};
  JoulesPerByte buffer_read{1e-12}, buffer_write{1e-12};
  Joules array_register_read{0}, array_register_write{0};
  Joules lane_register_read{0}, lane_register_write{0};
  static void fields(Schema<ArrayEnergy>& s);
};

}  // namespace terrace
