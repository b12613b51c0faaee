// Choices over a scenario as text: --set on a command line, JSON in the database.
#pragma once

#include <string>
#include <vector>

#include "sim/scenario.h"

namespace terrace {

Point parse_sets(const std::vector<std::string>& sets);  // "a.b=c"; throws InputError
std::string point_json(const Point& point);              // {"a.b": c}
std::string point_label(const Point& point);             // "b=c, d=e": last steps of the paths

}  // namespace terrace
