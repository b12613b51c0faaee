// Sums over the bands of a profile.
#include "workloads/kv/profile/kv_profile.h"

#include <algorithm>

namespace terrace {

bool by_query_head(KvWork work) {
  return work == KvWork::attend || work == KvWork::vote || work == KvWork::probabilities ||
         work == KvWork::select;
}

namespace {

double mean_share(const std::vector<KvBand>& bands, KvCurve KvBand::*curve, double n) {
  double sum = 0;
  for (const KvBand& b : bands) sum += ((b.*curve).constant + (b.*curve).slope * n) / (2 * n);
  return sum / static_cast<double>(bands.size());
}

}  // namespace

double KvProfile::held_share(double n) const { return mean_share(bands, &KvBand::held, n); }
double KvProfile::lower_share(double n) const { return mean_share(bands, &KvBand::lower, n); }

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
