// Shares of layers in tiers.
#include "workloads/llm/weight_placement.h"

#include <algorithm>

#include "sim/registry.h"

namespace terrace {

void WeightShare::fields(Schema<WeightShare>& s) {
  s.field("tier", &WeightShare::tier, "a memory of the machine, such as host0.dram")
      .required()
      .not_empty();
  s.field("fraction", &WeightShare::fraction, "part of the layers' weights")
      .required()
      .between(0.0, 1.0);
}

void WeightPlacement::fields(Schema<WeightPlacement>& s) {
  s.field("outside", &WeightPlacement::outside,
          "shares of the layers outside HBM, in the order of layers");
  s.field("whole_layers", &WeightPlacement::whole_layers,
          "puts the last layers outside, instead of a part of every layer");
  s.field("prefetch_layers", &WeightPlacement::prefetch_layers, "layers fetched ahead")
      .between(1, 64);
}

void WeightPlacement::check(Checker& c) const {
  double sum = 0;
  for (const WeightShare& s : outside) sum += s.fraction;
  if (sum > 1) c.fail("outside", "the fractions add up to more than 1");
}

double WeightPlacement::resident() const {
  double inside = 1;
  for (const WeightShare& s : outside) inside -= s.fraction;
  return std::max(0.0, inside);
}

double WeightPlacement::share(std::size_t tier, std::int64_t layer, std::int64_t layers) const {
  if (!whole_layers) return outside[tier].fraction;
  double first = resident() * static_cast<double>(layers);  // where this tier's layers begin
  for (std::size_t i = 0; i < tier; ++i) first += outside[i].fraction * static_cast<double>(layers);
  const double last = first + outside[tier].fraction * static_cast<double>(layers);
  const double at = static_cast<double>(layer);
  return std::clamp(std::min(last, at + 1) - std::max(first, at), 0.0, 1.0);
}

std::vector<TierId> WeightPlacement::find_tiers(const Machine& machine) const {
  std::vector<TierId> tiers;
  std::vector<std::string> names;
  for (const Tier& t : machine.tiers()) names.push_back(t.name);
  for (std::size_t i = 0; i < outside.size(); ++i) {
    tiers.push_back(machine.find_tier(outside[i].tier));
    if (tiers.back() == none)
      throw BuildError(
          "outside[" + std::to_string(i) + "].tier",
          "no tier named \"" + outside[i].tier + "\"" + did_you_mean(outside[i].tier, names));
  }
  return tiers;
}

}  // namespace terrace
