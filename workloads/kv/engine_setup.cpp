// Members made for every layer and head of a cache.
#include <algorithm>

#include "sim/random.h"
#include "workloads/kv/policy_engine.h"

namespace terrace {

PolicyCache::Engine::Engine(const KvPolicy& policy, CacheSetup setup)
    : policy_(policy), setup_(std::move(setup)), rope_(setup_.shape.rope) {
  const auto layers = static_cast<std::size_t>(setup_.shape.layers);
  seen_.assign(layers, 0);
  prompt_.assign(layers, 0);
  steps_.assign(layers, 0);
  inputs_.resize(layers);
  layer_bits_.assign(layers, 0);
  make_heads();
  make_codecs();
}

MemberContext PolicyCache::Engine::context(std::int64_t layer, std::int64_t head,
                                           std::uint64_t stream) const {
  MemberContext c;
  c.shape = setup_.shape;
  c.raw_bits = setup_.raw_bits;
  c.layer = layer;
  c.head = head;
  const auto place = static_cast<std::uint64_t>(layer * setup_.shape.kv_heads + head);
  c.seed = mix_bits(mix_bits(setup_.seed, place), stream);
  c.calibration = setup_.calibration;
  if (static_cast<std::size_t>(layer) < setup_.weights.size())
    c.weights = setup_.weights[static_cast<std::size_t>(layer)];
  return c;
}

void PolicyCache::Engine::make_heads() {
  const KvShape& shape = setup_.shape;
  if (policy_.positions == KeyPositions::cache && rope_.empty())
    throw BuildError("positions", "the model has no rotary embedding to apply in the cache");
  std::unique_ptr<KvClasses> classes;
  if (!policy_.classes.empty()) classes = policy_.classes.make(context(0, 0, 1));
  std::map<const EvictionParams*, KvBudget*> budget_of;
  const auto stage = [&](const EvictionParams& params, std::int64_t l, std::int64_t h,
                         std::uint64_t stream) {
    EvictionStage s;
    s.params = &params;
    KvBudget*& budget = budget_of[&params];
    if (budget == nullptr) {
      budgets_.push_back(params.budget.make(context(0, 0, 2)));
      budget = budgets_.back().get();
    }
    s.budget = budget;
    s.score = params.score.make(context(l, h, stream));
    s.compact = params.compact.make(context(l, h, stream + 1));
    return s;
  };
  for (std::int64_t l = 0; l < shape.layers; ++l)
    for (std::int64_t h = 0; h < shape.kv_heads; ++h) {
      HeadState& state = heads_.emplace_back(shape.head_dim, setup_.raw_bits);
      const CompositionParams* composition = &policy_;
      if (const std::string name = classes ? classes->of(l, h) : ""; !name.empty()) {
        const auto found = policy_.of_class.find(name);
        if (found == policy_.of_class.end())
          throw BuildError("of_class",
                           "no class \"" + name + "\", which `classes` sorts heads into");
        composition = &found->second;
      }
      state.composition = composition;
      state.stages.push_back(stage(*composition, l, h, 3));
      if (policy_.decode) {
        state.stages[0].in_decode = false;
        state.stages.push_back(stage(*policy_.decode, l, h, 5));
        state.stages[1].in_prefill = false;
        state.stages[1].generated_only = true;
      }
      KvPlace::Context place;
      static_cast<MemberContext&>(place) = context(l, h, 7);
      place.layout = policy_.layout();
      state.place = composition->place.make(place);
      looks_above_ = looks_above_ || state.place->looks_above();
    }
}

void PolicyCache::Engine::make_codecs() {
  const KvShape& shape = setup_.shape;
  for (const HeadCache::Side side : {HeadCache::key, HeadCache::value}) {
    std::vector<std::uint8_t> covered(heads_.size(), 0);
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      if (covered[i] != 0) continue;
      const auto l = static_cast<std::int64_t>(i) / shape.kv_heads;
      const auto h = static_cast<std::int64_t>(i) % shape.kv_heads;
      const CodecParams& p = heads_[i].composition->codec;
      const bool keys = side == HeadCache::key;
      KvCodec::Context c;
      static_cast<MemberContext&>(c) = context(l, h, keys ? 9 : 10);
      c.side = side;
      CodecGroup g;
      g.codec = (keys ? p.keys : p.values).make(c);
      if (!g.codec->stores()) continue;
      g.side = side;
      g.span = g.codec->span();
      g.layers = g.span.layers.empty() ? std::vector<std::int64_t>{l} : g.span.layers;
      if (g.span.heads)
        for (std::int64_t each = 0; each < shape.kv_heads; ++each) g.heads.push_back(each);
      else
        g.heads = {h};
      const char* at = keys ? "codec.keys" : "codec.values";
      for (const std::int64_t layer : g.layers)
        for (const std::int64_t head : g.heads) {
          const auto n = static_cast<std::size_t>(layer * shape.kv_heads + head);
          if (heads_[n].composition != heads_[i].composition || covered[n] != 0)
            throw BuildError(at, "it joins layers or heads that have other codecs");
          covered[n] = 1;
        }
      if (g.span.both && !keys)
        throw BuildError(at, "it codes keys and values together: give it as that of the keys");
      if (g.span.both && p.values.kind() != "none")
        throw BuildError("codec.values", "that of the keys codes values too; must be none");
      if (g.span.reference >= g.layers.front())
        throw BuildError(at, "it builds on a layer that is not below");
      g.residual = keys ? p.key_residual : p.value_residual;
      g.batch = keys ? p.key_batch : p.value_batch;
      g.sinks = p.sinks;
      keep_inputs_ = keep_inputs_ || g.span.inputs;
      counts_positions_ = counts_positions_ || g.span.before_rope;
      shared_bits_ += 8 * g.codec->shared_bytes();
      codecs_.push_back(std::move(g));
    }
  }
  counts_positions_ = counts_positions_ || policy_.positions == KeyPositions::cache;
}

}  // namespace terrace
