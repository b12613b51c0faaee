// Two records side by side: what differs in the scenario, and what that changed in the result.
#pragma once

#include <string>
#include <vector>

#include "results/page.h"
#include "sim/record.h"

namespace terrace {

struct ScenarioChange {  // one leaf; "" where a side has none
  std::string path;      // "machine.gpus[0].hbm.bandwidth"
  std::string a, b;
};

struct ResultChange {
  std::string name, unit;
  double a = 0, b = 0;  // NaN where a record has no such number
  double ratio() const { return b / a; }
  double size() const;  // |ln(b / a)|; infinity when there is no ratio
};

struct Comparison {
  std::string a, b;  // how the two are called
  std::vector<ScenarioChange> scenario;
  std::vector<ResultChange> result;  // the greatest change first; equal numbers left out
  std::size_t equal = 0;             // numbers that are equal
  // `most`: rows of the result shown; 0: all of them.
  Page page(std::size_t most = 0) const;
};

// Statistics, and as well: share.<cause> (part of the time), tier.<name>.read_bytes and so on, and
// op.<label>.seconds. Two scenarios that are not JSON are compared as one piece of text.
Comparison compare(const Record& a, const Record& b);

std::vector<ScenarioChange> scenario_changes(const std::string& a_json, const std::string& b_json);

}  // namespace terrace
