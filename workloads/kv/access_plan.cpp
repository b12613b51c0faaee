// Names of the kinds of work, and how many stretches of memory a set of slots lies in.
#include "workloads/kv/access_plan.h"

#include <array>

namespace terrace {

const char* name_of(KvWork work) {
  constexpr std::array<const char*, kv_work_count> names = {
      "attend", "write",   "vote",   "probabilities", "score",     "select", "gather",
      "fetch",  "compact", "encode", "decode",        "recompute", "rotate"};
  return names[static_cast<std::size_t>(work)];
}

double PageLayout::runs(std::int64_t entries) const {
  return static_cast<double>(heads_apart ? (entries + page - 1) / page : entries);
}

double PageLayout::runs(const std::vector<std::int32_t>& slots) const {
  if (!heads_apart) return static_cast<double>(slots.size());
  std::int64_t count = 0;
  std::int32_t last = -2;
  for (const std::int32_t slot : slots) {
    if (slot != last + 1 || slot % page == 0) ++count;
    last = slot;
  }
  return static_cast<double>(count);
}

}  // namespace terrace
