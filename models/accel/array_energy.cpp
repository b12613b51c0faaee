// Schema of the energy of an array.
#include "models/accel/array_energy.h"

namespace terrace {

void ArrayEnergy::fields(Schema<ArrayEnergy>& s) {
  using P = ArrayEnergy;
  s.field("multiply_add", &P::multiply_add, "of a multiply-add");
  s.field("add", &P::add, "of an addition");
  s.field("maximum", &P::maximum, "of a comparison and selection");
  s.field("exponential", &P::exponential, "of an exponential unit");
  s.field("divide", &P::divide, "of a division");
  s.field("buffer_read", &P::buffer_read, "of a byte read from a scratchpad");
  s.field("buffer_write", &P::buffer_write, "of a byte written to a scratchpad");
  s.field("array_register_read", &P::array_register_read, "of an operand in a 2-D element");
  s.field("array_register_write", &P::array_register_write, "of an operand in a 2-D element");
  s.field("lane_register_read", &P::lane_register_read, "of an operand in a 1-D lane");
  s.field("lane_register_write", &P::lane_register_write, "of an operand in a 1-D lane");
}

}  // namespace terrace
