// Attention with separate heads (MHA, GQA, MQA) over a paged cache.
#include <algorithm>

#include "workloads/llm/layer.h"

namespace terrace {

// FlashAttention over paged KV as vLLM calls it: writes the new keys and values to the cache, then
// reads every cached one once; scores never leave the chip. New ones are read where the projection
// left them. The cache is [K or V, block, token of the block, head, number] (flash_attn.py,
// get_kv_cache_shape), so one block of K or of V is contiguous.
Op& write_attention_op(StepWriter& w, const Layer& l, const AttentionLaunch& a) {
  const SequenceSums nothing;
  const SequenceSums& p = a.prefill ? *a.prefill : nothing;
  const SequenceSums& d = a.decode ? *a.decode : nothing;
  const double queries = p.query_tokens + d.query_tokens;
  const double old = p.kv_tokens + d.kv_tokens - queries;
  const double token_bytes = l.rank.kv_bytes_per_token();
  const bool latent = l.model().mla.has_value();  // K and V are the same bytes
  const double run = token_bytes / (latent ? 1 : 2);

  Op& op = w.op(a.prefill ? OpKind::attention_prefill : OpKind::attention_decode, "attention",
                l.dtype());
  AttentionShape& s = op.attention;
  s.sequences = p.sequences + d.sequences;
  s.q_heads = a.q_heads;
  s.kv_heads = a.kv_heads;
  s.head_dim = a.qk_dim;
  s.value_dim = a.value_dim;
  s.query_tokens = queries;
  s.kv_tokens = p.kv_tokens + d.kv_tokens;
  s.pairs = p.pairs + d.pairs;
  s.longest_kv = std::max(p.longest_kv, d.longest_kv);
  s.decode_sequences = d.sequences;
  s.decode_kv_tokens = d.kv_tokens;
  s.kv_format = l.model().kv();
  op.flops = 2 * s.pairs * a.q_heads * (a.qk_dim + a.value_dim);
  const double per_token = a.q_heads * a.qk_dim + (latent ? 0 : 2 * a.kv_heads * a.qk_dim);
  w.reads(a.query, queries * per_token * l.width());
  w.streams(Direction::write, l.place.hbm, latent ? 0 : queries * token_bytes, run);
  w.streams(old * token_bytes, run * static_cast<double>(l.params.block_tokens));
  w.writes(a.out, queries * a.q_heads * a.value_dim * l.width());
  return op;
}

void write_attention(StepWriter& w, const Layer& l) {
  const ModelShape& m = l.model();
  const double q = l.rank.q_heads, kv = l.rank.kv_heads, d = static_cast<double>(m.head_dim);
  write_gemm(w, l, l.weights->qkv, l.rows, Buffer::normed, Buffer::qkv);
  if (m.learned_positions == 0 || m.qk_norm) {
    Op& op = w.op(OpKind::elementwise, m.qk_norm ? "qk_norm_rope" : "rope", l.dtype());
    const double numbers = l.rows * (q + kv) * d;
    op.flops = (rotary_flops + (m.qk_norm ? norm_flops : 0)) * numbers;
    w.reads(Buffer::qkv, numbers * l.width());
    w.writes(Buffer::qkv, numbers * l.width());
  }
  const SequenceSums& prefill = l.batch.prefill(l.windowed);
  const SequenceSums& decode = l.batch.decode(l.windowed);
  const bool both = prefill.sequences > 0 && decode.sequences > 0;
  AttentionLaunch launch{nullptr, nullptr, q, kv, d, d};
  w.in_graph(l.capture == Capture::full);
  if (prefill.sequences > 0) launch.prefill = &prefill;
  if (decode.sequences > 0 && !(both && l.params.split_attention)) launch.decode = &decode;
  if (l.kv != nullptr)
    write_policy_attention(w, l);
  else
    write_attention_op(w, l, launch);
  if (both && l.params.split_attention && l.kv == nullptr) {
    launch.prefill = nullptr;
    launch.decode = &decode;
    write_attention_op(w, l, launch);
  }
  w.in_graph(l.capture != Capture::eager);
  write_gemm(w, l, l.weights->o, l.rows, Buffer::attended, Buffer::hidden);
  write_all_reduce(w, l, Buffer::hidden);
}

}  // namespace terrace
