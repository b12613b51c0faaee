// Keys that point where a head's queries point stay: one direction per head, found beforehand.
// Source: Godey et al., "Q-Filters: leveraging QK geometry for efficient KV cache compression",
// arXiv 2503.02812: the first right singular vector of captured queries, its sign such that queries
// lie along it on average; with grouped queries the mean of the group's vectors.
// State: the key's projection (fp32), taken when it comes; one vector per KV head for all
// sequences.
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

// The first right singular vector of rows, in double, by power iteration on their Gram matrix.
std::vector<double> first_direction(RowsView rows) {
  const auto dim = static_cast<std::size_t>(rows.cols);
  std::vector<double> gram(dim * dim, 0.0), mean(dim, 0.0);
  for (std::int64_t t = 0; t < rows.rows; ++t) {
    const float* x = rows.row(t);
    for (std::size_t i = 0; i < dim; ++i) {
      mean[i] += x[i];
      for (std::size_t j = 0; j <= i; ++j) gram[i * dim + j] += static_cast<double>(x[i]) * x[j];
    }
  }
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t j = i + 1; j < dim; ++j) gram[i * dim + j] = gram[j * dim + i];
  // The mean lies nearly along it; a little of every channel so that it is not missed.
  std::vector<double> v = mean, next(dim);
  double length = 0;
  for (const double x : v) length += x * x;
  length = std::sqrt(length);
  for (std::size_t i = 0; i < dim; ++i)
    v[i] = (length > 0 ? v[i] / length : 0) + 1e-3 / static_cast<double>(i + 1);
  for (int round = 0; round < 5000; ++round) {
    double square = 0, change = 0;
    for (std::size_t i = 0; i < dim; ++i) {
      next[i] = 0;
      for (std::size_t j = 0; j < dim; ++j) next[i] += gram[i * dim + j] * v[j];
      square += next[i] * next[i];
    }
    if (square == 0) break;  // no queries but zero
    for (std::size_t i = 0; i < dim; ++i) {
      const double x = next[i] / std::sqrt(square);
      change = std::max(change, std::fabs(x - v[i]));
      v[i] = x;
    }
    if (change < 1e-11) break;
  }
  double along = 0;
  for (std::size_t i = 0; i < dim; ++i) along += mean[i] * v[i];
  for (double& x : v) x = along < 0 ? -x : x;
  return v;
}

class QueryDirection final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  QueryDirection(const Params&, const Context& context) {
    const TraceTensors layer = calibration_of(context).layer(context.layer);
    const std::int64_t group = context.shape.group();
    filter_.assign(static_cast<std::size_t>(context.shape.head_dim), 0.0F);
    for (std::int64_t i = 0; i < group; ++i) {
      const std::vector<double> v =
          first_direction(layer.q[static_cast<std::size_t>(context.head * group + i)]);
      for (std::size_t c = 0; c < v.size(); ++c)
        filter_[c] += static_cast<float>(v[c] / static_cast<double>(group));
    }
  }

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 32;
    return c;
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    along_.grow(cache.size());
    for (std::int64_t t = 0; t < chunk.tokens; ++t)
      along_[cache.size() - chunk.tokens + t] =
          static_cast<float>(dot(chunk.k.row(t), filter_.data(), chunk.k.cols));
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = along_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { along_.keep(slots); }

 private:
  std::vector<float> filter_;
  EntryColumn along_;
};
TERRACE_REGISTER(KvScore, QueryDirection, "query_direction",
                 "keys along the main direction of a head's queries stay (Q-Filters)");

}  // namespace
}  // namespace terrace
