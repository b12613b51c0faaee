// Quality as rows of a table, and a trace's tokens as a model hands them over.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "workloads/kv/quality.h"

namespace terrace {

double HeadQuality::relative_error() const {
  return reference > 0 ? std::sqrt(error / reference) : 0;
}

HeadQuality TraceQuality::total() const {
  HeadQuality sum;
  for (const HeadQuality& h : of_head) {
    sum.error += h.error;
    sum.reference += h.reference;
    sum.mass += h.mass;
    sum.steps += h.steps;
    sum.recall += h.recall;
    sum.recalls += h.recalls;
  }
  return sum;
}

double TraceQuality::bytes_per_token() const {
  return bits.sequence() / 8 / static_cast<double>(tokens);
}

namespace {
void add(std::vector<QualityFigure>& rows, const HeadQuality& q, std::int64_t layer,
         std::int64_t head) {
  rows.push_back({"attention output error", "1", q.relative_error(), layer, head});
  rows.push_back({"attention mass kept", "1", q.mass / std::max(1.0, q.steps), layer, head});
  rows.push_back({"top-k recall", "1", q.recall / std::max(1.0, q.recalls), layer, head});
}
}  // namespace

std::vector<QualityFigure> TraceQuality::headline() const {
  std::vector<QualityFigure> rows;
  add(rows, total(), -1, -1);
  rows.push_back({"bytes per token", "B", bytes_per_token()});
  return rows;
}

std::vector<QualityFigure> TraceQuality::rows(bool each_head) const {
  std::vector<QualityFigure> rows = headline();
  rows.push_back({"mean bytes", "B", mean_bits / 8});
  rows.push_back({"peak bytes", "B", peak_bits / 8});
  rows.push_back({"shared bytes", "B", bits.shared / 8});
  for (std::size_t i = 0; i < decode_work.size(); ++i) {
    const WorkTotal& w = decode_work[i];
    if (w.bytes <= 0 && w.flops <= 0) continue;
    const double steps = static_cast<double>(tokens - prompt);
    std::string name = std::string("decode ") + name_of(static_cast<KvWork>(i / 4));
    name += i / 2 % 2 != 0 ? " writes" : " reads";
    if (i % 2 != 0) name += ", lower tier";
    if (w.bytes > 0) {
      rows.push_back({name + " per step", "B", w.bytes / steps});
      rows.push_back({name + " run length", "B", w.bytes / w.runs});
    }
    if (w.flops > 0) rows.push_back({name + " FLOPs per step", "FLOP", w.flops / steps});
  }
  if (!each_head) return rows;
  for (std::int64_t l = 0; l < layers; ++l)
    for (std::int64_t h = 0; h < heads; ++h) add(rows, at(l, h), l, h);
  return rows;
}

LayerTokens TraceTokens::at(const AttentionTrace& trace, const TraceTensors& layer,
                            std::int64_t number, std::int64_t first, std::int64_t count) {
  const KvShape& shape = trace.shape();
  const std::int64_t dim = shape.head_dim;
  const auto copy = [&](const std::vector<RowsView>& from, std::vector<float>& to) {
    to.resize(from.size() * static_cast<std::size_t>(count * dim));
    float* next = to.data();
    for (const RowsView& m : from)
      for (std::int64_t t = first; t < first + count; ++t, next += dim)
        std::memcpy(next, m.row(t), static_cast<std::size_t>(dim) * sizeof(float));
  };
  copy(layer.q, q_);
  copy(layer.k, k_);
  copy(layer.v, v_);
  positions_.resize(static_cast<std::size_t>(count));
  for (std::int64_t t = 0; t < count; ++t)
    positions_[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(first + t);
  LayerTokens in;
  in.layer = number;
  in.tokens = count;
  in.positions = positions_.data();
  in.q = q_.data();
  in.k = k_.data();
  in.v = v_.data();
  in.head_dim = dim;
  in.hidden = shape.hidden;
  if (!layer.x.empty() && layer.x.stride == shape.hidden) in.x = layer.x.row(first);
  if (!layer.residual.empty() && layer.residual.stride == shape.hidden)
    in.residual = layer.residual.row(first);
  return in;
}

}  // namespace terrace
