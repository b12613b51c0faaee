// Deviation of a simulated figure from a published one, and what bounds it.
#include "validate/comparison.h"

#include <fmt/format.h>

#include <cmath>

namespace terrace::validate {

double Row::deviation() const {
  return kind == Deviation::points ? simulated - reference : 100 * (simulated / reference - 1);
}

bool Row::met() const { return std::abs(deviation()) <= tolerance * (1 + 1e-9); }

bool Row::within_bound() const {
  if (!bound) return true;
  return bound->least ? simulated >= bound->value * (1 - bound->slack)
                      : simulated <= bound->value * (1 + bound->slack);
}

std::string Row::deviation_text() const {
  const double off = std::abs(deviation()) < 0.05 ? 0 : deviation();  // no "-0.0"
  return fmt::format("{:+.1f} {}", off, kind == Deviation::points ? "points" : "%");
}

Row& Row::at_most(double value, double slack) {
  bound = Bound{value, false, slack};
  return *this;
}

Row& Row::at_least(double value, double slack) {
  bound = Bound{value, true, slack};
  return *this;
}

Row& Row::because(std::string why) {
  note = std::move(why);
  return *this;
}

Row percent(std::string what, double simulated, double reference, std::string unit,
            double tolerance) {
  Row row;
  row.what = std::move(what);
  row.simulated = simulated;
  row.reference = reference;
  row.unit = std::move(unit);
  row.tolerance = tolerance;
  return row;
}

Row points(std::string what, double simulated, double reference, double tolerance) {
  Row row = percent(std::move(what), simulated, reference, "%", tolerance);
  row.kind = Deviation::points;
  return row;
}

Rows Part::run() const {
  Rows rows = simulate();
  for (Row& row : rows)
    if (row.source.empty()) row.source = source;
  return rows;
}

}  // namespace terrace::validate
