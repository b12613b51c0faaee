// Holds the rows of a comparison against their tolerances and closed forms.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "validate/comparison.h"

namespace terrace::validate::test {

inline Rows rows_of(const std::string& comparison, const std::string& part) {
  for (const Part& p : Choice<Comparison>::of(comparison).make({})->parts())
    if (p.name == part) return p.run();
  throw std::logic_error(comparison + " has no part " + part);
}

inline void check_bound(const Row& row) {
  INFO(row.what << ": " << row.simulated << " " << row.unit << ", closed form "
                << (row.bound ? row.bound->value : 0));
  CHECK(row.within_bound());
}

inline Rows check_rows(const std::string& comparison, const std::string& part) {
  const Rows rows = rows_of(comparison, part);
  CHECK(!rows.empty());
  for (const Row& row : rows) {
    INFO(row.what << ": " << row.simulated << " " << row.unit << " of " << row.reference << ", "
                  << row.deviation_text() << ", asked " << row.tolerance);
    CHECK(row.met());
    check_bound(row);
  }
  return rows;
}

inline const Row& row_of(const Rows& rows, const std::string& what) {
  for (const Row& row : rows)
    if (row.what == what) return row;
  throw std::logic_error("no row " + what);
}

}  // namespace terrace::validate::test
