// Published figures and the simulation that is held against them: the family behind `terrace
// validate`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/registry.h"

namespace terrace::validate {

enum class Deviation { percent, points };  // of the reference; of a figure that is in percent

// What no device can beat, in closed form.
struct Bound {
  double value = 0;
  bool least = false;  // the figure lies above it (times), not below it (rates)
  double slack = 0;    // fraction by which the form may be passed: what it leaves out
};

struct Row {
  std::string what;
  double simulated = 0, reference = 0;
  std::string unit;  // as in human(); "%" for a figure in percent
  Deviation kind = Deviation::percent;
  double tolerance = 0;  // percent or points
  std::optional<Bound> bound;
  std::string source, note;  // note: why the figure is what it is, where that has to be said

  double deviation() const;  // signed, percent or points
  bool met() const;          // within the tolerance
  bool within_bound() const;
  std::string deviation_text() const;  // "+1.3 points", "-4.2 %"

  Row& at_most(double value, double slack = 0);
  Row& at_least(double value, double slack = 0);
  Row& because(std::string why);
};

// A figure that should come within `tolerance` percent of the reference.
Row percent(std::string what, double simulated, double reference, std::string unit,
            double tolerance);
// A figure in percent that should come within `tolerance` points of the reference.
Row points(std::string what, double simulated, double reference, double tolerance);

using Rows = std::vector<Row>;

// Rows of one claim, from one source, simulated together.
struct Part {
  std::string name, source;
  std::function<Rows()> simulate;
  bool slow = false;  // takes more than some seconds

  Rows run() const;  // with the source in each row
};

class Comparison {
 public:
  struct Context {};
  static constexpr const char* family = "comparison";
  static constexpr const char* meaning = "published figures, simulated";
  virtual ~Comparison() = default;
  virtual std::string about() const = 0;  // a sentence: the sources and what is assumed
  virtual std::vector<Part> parts() const = 0;
};

// For members without parameters, which is all so far.
struct NoParams {
  static void fields(Schema<NoParams>&) {}
};

}  // namespace terrace::validate
