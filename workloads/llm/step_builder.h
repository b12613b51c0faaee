// Turns batches into op graphs: one forward pass of a model, and the sampling of its tokens, on the
// ranks of one replica. Every op stands for all tensor-parallel ranks of its stage.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "workloads/llm/batch.h"
#include "workloads/llm/kv_timing.h"
#include "workloads/llm/layer.h"
#include "workloads/llm/parallel.h"
#include "workloads/llm/rank_shape.h"
#include "workloads/llm/step_params.h"
#include "workloads/llm/step_writer.h"
#include "workloads/llm/weight_placement.h"

namespace terrace {

class StepBuilder {
 public:
  // Throws BuildError where a tier of `weights` is unknown ("weights.outside[0].tier") or a GPU has
  // no copy engine to stream them.
  StepBuilder(const ModelShape& model, const Placement& placement, const Machine& machine,
              StepParams params = {}, WeightPlacement weights = {},
              std::optional<KvTiming> kv = std::nullopt);
  ~StepBuilder();

  // The batch's ids and graph; an empty batch is a std::logic_error.
  Step build(const Batch& batch);
  // A step of this builder that has been run: its memory serves the next build.
  void recycle(Step&& step);

  const KvTiming* kv() const { return kv_ ? &*kv_ : nullptr; }
  const RankShape& rank() const { return rank_; }
  const StepParams& params() const { return params_; }
  Batch batch() const { return Batch(rank_.model.sliding_window); }  // an empty one

  Capture capture(const Batch& batch) const;       // what is replayed from graphs
  double padded_tokens(const Batch& batch) const;  // rows of the gemms

  // Bytes of weights (and rotary tables) on one rank of a stage: in HBM, staging buffers of
  // streamed layers included; and in tier i of WeightPlacement::outside.
  double hbm_bytes(std::int64_t stage) const;
  double outside_bytes(std::int64_t stage, std::size_t tier) const;

 private:
  struct Draft;

  void write(StepWriter& w, const Batch& batch, bool warm) const;
  void write_stage(StepWriter& w, Layer& l, LayerSpan span, bool warm) const;
  void write_layer(StepWriter& w, Layer& l, std::int64_t index) const;
  void write_head(StepWriter& w, Layer& l) const;
  void write_embedding(StepWriter& w, Layer& l) const;
  void write_send(StepWriter& w, Layer& l, const StagePlace& to) const;
  void write_sampling(StepWriter& w, Layer& l, double logits) const;
  void write_fetch(StepWriter& w, const Layer& l, std::int64_t index,
                   std::vector<OpVertex>& fetched) const;
  void write_streamed(StepWriter& w, Layer& l, LayerSpan span, bool warm) const;
  double streamed_bytes(std::int64_t layer, std::size_t tier) const;

  RankShape rank_;
  Placement placement_;
  StepParams params_;
  WeightPlacement weights_;
  std::optional<KvTiming> kv_;  // none: the full cache
  std::vector<TierId> outside_;
  std::vector<bool> warm_;  // by replica: the first layers were fetched by the step before
  std::map<int, std::unique_ptr<Draft>> drafts_;  // by what the batch consists of
};

}  // namespace terrace
