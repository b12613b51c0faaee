// Parts for the tests of models: those of comparisons, and a GPU that is only memory.
#pragma once

#include <cmath>

#include "validate/device/machine_parts.h"

namespace terrace::parts {

using validate::add;
using validate::add_gpu;
using validate::chosen;
using validate::copy;
using validate::Holder;
using validate::join;
using validate::percent_off;
using validate::run;

// A GPU for whole systems: replaces the shipped ones, whose arithmetic these tests do without.
class MemoryGpu final : public Component {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  MemoryGpu(const Params&, const Context& context) : name_(context.name) {}
  void build(Machine& machine) const override { add_gpu(machine, name_); }

 private:
  std::string name_;
};

}  // namespace terrace::parts
