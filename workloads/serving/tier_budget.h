// Who takes how much of each memory of the machine before the first request: nothing is promised
// twice.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/machine.h"

namespace terrace {

class TierBudget {
 public:
  explicit TierBudget(const Machine& machine) : machine_(machine) {}

  // The tier by that name. Throws BuildError at `path` where there is none, or `from` cannot reach
  // it.
  TierId find(const std::string& path, const std::string& name, DeviceId from) const;
  double free(TierId tier) const;  // bytes
  // Throws BuildError at `path` where less is free, saying who has the rest.
  void take(const std::string& path, TierId tier, double bytes, const std::string& who);

 private:
  struct Claim {
    std::string who;
    double bytes;
  };
  const Machine& machine_;
  std::map<TierId, std::vector<Claim>> claims_;
};

}  // namespace terrace
