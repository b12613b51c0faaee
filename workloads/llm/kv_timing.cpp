// What of a machine does the work of a KV policy.
#include "workloads/llm/kv_timing.h"

#include <limits>

namespace terrace {
namespace {

// The shortest run, of powers of two, that the copy engine moves as fast as a kernel does.
double copies_from(bool in, TierId lower, const StagePlace& place, const Machine& machine) {
  const Machine::End below{machine.tier(lower).device, lower};
  const auto rate = [&](TierId hbm, Mover mover, double run) {
    const Machine::End above{place.gpu, hbm};
    return machine
        .transfer(in ? below : above, in ? above : below, run, run, place.group, nullptr, mover)
        .max_rate;
  };
  constexpr double longest = 1U << 30;
  double run = 64;
  while (run < longest && rate(none, Mover::loads, run) > rate(place.hbm, Mover::copies, run))
    run *= 2;
  return run > 64 ? run : 0;
}

}  // namespace

void settle(KvTiming& kv, const RankShape& rank, const StagePlace& place, const Machine& machine) {
  const KvProfile& profile = kv.profile;
  if (rank.model.mla) throw BuildError("kv.policy", "latent caches have no heads to choose among");
  if (rank.model.sliding_window > 0)
    throw BuildError("kv.policy", "a profile of full attention says nothing of windowed layers");
  if (!profile.uses_lower()) return;
  if (kv.lower == none) throw BuildError("kv.lower", "the policy keeps some of the cache below");
  if (place.copy_in == none || place.copy_out == none)
    throw BuildError("kv.lower", "the GPU has no copy engines");
  const Tier& lower = machine.tier(kv.lower);
  if (profile.works_below(KvWork::attend)) {
    const Device& drive = machine.devices()[static_cast<std::size_t>(lower.device)];
    const std::string& device = drive.name;
    kv.below = machine.find_engine(device + ".attention");
    if (kv.below != none) kv.below_kind = OpKind::in_storage_attention;
    if (kv.below != none && drive.facts.count("chooses") != 0)
      throw BuildError("kv.lower", device +
                                       ".attention chooses by itself what it reads "
                                       "(engine.sparse), of which the policy knows "
                                       "nothing: say it in the policy alone");
    if (kv.below == none) kv.below = machine.find_engine(device + ".cpu");
    if (kv.below == none)
      throw BuildError("kv.lower", "the policy attends there, but nothing beside " + lower.name +
                                       " can: a host has cores, a computational_ssd an engine");
  } else if (profile.works_below(KvWork::select)) {
    throw BuildError("kv.policy", "selects in the lower tier without attending there");
  }
  if (kv.mover == KvMover::kernel && place.aux == none)
    throw BuildError("kv.mover", "the GPU has no second stream for a kernel that moves entries");
  if (kv.mover == KvMover::copies || place.aux == none) return;
  const bool always = kv.mover == KvMover::kernel;
  constexpr double never = std::numeric_limits<double>::infinity();
  kv.copies_from_in = always ? never : copies_from(true, kv.lower, place, machine);
  kv.copies_from_out = always ? never : copies_from(false, kv.lower, place, machine);
}

}  // namespace terrace
