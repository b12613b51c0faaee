// Layers whose weights lie below HBM: fetched through the copy engine while the layers before them
// run.
#include <algorithm>

#include "workloads/llm/step_builder.h"

namespace terrace {

double StepBuilder::streamed_bytes(std::int64_t layer, std::size_t tier) const {
  return rank_.layer(layer).held_bytes() * weights_.share(tier, layer, rank_.model.layers);
}

// Copies one layer's part from every tier that has one.
void StepBuilder::write_fetch(StepWriter& w, const Layer& l, std::int64_t index,
                              std::vector<OpVertex>& fetched) const {
  const OpVertex gate = w.chained();
  for (std::size_t t = 0; t < outside_.size(); ++t) {
    const double bytes = streamed_bytes(index, t);
    if (bytes <= 0) continue;
    Op& op = w.aside(OpKind::copy, "fetch_weights", l.place.copy_in);
    op.flops = 0;
    w.after(gate);
    w.streams(Direction::read, outside_[t], bytes);
    w.streams(Direction::write, l.place.hbm, bytes);
    fetched.push_back(w.written());
  }
}

// Layer i runs when its weights are there; its fetch may begin when layer i - prefetch_layers
// begins, as the layer before that has left its buffer. At the end the first layers are fetched for
// the next step, which finds them there (`warm`).
void StepBuilder::write_streamed(StepWriter& w, Layer& l, LayerSpan span, bool warm) const {
  const std::int64_t n = span.last - span.first, ahead = std::min(weights_.prefetch_layers, n - 1);
  std::vector<std::vector<OpVertex>> fetched(static_cast<std::size_t>(n));
  const auto fetch = [&](std::int64_t i, std::vector<OpVertex>& into) {
    write_fetch(w, l, span.first + i, into);
  };
  if (!warm || ahead == 0)
    for (std::int64_t i = 0; i < std::max<std::int64_t>(ahead, 1); ++i)
      fetch(i, fetched[static_cast<std::size_t>(i)]);
  std::vector<OpVertex> next_step;
  for (std::int64_t i = 0; i < n; ++i) {
    if (ahead > 0)
      fetch((i + ahead) % n,
            i + ahead < n ? fetched[static_cast<std::size_t>(i + ahead)] : next_step);
    const OpVertex first = w.written() + 1;
    write_layer(w, l, span.first + i);
    w.link(fetched[static_cast<std::size_t>(i)], first);
  }
}

double StepBuilder::hbm_bytes(std::int64_t stage) const {
  const LayerSpan span = layers_of_stage(rank_.model.layers, rank_.parallel.pp, stage);
  double largest = 0, streamed = 0;
  for (std::int64_t i = span.first; i < span.last; ++i) {
    double layer = 0;
    for (std::size_t t = 0; t < outside_.size(); ++t) layer += streamed_bytes(i, t);
    streamed += layer;
    largest = std::max(largest, layer);
  }
  const double buffers =
      static_cast<double>(std::min(weights_.prefetch_layers + 1, span.last - span.first));
  return rank_.stage_bytes(stage) - streamed + buffers * largest;
}

double StepBuilder::outside_bytes(std::int64_t stage, std::size_t tier) const {
  const LayerSpan span = layers_of_stage(rank_.model.layers, rank_.parallel.pp, stage);
  double sum = 0;
  for (std::int64_t i = span.first; i < span.last; ++i) sum += streamed_bytes(i, tier);
  return sum;
}

}  // namespace terrace
