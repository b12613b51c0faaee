// The inside of PolicyCache: members made for every layer and head, and the order of their events.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/policy_cache.h"
#include "workloads/kv/rope_table.h"

namespace terrace {

// Eviction among some of a head's entries: all of them, or those of one phase.
struct EvictionStage {
  const EvictionParams* params = nullptr;
  KvBudget* budget = nullptr;
  std::unique_ptr<KvScore> score;
  std::unique_ptr<KvCompact> compact;
  bool in_prefill = true, in_decode = true, generated_only = false;

  bool acts_in(Phase phase) const { return phase == Phase::prefill ? in_prefill : in_decode; }
};

struct HeadState {
  HeadState(std::int64_t dim, std::int64_t raw_bits) : cache(dim, raw_bits) {}
  HeadCache cache;
  const CompositionParams* composition = nullptr;
  std::vector<EvictionStage> stages;
  std::unique_ptr<KvPlace> place;
  Selection chosen;
  std::int64_t budget = 0, waiting = 0;  // entries new since room was made
  std::vector<float> scores;
};

struct CodecGroup {
  HeadCache::Side side = HeadCache::key;
  std::vector<std::int64_t> layers, heads;
  CodecSpan span;
  std::unique_ptr<KvCodec> codec;
  std::int64_t residual = 0, batch = 1, sinks = 0;

  bool holds(std::int64_t layer, std::int64_t head) const {
    return std::find(layers.begin(), layers.end(), layer) != layers.end() &&
           std::find(heads.begin(), heads.end(), head) != heads.end();
  }
};

struct PolicyCache::Engine {
  Engine(const KvPolicy& policy, CacheSetup setup);

  void attend(const LayerTokens& in, Phase phase, bool ends_prompt, float* out);
  void end_turn();
  CacheBits bits() const;

  // engine_setup.cpp
  void make_heads();
  void make_codecs();
  MemberContext context(std::int64_t layer, std::int64_t head, std::uint64_t stream) const;
  // policy_cache.cpp
  HeadState& at(std::int64_t layer, std::int64_t head) {
    return heads_[static_cast<std::size_t>(layer * setup_.shape.kv_heads + head)];
  }
  const HeadState& at(std::int64_t layer, std::int64_t head) const {
    return heads_[static_cast<std::size_t>(layer * setup_.shape.kv_heads + head)];
  }
  void admit(const LayerTokens& in, Phase phase);
  HeadChunk chunk_of(const LayerTokens& in, std::int64_t head, Phase phase, bool ends_prompt);
  // engine_attention.cpp
  void attend_head(std::int64_t layer, std::int64_t head, const HeadChunk& chunk, float* out);
  void attend_rows(HeadState& h, const HeadChunk& chunk, const std::vector<std::int32_t>& rows,
                   const Selection& chosen, float* out);
  void add_residue(const HeadState& h, RowsView q, const RowSum* sums, float* out);
  void reduce(const float* by_head, std::int64_t tokens, std::int64_t group, std::int64_t width,
              float* out) const;
  void tell(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
            const std::vector<std::int32_t>& rows);
  // engine_eviction.cpp
  void evict(std::int64_t layer, Phase phase);
  void evict_stage(std::int64_t layer, std::size_t stage, Phase phase, bool again);
  bool couples_layers() const;
  void judge(HeadState& h, const EvictionStage& stage, std::int64_t target, Verdict& verdict) const;
  void follow(const HeadCache& leader, const HeadState& h, Verdict& verdict) const;
  void carry_out(std::int64_t layer, std::int64_t head, std::size_t stage, Verdict& verdict);
  void propagate(std::int64_t layer);
  // engine_codecs.cpp
  void encode(std::int64_t layer);
  void encode(CodecGroup& group);
  void encode_block(CodecGroup& group, const std::vector<std::int32_t>& slots);
  // engine_accounts.cpp
  double head_bits(std::int64_t layer, std::int64_t head, CacheBits& sum) const;
  void account_layer(std::int64_t layer);
  void plan_item(std::int64_t layer, std::int64_t head, KvWork work, bool writes, double bytes,
                 double runs, double flops);
  void plan_attention(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                      std::size_t wanted);

  KvPolicy policy_;
  CacheSetup setup_;
  RopeTable rope_;
  std::vector<HeadState> heads_;
  std::vector<std::unique_ptr<KvBudget>> budgets_;
  std::vector<CodecGroup> codecs_;
  std::vector<std::int64_t> seen_, prompt_, steps_;  // by layer
  std::vector<std::vector<float>> inputs_;           // by layer: X of all tokens; empty: not kept
  std::vector<double> layer_bits_;
  double peak_bits_ = 0, shared_bits_ = 0;
  bool keep_inputs_ = false, looks_above_ = false, counts_positions_ = false;
  AccessPlan plan_;
  ReadObserver observer_;

  // What a layer takes of a chunk, and the buffers of one head at work.
  bool restricted_ = false;             // only `admitted_` positions go on to the next layers
  std::vector<std::int32_t> admitted_;  // positions
  std::vector<std::int32_t> taken_;     // numbers of the chunk's tokens that this layer takes
  std::vector<std::int32_t> taken_positions_;
  HeadChunk chunk_;
  const LayerTokens* now_ = nullptr;  // while room is made for these
  bool ends_prompt_ = false;
  std::vector<float> q_, k_, v_, x_, residual_, guide_, rotated_, gathered_k_, gathered_v_, logits_,
      probs_;
  std::vector<float> reduced_, listener_reduced_, listener_by_head_, listener_logits_, out_, block_,
      decoded_, reference_, block_x_, chunk_scores_;
  std::vector<std::uint8_t> bytes_, tags_;
  std::vector<std::int32_t> positions_, query_positions_, survivors_, wanted_, rows_;
};

}  // namespace terrace
