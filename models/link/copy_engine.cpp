// Planning of one copy: latency first, then one flow over the path between the tiers.
#include "models/link/copy_engine.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace terrace {

void CopyEngine::plan(const Op& op, const Machine& machine, OpPlan& plan) const {
  const Access* from = nullptr;
  const Access* to = nullptr;
  for (const Access& a : op.accesses) (a.direction == Direction::read ? from : to) = &a;
  if (op.kind != OpKind::copy || op.accesses.size() != 2 || from == nullptr || to == nullptr)
    throw std::logic_error(std::string("a copy engine was given ") + op.label +
                           ", not a copy with one read and one write");
  if (std::abs(from->bytes - to->bytes) > 0.5)
    throw std::logic_error(std::string("copy ") + op.label + " reads and writes different amounts");
  const double piece = op.pieces > 1 ? from->bytes / op.pieces : from->bytes;
  const double run = std::min({from->run_length, to->run_length, piece});
  Seconds latency;
  plan.flows.push_back(machine.transfer({machine.tier(from->tier).device, from->tier},
                                        {machine.tier(to->tier).device, to->tier}, from->bytes, run,
                                        op.group, &latency));
  plan.latency = Time::nearest(start_ + latency);
  plan.latency_cause = Cause::latency;
}

}  // namespace terrace
