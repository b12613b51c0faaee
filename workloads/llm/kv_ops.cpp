// Attention under a KV policy: what selects, fetches and decodes before it, what it reads, and what
// votes, scores, compacts and encodes after it.
#include <algorithm>
#include <initializer_list>

#include "workloads/llm/layer.h"

namespace terrace {
namespace {

// Flows of some kinds of work, for all sequences and KV heads of a rank.
struct Sum {
  double read = 0, read_runs = 0, written = 0, write_runs = 0, flops = 0;
  bool any = false;
  double read_run() const { return read_runs > 0 ? read / read_runs : StepWriter::everything; }
  double write_run() const {
    return write_runs > 0 ? written / write_runs : StepWriter::everything;
  }
};

class PolicyOps {
 public:
  PolicyOps(StepWriter& w, const Layer& l, const std::vector<KvFlow>& flows,
            const SequenceSums& sums, bool decode)
      : w_(w), l_(l), flows_(flows), sums_(sums), decode_(decode) {
    vector_bytes_ = l.rank.kv_bytes_per_token() / (2 * l.rank.kv_heads);
  }

  // Curves are straight in a decode step, and by token and pair in a prompt: sums are exact.
  double total(const KvCurve& c) const {
    return std::max(0.0, decode_ ? c.constant * sums_.sequences + c.slope * sums_.kv_tokens
                                 : c.slope * sums_.query_tokens + c.pair * sums_.pairs);
  }
  Sum sum(std::initializer_list<KvWork> works, KvTier tier) const {
    Sum s;
    for (const KvFlow& f : flows_) {
      if (f.tier != tier || std::find(works.begin(), works.end(), f.work) == works.end()) continue;
      s.any = true;
      const double bytes = total(f.vectors) * l_.rank.kv_heads * vector_bytes_;
      const double runs = total(f.runs) * l_.rank.kv_heads;
      (f.writes ? s.written : s.read) += bytes;
      (f.writes ? s.write_runs : s.read_runs) += runs;
      const double heads = by_query_head(f.work) ? l_.rank.q_heads : l_.rank.kv_heads;
      s.flops += total(f.flops) * heads * static_cast<double>(l_.model().head_dim);
    }
    return s;
  }
  bool any(KvWork work, KvTier tier) const { return sum({work}, tier).any; }
  // One op for these kinds of work, where the policy has any.
  void op(OpKind kind, const char* label, std::initializer_list<KvWork> works) {
    const Sum s = sum(works, KvTier::hot);
    if (!s.any) return;
    Op& op = w_.op(kind, label, l_.dtype());
    op.flops = s.flops;
    if (kind == OpKind::attention_prefill) op.attention = {};
    w_.streams(s.read, s.read_run());
    w_.streams(Direction::write, l_.place.hbm, s.written, s.write_run());
  }
  // Beside the chain, what the policy fetches or stores; whatever needs it waits for the result.
  OpVertex fetch() {
    const Sum s = sum({KvWork::fetch}, KvTier::lower);
    return move("kv_fetch", s.read, s.read_run(), false);
  }
  void store() {
    const Sum s = sum({KvWork::write}, KvTier::lower);
    move("kv_store", s.written, s.write_run(), true);
  }
  // By a copy engine where runs are long, else by a kernel.
  OpVertex move(const char* label, double bytes, double run, bool down) {
    if (run >= (down ? l_.policy->copies_from_out : l_.policy->copies_from_in))
      return copy(label, bytes, run, down, w_.chained());
    if (bytes <= 0) return OpGraph::null_vertex();
    const OpVertex gate = w_.chained();
    Op& op = w_.aside(OpKind::gather, label, l_.place.aux);
    op.format = l_.dtype();
    op.flops = 0;
    w_.after(gate);
    moved(bytes, run, down);
    return w_.written();
  }
  OpVertex copy(const char* label, double bytes, double run, bool down, OpVertex gate) {
    if (bytes <= 0) return OpGraph::null_vertex();
    Op& op = w_.aside(OpKind::copy, label, down ? l_.place.copy_out : l_.place.copy_in);
    op.flops = 0;
    op.pieces = std::max(1.0, bytes / run);
    w_.after(gate);
    moved(bytes, run, down);
    return w_.written();
  }
  // What selects below puts new keys into its index, beside the chain.
  void index_below() {
    const Sum s = sum({KvWork::select}, KvTier::lower);
    if (!s.any || l_.policy->below == none) return;
    const OpVertex gate = w_.chained();
    Op& op = w_.aside(OpKind::elementwise, "kv_index", l_.policy->below);
    op.format = l_.dtype();
    op.flops = s.flops;
    w_.after(gate);
    w_.streams(Direction::write, l_.policy->lower, s.written, s.write_run());
  }
  // Queries go down, what is beside the lower tier selects and attends, outputs come up.
  OpVertex attend_below() {
    const Sum attend = sum({KvWork::attend}, KvTier::lower);
    const Sum select = sum({KvWork::select}, KvTier::lower);
    // Outputs come up in the model's format; what else travels goes down.
    const double up = sums_.query_tokens * l_.rank.q_heads *
                      static_cast<double>(l_.model().head_dim) * l_.width();
    const double down_bytes = std::max(0.0, sum({KvWork::fetch}, KvTier::lower).read - up);
    const OpVertex down = copy("kv_query", down_bytes, StepWriter::everything, true, w_.chained());
    Op& op = w_.aside(l_.policy->below_kind, "attention_below", l_.policy->below);
    if (down != OpGraph::null_vertex()) w_.after(down);
    op.format = l_.dtype();
    op.attention = {};
    op.attention.sequences = sums_.sequences;
    op.attention.head_dim = static_cast<double>(l_.model().head_dim);
    op.attention.kv_tokens = attend.read / (2 * vector_bytes_ * l_.rank.kv_heads);
    op.attention.kv_format = l_.model().kv();
    op.flops = attend.flops + select.flops;
    w_.streams(Direction::read, l_.policy->lower, attend.read, attend.read_run());
    w_.streams(Direction::read, l_.policy->lower, select.read, select.read_run());
    w_.streams(Direction::write, l_.policy->lower, select.written, select.write_run());
    return copy("kv_output", up, StepWriter::everything, false, w_.written());
  }

