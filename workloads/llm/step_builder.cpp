// The forward pass around its layers: embedding, folded runs of equal layers, pipeline sends, head,
// sampling.
#include "workloads/llm/step_builder.h"

#include <algorithm>
#include <stdexcept>

#include "sim/registry.h"

namespace terrace {

// A step kept for batches of the same make, and finished ones that may be written over.
struct StepBuilder::Draft {
  StepWriter writer;
  std::vector<Step> spare;
};

namespace {

// boost's own copy grows the vertex list op by op; this one knows its size.
Step copy_of(const Step& from) {
  Step to;
  to.label = from.label;
  to.repeats = from.repeats;
  const auto n = boost::num_vertices(from.graph);
  to.graph.m_vertices.reserve(n);
  for (OpVertex v = 0; v < n; ++v) boost::add_vertex(from.graph[v], to.graph);
  for (auto [e, end] = boost::edges(from.graph); e != end; ++e)
    boost::add_edge(boost::source(*e, from.graph), boost::target(*e, from.graph), to.graph);
  return to;
}

}  // namespace

StepBuilder::StepBuilder(const ModelShape& model, const Placement& placement,
                         const Machine& machine, StepParams params, WeightPlacement weights,
                         std::optional<KvTiming> kv)
    : rank_(model, placement.parallel()),
      placement_(placement),
      params_(std::move(params)),
      weights_(std::move(weights)),
      kv_(std::move(kv)),
      warm_(static_cast<std::size_t>(placement.parallel().dp), false) {
  try {
    outside_ = weights_.find_tiers(machine);
  } catch (const BuildError& e) {
    throw BuildError("weights." + e.path, e.problem);
  }
  if (weights_.streams() && placement_.at(0, 0).copy_in == none)
    throw BuildError("weights.outside", "the GPU has no copy engine to stream weights with");
  if (kv_) settle(*kv_, rank_, placement_.at(0, 0), machine);
}

StepBuilder::~StepBuilder() = default;

Capture StepBuilder::capture(const Batch& batch) const {
  const bool fits = params_.captured_size(static_cast<std::int64_t>(batch.tokens())) > 0;
  const GraphMode mode = params_.graphs;
  const bool decode = batch.prefill().sequences == 0;
  if (!fits || mode == GraphMode::off) return Capture::eager;
  if (decode && mode != GraphMode::piecewise) return Capture::full;
  return mode == GraphMode::full_decode_only ? Capture::eager : Capture::piecewise;
}

double StepBuilder::padded_tokens(const Batch& batch) const {
  if (capture(batch) == Capture::eager) return batch.tokens();
  return static_cast<double>(params_.captured_size(static_cast<std::int64_t>(batch.tokens())));
}

Step StepBuilder::build(const Batch& batch) {
  if (batch.tokens() < 1) throw std::logic_error("step builder: a batch without tokens");
  const bool prefill = batch.prefill().sequences > 0, decode = batch.decode().sequences > 0;
  const auto replica = static_cast<std::size_t>(batch.replica);
  const bool warm = warm_.at(replica);
  warm_[replica] = weights_.streams();
  const int make = prefill | decode << 1 | (batch.logit_rows() > 0) << 2 | warm << 3;
  std::unique_ptr<Draft>& draft = drafts_[make];
  if (!draft) draft = std::make_unique<Draft>();
  StepWriter& w = draft->writer;
  w.rewind();
  write(w, batch, warm);
  w.finish();
  w.step.label = prefill ? (decode ? "mixed" : "prefill") : "decode";
  w.step.id = batch.id;
  w.step.lane = batch.lane;

  if (draft->spare.empty()) {
    Step step = copy_of(w.step);
    step.id = batch.id;
    step.lane = batch.lane;
    return step;
  }
  Step step = std::move(w.step);
  w.step = std::move(draft->spare.back());
  draft->spare.pop_back();
  return step;
}

// A draft is known by its label and size: those of one builder that share both are interchangeable.
void StepBuilder::recycle(Step&& step) {
  for (auto& [make, draft] : drafts_)
    if (draft->writer.step.label == step.label &&
        boost::num_vertices(draft->writer.step.graph) == boost::num_vertices(step.graph)) {
      draft->spare.push_back(std::move(step));
      return;
    }
}

void StepBuilder::write(StepWriter& w, const Batch& batch, bool warm) const {
  const std::int64_t stages = rank_.parallel.pp;
  for (std::int64_t s = 0; s < stages; ++s) {
    const StagePlace& place = placement_.at(batch.replica, s);
    Layer l{rank_, params_, batch, place};
    l.rows = padded_tokens(batch);
    l.capture = capture(batch);
    w.run_on(place);
    w.in_graph(l.capture != Capture::eager);
    if (s == 0) write_embedding(w, l);
    write_stage(w, l, layers_of_stage(rank_.model.layers, stages, s), warm);
    if (s + 1 < stages)
      write_send(w, l, placement_.at(batch.replica, s + 1));
    else
      write_head(w, l);
  }
}

// Vocabulary-parallel: a rank has the rows of its share of the tokens, the sum over ranks has all.
void StepBuilder::write_embedding(StepWriter& w, Layer& l) const {
  const double row = l.hidden() * l.width();
  Op& op = w.op(OpKind::gather, "embedding", l.dtype());
  op.flops = 0;
  w.streams(l.state_bytes() / static_cast<double>(rank_.parallel.tp), row);
  if (rank_.model.learned_positions > 0) w.streams(l.state_bytes(), row);
  w.writes(Buffer::hidden, l.state_bytes());
  write_all_reduce(w, l, Buffer::hidden);
}

// Equal layers in a row are one repeated body; windows that alternate make a body of several
// layers.
void StepBuilder::write_stage(StepWriter& w, Layer& l, LayerSpan span, bool warm) const {
  if (weights_.streams()) return write_streamed(w, l, span, warm);
  const ModelShape& m = rank_.model;
  const std::int64_t period =
      m.sliding_window > 0 ? std::max<std::int64_t>(1, m.full_attention_every) : 1;
  for (std::int64_t i = span.first; i < span.last;) {
    const bool dense_first = m.moe && i < m.moe->dense_layers;
    std::int64_t end = dense_first ? std::min(span.last, m.moe->dense_layers) : span.last;
    for (std::int64_t k = i + 1; kv_ && k < end; ++k)
      if (!kv_->profile.same_band(i, k, m.layers)) end = k;
    const std::int64_t body = std::min(period, end - i), times = (end - i) / body;
    w.begin_body(times);
    for (std::int64_t k = 0; k < body; ++k) write_layer(w, l, i + k);
    w.end_body();
    i += body * times;
  }
}

void StepBuilder::write_layer(StepWriter& w, Layer& l, std::int64_t index) const {
  const ModelShape& m = rank_.model;
  l.weights = &rank_.layer(index);
  l.windowed = m.windowed(index);
  l.experts = m.has_experts(index);
  if (kv_) {
    l.kv = &kv_->profile.band(index, m.layers);
    l.policy = &*kv_;
  }
  write_norm(w, l, "attention_norm");
  m.mla ? write_latent_attention(w, l) : write_attention(w, l);
  if (m.norms == 4) write_plain_norm(w, l, "after_attention_norm", Buffer::hidden, Buffer::hidden);
  if (!m.parallel_residual)
    write_norm(w, l, "mlp_norm");
  else if (m.norms > 1)
    write_plain_norm(w, l, "mlp_norm", Buffer::residual, Buffer::normed);
  l.experts ? write_experts(w, l) : write_mlp(w, l);
  if (m.norms == 4) write_plain_norm(w, l, "after_mlp_norm", Buffer::hidden, Buffer::hidden);
}

// The next stage needs the block's output and the residual. Each rank sends its slice of both, and
// the receivers gather them (send_tensor_dict in vllm/distributed/parallel_state.py).
void StepBuilder::write_send(StepWriter& w, Layer& l, const StagePlace& to) const {
  w.in_graph(false);
  const double both = 2 * l.state_bytes(), slice = both / static_cast<double>(rank_.parallel.tp);
  Op& op = w.op(OpKind::collective, "send", l.dtype());
  op.collective = Collective::send;
  op.flops = 0;
  op.message_bytes = slice;
  w.reads(Buffer::hidden, slice);
  w.streams(Direction::write, to.hbm, slice);
  if (rank_.parallel.tp == 1) return;
  w.run_on(to);
  write_collective(w, l, Collective::all_gather, "all_gather", both, Buffer::hidden, slice,
                   Buffer::hidden, both);
}

void StepBuilder::write_head(StepWriter& w, Layer& l) const {
  write_norm(w, l, "final_norm");
  w.in_graph(false);
  const double rows = l.batch.logit_rows();
  if (rows == 0) return;
  Op& select = w.op(OpKind::gather, "select_rows", l.dtype());
  select.flops = 0;
  const double bytes = rows * l.hidden() * l.width();
  w.reads(Buffer::normed, bytes, l.hidden() * l.width());
  w.writes(Buffer::selected, bytes);
  write_gemm(w, l, rank_.head, rows, Buffer::selected, Buffer::logits);
  const double part = rows * rank_.vocab_rows, all = part * static_cast<double>(rank_.parallel.tp);
  if (l.tensor_parallel())
    write_collective(w, l, Collective::all_gather, "all_gather", all * l.width(), Buffer::logits,
                     part * l.width(), Buffer::logits, all * l.width());
  write_sampling(w, l, all);
}

// The kernels of vLLM's Sampler (v1/sample/sampler.py) without top-k and top-p: fp32 logits,
// temperature, softmax, and the exponential trick for drawing from it.
void StepBuilder::write_sampling(StepWriter& w, Layer& l, double logits) const {
  const double wide = 4 * logits;
  const auto kernel = [&](const char* label, double flops) {
    w.op(OpKind::elementwise, label, Format::fp32).flops = flops * logits;
  };
  kernel("logits_to_fp32", 0);
  w.reads(Buffer::logits, logits * l.width());
  w.writes(Buffer::scores, wide);
  if (!params_.greedy) {
    for (const char* label : {"temperature", "softmax"}) {
      kernel(label, 2);
      w.reads(Buffer::scores, wide);
      w.writes(Buffer::scores, wide);
    }
    kernel("noise", 10);
    w.writes(Buffer::noise, wide);
    kernel("divide", 1);
    w.reads(Buffer::noise, wide);
    w.reads(Buffer::scores, wide);
    w.writes(Buffer::scores, wide);
  }
  kernel("argmax", 1);
  w.reads(Buffer::scores, wide);
}

}  // namespace terrace
