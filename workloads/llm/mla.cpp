// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1). Decode works on the
// latents themselves, the up-projections absorbed into Q and the output; prefill expands K and V
// and attends as usual. The split and its order are vLLM's (MLACommonImpl).
#include "workloads/llm/layer.h"

namespace terrace {
namespace {

double number(std::int64_t n) { return static_cast<double>(n); }

// One matrix a head: [tokens, in] times [in, out], for every head at once.
void write_per_head(StepWriter& w, const Layer& l, const Matrix& matrix, double rows, Buffer in,
                    Buffer out) {
  Op& op = w.op(OpKind::gemm, matrix.label, l.dtype());
  op.flops = 2 * rows * matrix.out * matrix.in * matrix.count;
  op.gemm = {rows, matrix.out, matrix.in, matrix.count, matrix.format};
  w.reads(in, rows * matrix.in * matrix.count * l.width());
  w.streams(matrix.bytes);
  w.writes(out, rows * matrix.out * matrix.count * l.width());
}

void write_prefill(StepWriter& w, const Layer& l, const SequenceSums& sums) {
  const MlaShape& a = *l.model().mla;
  const double q = l.rank.q_heads, latent = number(a.latent()), token = l.rank.kv_bytes_per_token();
  const double old = sums.kv_tokens - sums.query_tokens;
  Op& gather = w.op(OpKind::gather, "gather_latents", l.dtype());
  gather.flops = 0;
  w.reads(Buffer::keys, sums.query_tokens * token);
  w.streams(old * token, token * number(l.params.block_tokens));
  w.writes(Buffer::latents, sums.kv_tokens * latent * l.width());
  write_gemm(w, l, l.weights->kv_b, sums.kv_tokens, Buffer::latents, Buffer::expanded);

  Op& op = w.op(OpKind::attention_prefill, "attention", l.dtype());
  const double qk = number(l.model().qk_dim()), v = number(a.value_dim);
  op.attention = {sums.sequences,  q, q, qk,       v, sums.query_tokens, sums.kv_tokens, sums.pairs,
                  sums.longest_kv, 0, 0, l.dtype()};
  op.flops = 2 * sums.pairs * q * (qk + v);
  w.reads(Buffer::qkv, sums.query_tokens * q * qk * l.width());
  w.reads(Buffer::expanded, sums.kv_tokens * q * (number(a.nope_dim) + v) * l.width());
  w.writes(Buffer::attended, sums.query_tokens * q * v * l.width());
}

void write_decode(StepWriter& w, const Layer& l, const SequenceSums& sums) {
  const MlaShape& a = *l.model().mla;
  write_per_head(w, l, l.weights->absorbed_k, sums.query_tokens, Buffer::qkv, Buffer::absorbed);
  const AttentionLaunch launch{nullptr,
                               &sums,
                               l.rank.q_heads,
                               1,
                               number(a.latent()),
                               number(a.kv_rank),
                               Buffer::absorbed,
                               Buffer::latent_out};
  write_attention_op(w, l, launch);
  write_per_head(w, l, l.weights->absorbed_v, sums.query_tokens, Buffer::latent_out,
                 Buffer::attended);
}

}  // namespace

void write_latent_attention(StepWriter& w, const Layer& l) {
  const MlaShape& a = *l.model().mla;
  const double q = l.rank.q_heads, rope = number(a.rope_dim), ranks = number(a.q_rank + a.kv_rank);
  const LayerWeights& weights = *l.weights;
  write_gemm(w, l, weights.qkv, l.rows, Buffer::normed, Buffer::keys);
  Op& norm = w.op(OpKind::elementwise, "latent_norm", l.dtype());
  norm.flops = norm_flops * l.rows * ranks;
  w.reads(Buffer::keys, l.rows * ranks * l.width());
  w.writes(Buffer::keys, l.rows * ranks * l.width());
  write_gemm(w, l, weights.q_b, l.rows, a.q_rank > 0 ? Buffer::keys : Buffer::normed, Buffer::qkv);

  // Rotates the rope parts of Q and of the latent, and caches the latent.
  Op& rotary = w.op(OpKind::elementwise, "rope", l.dtype());
  const double rotated = l.rows * (q + 1) * rope * l.width();
  rotary.flops = rotary_flops * l.rows * (q + 1) * rope;
  w.reads(Buffer::qkv, rotated);
  w.writes(Buffer::qkv, rotated);
  w.in_graph(l.capture == Capture::full);
  Op& store = w.op(OpKind::elementwise, "cache_latent", l.dtype());
  store.flops = 0;
  w.reads(Buffer::keys, l.batch.tokens() * number(a.latent()) * l.width());
  w.streams(Direction::write, l.place.hbm, l.batch.tokens() * l.rank.kv_bytes_per_token(),
            l.rank.kv_bytes_per_token());

  if (l.batch.prefill(l.windowed).sequences > 0) write_prefill(w, l, l.batch.prefill(l.windowed));
  if (l.batch.decode(l.windowed).sequences > 0) write_decode(w, l, l.batch.decode(l.windowed));
  w.in_graph(l.capture != Capture::eager);
  write_gemm(w, l, weights.o, l.rows, Buffer::attended, Buffer::hidden);
  write_all_reduce(w, l, Buffer::hidden);
}

}  // namespace terrace
