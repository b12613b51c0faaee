// Sets of measured rows, and how Terrace expresses them: the family behind `terrace validate
// accuracy`.
#pragma once

#include <string>

#include "sim/registry.h"
#include "validate/measured/errors.h"
#include "validate/measured/run_bench.h"

namespace terrace::validate {

class MeasuredSet {
 public:
  struct Context {};
  static constexpr const char* family = "measured_set";
  static constexpr const char* meaning = "rows measured on real hardware, predicted";

  struct Task {
    std::string data;       // folder of the measurements, with a slash at its end
    std::size_t every = 1;  // of long operator tables: the first row of so many
    Errors& errors;
    RunBench& runs;
  };
  virtual ~MeasuredSet() = default;
  // Every row of the set goes to task.errors, compared or left out with a reason. Throws BuildError
  // where a file is missing, ConfigError where one has mistakes.
  virtual void compare(const Task& task) const = 0;
};

}  // namespace terrace::validate
