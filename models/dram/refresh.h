// What a channel refreshes when: a family.
#pragma once

#include <vector>

#include "models/dram/command_table.h"
#include "sim/registry.h"

namespace terrace::dram {

// Each scope (a pseudo-channel, a rank) goes through its targets in turn, one at each interval.
struct RefreshPlan {
  struct Scope {
    std::vector<std::vector<int>> targets;  // banks that one command takes
  };
  Command command = REFab;
  std::vector<Scope> scopes;  // empty: never
  double interval = 0;        // ticks
  int postpone = 0;           // how many may be owed while requests wait
  bool idle_first = false;    // a target that nobody waits for may go before its turn
};

class Refresh {
 public:
  struct Context {};
  static constexpr const char* family = "dram_refresh";
  static constexpr const char* meaning = "what a DRAM channel refreshes when";
  virtual ~Refresh() = default;
  virtual RefreshPlan plan(const CommandTable& table) const = 0;  // throws BuildError
};

inline double refresh_interval(const CommandTable& table, Command command) {
  if (!table.has(command))
    throw BuildError("", std::string("the standard has no ") + command_names[command]);
  return static_cast<double>(table.ticks(table.standard().needed("nREFI")));
}

}  // namespace terrace::dram
