// What merging members share: how alike two keys are, and the weighted mean of some entries.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/head_cache.h"

namespace terrace {

// Cosines of keys; the norms are taken once.
class KeyCosine {
 public:
  explicit KeyCosine(const HeadCache& cache) : keys_(cache.keys()) {
    for (std::int64_t i = 0; i < cache.size(); ++i)
      norms_.push_back(std::sqrt(dot(keys_.row(i), keys_.row(i), keys_.cols)));
  }
  double operator()(std::int64_t a, std::int64_t b) const {
    const double lengths =
        norms_[static_cast<std::size_t>(a)] * norms_[static_cast<std::size_t>(b)];
    return lengths > 0 ? dot(keys_.row(a), keys_.row(b), keys_.cols) / lengths : 0;
  }

 private:
  RowsView keys_;
  std::vector<double> norms_;
};

// A slot and its weight.
using Weighted = std::vector<std::pair<std::int32_t, double>>;

// Entry `to` becomes the mean of these entries, on one side or both.
inline void merge_side(HeadCache& cache, HeadCache::Side side, std::int32_t to,
                       const Weighted& members) {
  const std::int64_t dim = cache.head_dim();
  std::vector<double> sum(static_cast<std::size_t>(dim), 0.0);
  double weights = 0;
  for (const auto& [slot, weight] : members) {
    weights += weight;
    const float* x = cache.rows(side).row(slot);
    for (std::int64_t c = 0; c < dim; ++c)
      sum[static_cast<std::size_t>(c)] += weight * static_cast<double>(x[c]);
  }
  const RowsRef row = cache.rewrite(to, side);
  for (std::int64_t c = 0; c < dim; ++c)
    row.data[c] = static_cast<float>(sum[static_cast<std::size_t>(c)] / weights);
}
inline void merge_into(HeadCache& cache, std::int32_t to, const Weighted& members) {
  merge_side(cache, HeadCache::key, to, members);
  merge_side(cache, HeadCache::value, to, members);
}

// The slots of `stay` that may change.
inline std::vector<std::int32_t> free_slots(const std::vector<std::int32_t>& stay,
                                            const std::vector<std::uint8_t>& is_protected) {
  std::vector<std::int32_t> slots;
  for (const std::int32_t s : stay)
    if (is_protected[static_cast<std::size_t>(s)] == 0) slots.push_back(s);
  return slots;
}

}  // namespace terrace
