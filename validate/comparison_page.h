// A comparison as a page: its table, its sources, and one line that sums it up.
#pragma once

#include <string>

#include "results/page.h"
#include "validate/comparison.h"

namespace terrace::validate {

struct Summary {
  struct Spread {  // of the absolute deviations of one kind
    std::size_t rows = 0;
    double median = 0, worst = 0;
    std::string worst_row;
  };
  std::size_t rows = 0, met = 0, beyond_bound = 0;
  Spread percent, points;
};
Summary summarise(const Rows& rows);
std::string text_of(const Summary& summary);  // "5 rows, 4 within the target; median 0.8 points …"

Page page_of(const std::string& name, const Comparison& comparison, const Rows& rows);

}  // namespace terrace::validate
