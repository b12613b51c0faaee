// Sums over the bands of a profile.
#include "workloads/kv/profile/kv_profile.h"

#include <algorithm>

namespace terrace {

bool by_query_head(KvWork work) {
  return work == KvWork::attend || work == KvWork::vote || work == KvWork::probabilities ||
         work == KvWork::select;
}

double KvProfile::held_share(double n) const {
  double sum = 0;
  for (const KvBand& b : bands) sum += (b.held.constant + b.held.slope * n) / (2 * n);
  return sum / static_cast<double>(bands.size());
}

bool KvProfile::works_below(KvWork work) const {
  return std::any_of(bands.begin(), bands.end(), [work](const KvBand& b) {
    return std::any_of(b.decode.begin(), b.decode.end(), [work](const KvFlow& f) {
      return f.work == work && f.tier == KvTier::lower && !f.writes;
    });
  });
}

bool KvProfile::uses_lower() const {
  return std::any_of(bands.begin(), bands.end(), [](const KvBand& b) {
    const auto below = [](const KvFlow& f) { return f.tier == KvTier::lower; };
    return !b.lower.empty() || std::any_of(b.decode.begin(), b.decode.end(), below) ||
           std::any_of(b.prefill.begin(), b.prefill.end(), below);
  });
}

}  // namespace terrace
