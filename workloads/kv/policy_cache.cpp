// What a policy's cache does with new tokens: takes them in, attends, makes room, codes.
#include "workloads/kv/policy_cache.h"

#include <algorithm>
#include <cstring>

#include "workloads/kv/policy_engine.h"

namespace terrace {

// Which of the chunk's tokens this layer is given, by what the layers below let through.
void PolicyCache::Engine::admit(const LayerTokens& in, Phase phase) {
  if (in.layer == 0 || phase == Phase::decode) restricted_ = false;
  taken_.clear();
  taken_positions_.clear();
  for (std::int64_t t = 0; t < in.tokens; ++t) {
    if (restricted_ && !std::binary_search(admitted_.begin(), admitted_.end(), in.positions[t]))
      continue;
    taken_.push_back(static_cast<std::int32_t>(t));
    taken_positions_.push_back(in.positions[t]);
  }
}

// The events' view of the chunk for one head; rows padded to whole lanes.
HeadChunk PolicyCache::Engine::chunk_of(const LayerTokens& in, std::int64_t head, Phase phase,
                                        bool ends_prompt) {
  const KvShape& s = setup_.shape;
  const std::int64_t g = s.group(), dim = s.head_dim, wide = whole_lanes(dim);
  const auto n = static_cast<std::int64_t>(taken_.size());
  const auto copy = [&](std::vector<float>& to, std::int64_t row, const float* from,
                        std::int64_t width, std::int64_t stride) {
    float* at_row = to.data() + row * stride;
    std::memcpy(at_row, from, static_cast<std::size_t>(width) * sizeof(float));
    std::fill(at_row + width, at_row + stride, 0.0F);
  };
  HeadChunk c;
  c.phase = phase;
  c.ends_prompt = ends_prompt;
  c.tokens = n;
  c.group = g;
  c.first = n > 0 ? taken_positions_[0] : 0;
  q_.resize(static_cast<std::size_t>(n * g * wide));
  k_.resize(static_cast<std::size_t>(n * wide));
  v_.resize(static_cast<std::size_t>(n * wide));
  for (std::int64_t t = 0; t < n; ++t) {
    const std::int64_t from = taken_[static_cast<std::size_t>(t)];
    for (std::int64_t i = 0; i < g; ++i)
      copy(q_, t * g + i, in.of_head(in.q, head * g + i).row(from), dim, wide);
    copy(k_, t, in.of_head(in.k, head).row(from), dim, wide);
    copy(v_, t, in.of_head(in.v, head).row(from), dim, wide);
  }
  c.q = {q_.data(), n * g, dim, wide};
  c.k = {k_.data(), n, dim, wide};
  c.v = {v_.data(), n, dim, wide};
  if (in.x != nullptr) {
    if (head == 0) {
      x_.resize(static_cast<std::size_t>(n * in.hidden));
      for (std::int64_t t = 0; t < n; ++t)
        copy(x_, t, in.x + taken_[static_cast<std::size_t>(t)] * in.hidden, in.hidden, in.hidden);
    }
    c.x = {x_.data(), n, in.hidden, in.hidden};
  }
  if (in.residual != nullptr && head == 0) {
    residual_.resize(static_cast<std::size_t>(n * in.hidden));
    for (std::int64_t t = 0; t < n; ++t)
      copy(residual_, t, in.residual + taken_[static_cast<std::size_t>(t)] * in.hidden, in.hidden,
           in.hidden);
  }
  if (in.residual != nullptr) c.residual = {residual_.data(), n, in.hidden, in.hidden};
  if (!setup_.guide.empty()) {
    const RowsView& first = setup_.guide[static_cast<std::size_t>(in.layer * s.heads + head * g)];
    guide_.resize(static_cast<std::size_t>(first.rows * g * wide));
    for (std::int64_t t = 0; t < first.rows; ++t)
      for (std::int64_t i = 0; i < g; ++i)
        copy(guide_, t * g + i,
             setup_.guide[static_cast<std::size_t>(in.layer * s.heads + head * g + i)].row(t), dim,
             wide);
    c.guide = {guide_.data(), first.rows * g, dim, wide};
  }
  if (setup_.tags != nullptr) {
    tags_.clear();
    for (const std::int32_t p : taken_positions_) tags_.push_back(setup_.tags[p]);
    c.tags = tags_.data();
  }
  return c;
}

void PolicyCache::Engine::attend(const LayerTokens& in, Phase phase, bool ends_prompt, float* out) {
  const auto l = static_cast<std::size_t>(in.layer);
  if (in.layer < 0 || in.layer >= setup_.shape.layers)
    throw std::logic_error("a layer that the cache was not made for");
  admit(in, phase);
  if (out != nullptr && taken_.size() < static_cast<std::size_t>(in.tokens))
    std::fill(out, out + in.tokens * setup_.shape.heads * setup_.shape.head_dim, 0.0F);
  seen_[l] += in.tokens;
  if (phase == Phase::prefill)
    prompt_[l] = seen_[l];
  else
    ++steps_[l];
  if (keep_inputs_) {
    if (in.x == nullptr)
      throw BuildError("codec", "it needs the layers' inputs, which are not known");
    inputs_[l].insert(inputs_[l].end(), in.x, in.x + in.tokens * in.hidden);
  }
  if (taken_.empty()) return;
  std::vector<float> taken_out;
  const bool all = taken_.size() == static_cast<std::size_t>(in.tokens);
  const std::int64_t row = setup_.shape.heads * setup_.shape.head_dim;
  float* to = out;
  if (out != nullptr && !all) {
    taken_out.resize(taken_.size() * static_cast<std::size_t>(row));
    to = taken_out.data();
  }
  for (std::int64_t h = 0; h < setup_.shape.kv_heads; ++h) {
    HeadState& head = at(in.layer, h);
    chunk_ = chunk_of(in, h, phase, ends_prompt);
    for (std::int64_t t = 0; t < chunk_.tokens; ++t)
      head.cache.append(taken_positions_[static_cast<std::size_t>(t)], chunk_.k.row(t),
                        chunk_.v.row(t));
    head.waiting += chunk_.tokens;
    head.place->appended(chunk_, head.cache);
    for (EvictionStage& s : head.stages) s.score->appended(chunk_, head.cache);
    for (CodecGroup& g : codecs_)
      if (g.holds(in.layer, h)) g.codec->observed(in.layer, h, chunk_);
    attend_head(in.layer, h, chunk_,
                to == nullptr ? nullptr : to + h * setup_.shape.group() * setup_.shape.head_dim);
  }
  for (std::size_t t = 0; t < taken_.size() && out != nullptr && !all; ++t)
    std::memcpy(out + taken_[t] * row, taken_out.data() + t * static_cast<std::size_t>(row),
                static_cast<std::size_t>(row) * sizeof(float));
  now_ = &in;
  ends_prompt_ = ends_prompt;
  evict(in.layer, phase);
  now_ = nullptr;
  encode(in.layer);
  account_layer(in.layer);
}

void PolicyCache::Engine::end_turn() {
  for (HeadState& h : heads_)
    for (EvictionStage& s : h.stages) s.score->turn_ended();
  for (std::int64_t l = 0; l < setup_.shape.layers; ++l) {
    if (at(l, 0).cache.size() == 0) continue;
    for (std::size_t s = 0; s < at(l, 0).stages.size(); ++s)
      evict_stage(l, s, at(l, 0).stages[s].in_decode ? Phase::decode : Phase::prefill, true);
    encode(l);
    account_layer(l);
  }
}

PolicyCache::PolicyCache(const KvPolicy& policy, CacheSetup setup)
    : engine_(std::make_unique<Engine>(policy, std::move(setup))) {}
PolicyCache::~PolicyCache() = default;
void PolicyCache::attend(const LayerTokens& in, Phase phase, bool ends_prompt, float* out) {
  engine_->attend(in, phase, ends_prompt, out);
}
void PolicyCache::end_turn() { engine_->end_turn(); }
const HeadCache& PolicyCache::head(std::int64_t layer, std::int64_t kv_head) const {
  return engine_->at(layer, kv_head).cache;
}
std::int64_t PolicyCache::seen(std::int64_t layer) const {
  return engine_->seen_[static_cast<std::size_t>(layer)];
}
std::int64_t PolicyCache::budget(std::int64_t layer, std::int64_t kv_head) const {
  return engine_->at(layer, kv_head).budget;
}
CacheBits PolicyCache::bits() const { return engine_->bits(); }
double PolicyCache::peak_bits() const { return engine_->peak_bits_; }
const AccessPlan& PolicyCache::plan() const { return engine_->plan_; }
void PolicyCache::clear_plan() { engine_->plan_.clear(); }
void PolicyCache::observe_reads(ReadObserver observer) { engine_->observer_ = std::move(observer); }
bool PolicyCache::couples_layers() const { return engine_->couples_layers(); }

}  // namespace terrace
