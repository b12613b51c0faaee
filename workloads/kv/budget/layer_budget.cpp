// Gathers a prompt's attention layer by layer and shares the whole budget by the layers' weights.
#include "workloads/kv/budget/layer_budget.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "workloads/kv/budget/share_out.h"

namespace terrace {

LayerBudget::LayerBudget(const BudgetSize& size, const MemberContext& context, std::int64_t window,
                         double floor_share, bool partly, std::int64_t apart)
    : size_(size),
      layers_(context.shape.layers),
      heads_(context.shape.kv_heads),
      window_(window),
      apart_(apart),
      floor_share_(floor_share),
      partly_(partly),
      heard_(static_cast<std::size_t>(heads_)),
      weights_(static_cast<std::size_t>(layers_), 0.0) {}

void LayerBudget::queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const {
  if (chunk.phase == Phase::decode) return;
  for (std::int64_t t = std::max<std::int64_t>(0, chunk.tokens - window_); t < chunk.tokens; ++t)
    wanted.push_back(static_cast<std::int32_t>(t));
}

void LayerBudget::attended(std::int64_t, std::int64_t head, const Attended& a) {
  if (a.phase == Phase::decode) return;
  HeadWindow& h = heard_[static_cast<std::size_t>(head)];
  const auto n = static_cast<std::size_t>(a.by_head.cols);
  h.sum.resize(n, 0.0);
  h.squares.resize(n, 0.0);
  h.entropy.resize(n, 0.0);
  h.rows += static_cast<double>(a.by_head.rows);
  for (std::int64_t r = 0; r < a.by_head.rows; ++r)
    for (std::size_t i = 0; i < n; ++i) {
      const double p = a.by_head.row(r)[i];
      h.sum[i] += p;
      h.squares[i] += p * p;
      if (p > 0) h.entropy[i] -= p * std::log(p);
    }
}

void LayerBudget::observed(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                           const HeadCache&, const float*) {
  if (chunk.phase == Phase::decode || head + 1 < heads_) return;
  weights_[static_cast<std::size_t>(layer)] =
      weigh(layer, heard_, std::min(window_, chunk.tokens), chunk);
  for (HeadWindow& h : heard_) h = HeadWindow();
  known_ = layer + 1;  // layers come in order, from 0 on with every chunk
  shared_ = -1;
}

std::int64_t LayerBudget::tokens(std::int64_t layer, std::int64_t, std::int64_t seen) {
  if (known_ == 0) return size_.of(seen);
  if (layer >= known_ || (!partly_ && known_ < layers_)) return seen;
  if (shared_ != known_ || shared_seen_ != seen) {
    const std::int64_t mean = size_.of(seen);
    std::vector<double> weights(weights_.begin(), weights_.begin() + known_);
    const std::int64_t apart = std::min(apart_, mean);
    const auto floor = std::max<std::int64_t>(
        1, apart + static_cast<std::int64_t>(floor_share_ * static_cast<double>(mean - apart)));
    slices_ = share_out(parts(weights), mean * layers_, floor, seen);
    shared_ = known_;
    shared_seen_ = seen;
  }
  return slices_[static_cast<std::size_t>(layer)];
}

std::int64_t count_of_mass(std::vector<double> numbers, double share) {
  std::sort(numbers.begin(), numbers.end(), std::greater<>());
  double all = 0, sum = 0;
  for (const double x : numbers) all += x;
  std::int64_t count = 0;
  for (const double x : numbers) {
    ++count;
    sum += x;
    if (sum >= share * all) break;
  }
  return std::max<std::int64_t>(1, count);
}

}  // namespace terrace
