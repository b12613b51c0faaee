// Claims on the machine's memories.
#include "workloads/serving/tier_budget.h"

#include <fmt/format.h>

#include "sim/registry.h"
#include "workloads/serving/memory_plan.h"

namespace terrace {

TierId TierBudget::find(const std::string& path, const std::string& name, DeviceId from) const {
  const TierId tier = machine_.find_tier(name);
  std::vector<std::string> names;
  for (const Tier& t : machine_.tiers()) names.push_back(t.name);
  if (tier == none)
    throw BuildError(path, fmt::format("the machine has no memory named \"{}\"{}", name,
                                       did_you_mean(name, names)));
  if (!machine_.reachable(from, machine_.tier(tier).device))
    throw BuildError(path,
                     fmt::format("no link leads from {} to {}",
                                 machine_.devices()[static_cast<std::size_t>(from)].name, name));
  return tier;
}

double TierBudget::free(TierId tier) const {
  const Tier& t = machine_.tier(tier);
  double left = t.capacity.value() - t.reserved.value();
  if (const auto found = claims_.find(tier); found != claims_.end())
    for (const Claim& c : found->second) left -= c.bytes;
  return left;
}

void TierBudget::take(const std::string& path, TierId tier, double bytes, const std::string& who) {
  if (bytes > free(tier)) {
    const Tier& t = machine_.tier(tier);
    std::string taken;
    if (t.reserved.value() > 0) taken += ", " + gib(t.reserved.value()) + " reserved";
    for (const Claim& c : claims_[tier]) taken += ", " + gib(c.bytes) + " for " + c.who;
    throw BuildError(
        path, fmt::format("{} asked of {} for {}, but {} are free: {} in all{}; {} are missing",
                          gib(bytes), t.name, who, gib(free(tier)), gib(t.capacity.value()), taken,
                          gib(bytes - free(tier))));
  }
  claims_[tier].push_back({who, bytes});
}

}  // namespace terrace
