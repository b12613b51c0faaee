// Where a model's layers lie when they do not all fit: shares of their weights in tiers below HBM,
// streamed through the copy engine while the layers before them run (FlexGen, arXiv 2303.06865,
// section 4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/machine.h"
#include "sim/schema.h"

namespace terrace {

struct WeightShare {
  std::string tier;     // "host0.dram"
  double fraction = 0;  // of all layers' weights
  static void fields(Schema<WeightShare>& s);
};

struct WeightPlacement {
  std::vector<WeightShare> outside;  // what is not named stays in HBM
  bool whole_layers = false;
  std::int64_t prefetch_layers = 1;

  static void fields(Schema<WeightPlacement>& s);
  void check(Checker& c) const;
  bool streams() const { return !outside.empty(); }
  double resident() const;  // fraction in HBM
  // The part of that layer's weights in that tier.
  double share(std::size_t tier, std::int64_t layer, std::int64_t layers) const;
  // Tiers of `outside` by their names. Throws BuildError ("outside[0].tier") where one is unknown.
  std::vector<TierId> find_tiers(const Machine& machine) const;
};

}  // namespace terrace
