// Budgets that weigh layers against each other by what a prompt's attention looked like: the whole
// is layers x the mean budget, whatever the weights.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"

namespace terrace {

// What a head's last queries of a chunk attend to; columns are entries, sums go over queries and
// query heads.
struct HeadWindow {
  std::vector<double> sum, squares, entropy;  // of p, p^2 and -p ln p
  double rows = 0;
};

// Members say what a layer weighs. A layer that was measured waits, whole, until all are, and is
// then cut to its part (`partly`: the layers so far share the whole, and shrink as others come).
// Measured anew with every chunk of a prompt; steps of decoding go on with the prompt's parts.
// All layers of the model must belong to it. The floor is `apart` and a share of the rest.
class LayerBudget : public KvBudget {
 public:
  LayerBudget(const BudgetSize& size, const MemberContext& context, std::int64_t window,
              double floor_share, bool partly, std::int64_t apart = 0);

  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override;
  void attended(std::int64_t layer, std::int64_t head, const Attended& a) override;
  void observed(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                const HeadCache& cache, const float* scores) override;
  std::int64_t tokens(std::int64_t layer, std::int64_t head, std::int64_t seen) override;
  bool cascades() const override { return true; }

 protected:
  // All heads of the layer have been attended to; the last `own` columns are the window's.
  virtual double weigh(std::int64_t layer, const std::vector<HeadWindow>& heads, std::int64_t own,
                       const HeadChunk& chunk) = 0;
  // The parts, when all are measured; the weights themselves unless overridden.
  virtual std::vector<double> parts(const std::vector<double>& weights) const { return weights; }

 private:
  BudgetSize size_;
  std::int64_t layers_, heads_, window_, apart_;
  double floor_share_;
  bool partly_;
  std::int64_t known_ = 0, shared_ = -1, shared_seen_ = -1;  // layers; of `slices_`
  std::vector<HeadWindow> heard_;                            // of the layer at work
  std::vector<double> weights_;
  std::vector<std::int64_t> slices_;
};

// How many of the largest numbers make up `share` of their sum; at least 1.
std::int64_t count_of_mass(std::vector<double> numbers, double share);

}  // namespace terrace