 private:
  // Stored in the runs it lies in, fetched into a dense buffer.
  void moved(double bytes, double run, bool down) {
    w_.streams(Direction::read, down ? l_.place.hbm : l_.policy->lower, bytes, run);
    w_.streams(Direction::write, down ? l_.policy->lower : l_.place.hbm, bytes,
               down ? run : StepWriter::everything);
  }
  StepWriter& w_;
  const Layer& l_;
  const std::vector<KvFlow>& flows_;
  const SequenceSums& sums_;
  bool decode_;
  double vector_bytes_ = 0;
};

// Decode attention over what is beside the GPU.
void write_attention_above(StepWriter& w, const Layer& l, const PolicyOps& p, const SequenceSums& d,
                           OpVertex fetched) {
  const ModelShape& m = l.model();
  const double dim = static_cast<double>(m.head_dim), token = l.rank.kv_bytes_per_token();
  Sum attend = p.sum({KvWork::attend}, KvTier::hot);
  // A budget in tokens is a constant, also where a sequence has yet to reach it.
  attend.read = std::min(attend.read, d.kv_tokens * token);
  attend.flops = std::min(attend.flops, 4 * d.kv_tokens * l.rank.q_heads * dim);
  const Sum probabilities = p.sum({KvWork::probabilities}, KvTier::hot);
  Op& op = w.op(OpKind::attention_decode, "attention", l.dtype());
  if (fetched != OpGraph::null_vertex()) w.after(fetched);
  AttentionShape& s = op.attention;
  s.sequences = s.decode_sequences = d.sequences;
  s.q_heads = l.rank.q_heads;
  s.kv_heads = l.rank.kv_heads;
  s.head_dim = s.value_dim = dim;
  s.query_tokens = d.query_tokens;
  s.pairs = attend.flops / (4 * l.rank.q_heads * dim);
  s.kv_tokens = s.decode_kv_tokens = s.pairs;
  s.longest_kv = d.kv_tokens > 0 ? d.longest_kv * s.pairs / d.kv_tokens : 0;
  s.kv_format = m.kv();
  op.flops = attend.flops;
  w.reads(Buffer::qkv, d.query_tokens * (l.rank.q_heads + 2 * l.rank.kv_heads) * dim * l.width());
  w.streams(Direction::write, l.place.hbm, d.query_tokens * token, token / 2);
  // The newest token is read where the projection left it.
  w.streams(std::max(0.0, attend.read - d.query_tokens * token), attend.read_run());
  w.streams(Direction::write, l.place.hbm, probabilities.written, probabilities.write_run());
  w.writes(Buffer::attended, d.query_tokens * l.rank.q_heads * dim * l.width());
}

void write_decode(StepWriter& w, const Layer& l, const SequenceSums& d) {
  PolicyOps p(w, l, l.kv->decode, d, true);
  p.op(OpKind::topk, "kv_select", {KvWork::select});
  if (p.any(KvWork::attend, KvTier::lower)) {
    const OpVertex below = p.attend_below();
    if (p.any(KvWork::attend, KvTier::hot))
      write_attention_above(w, l, p, d, OpGraph::null_vertex());
    // Parts of a softmax, each with its maximum and sum, become one output.
    const double out =
        d.query_tokens * l.rank.q_heads * static_cast<double>(l.model().head_dim) * l.width();
    Op& merge = w.op(OpKind::elementwise, "kv_merge_outputs", l.dtype());
    if (below != OpGraph::null_vertex()) w.after(below);
    merge.flops = 0;
    w.streams(out);
    w.writes(Buffer::attended, out);
  } else {
    const OpVertex fetched = p.fetch();
    p.op(OpKind::gemm, "kv_recompute", {KvWork::recompute});
    p.op(OpKind::codec, "kv_dequantize", {KvWork::decode});
    p.op(OpKind::elementwise, "kv_rotate", {KvWork::rotate});
    write_attention_above(w, l, p, d, fetched);
  }

  const Sum probabilities = p.sum({KvWork::probabilities}, KvTier::hot);
  const Sum back = p.sum({KvWork::probabilities, KvWork::score}, KvTier::hot);
  if (back.any) {
    Op& score = w.op(OpKind::elementwise, "kv_score", l.dtype());
    score.flops = back.flops;
    w.streams(back.read, back.read_run());
    w.streams(Direction::write, l.place.hbm, back.written - probabilities.written);
  }
  p.op(OpKind::elementwise, "kv_compact", {KvWork::compact});
  p.op(OpKind::codec, "kv_quantize", {KvWork::encode});
  p.store();
}

// A prompt attends as usual to what it finds; then votes, scores and so on.
void write_prefill(StepWriter& w, const Layer& l, const SequenceSums& sums) {
  PolicyOps p(w, l, l.kv->prefill, sums, false);
  const double dim = static_cast<double>(l.model().head_dim);
  const AttentionLaunch launch{&sums, nullptr, l.rank.q_heads, l.rank.kv_heads, dim, dim};
  const Sum attend = p.sum({KvWork::attend}, KvTier::hot);
  const Sum probabilities = p.sum({KvWork::probabilities}, KvTier::hot);
  p.op(OpKind::topk, "kv_select", {KvWork::select});
  p.index_below();
  Op& op = write_attention_op(w, l, launch);
  op.flops = std::min(op.flops, attend.any ? attend.flops : op.flops);
  w.streams(Direction::write, l.place.hbm, probabilities.written, probabilities.write_run());
  p.op(OpKind::gemm, "kv_vote", {KvWork::vote});
  const Sum back = p.sum({KvWork::probabilities, KvWork::score}, KvTier::hot);
  if (back.any) {
    Op& score = w.op(OpKind::elementwise, "kv_score", l.dtype());
    score.flops = back.flops;
    w.streams(back.read, back.read_run());
    w.streams(Direction::write, l.place.hbm, back.written - probabilities.written);
  }
  p.op(OpKind::elementwise, "kv_compact", {KvWork::compact});
  p.op(OpKind::codec, "kv_quantize", {KvWork::encode});
  p.op(OpKind::codec, "kv_dequantize", {KvWork::decode});
  p.store();
}

}  // namespace

void write_policy_attention(StepWriter& w, const Layer& l) {
  const SequenceSums& prefill = l.batch.prefill(l.windowed);
  const SequenceSums& decode = l.batch.decode(l.windowed);
  if (prefill.sequences > 0) write_prefill(w, l, prefill);
  if (decode.sequences > 0) write_decode(w, l, decode);
}

}  // namespace terrace
