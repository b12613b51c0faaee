// Slots as in generation_loop_overlap_multi_batch of flex_opt.py.
#include "workloads/offload/flexgen_slots.h"

namespace terrace {
namespace {

using Kind = FlexgenPlan::Layer::Kind;
std::size_t at(Home home) { return static_cast<std::size_t>(home); }
double real(std::int64_t n) { return static_cast<double>(n); }

}  // namespace

// Slots run batch by batch, then layer by layer, then token by token.
bool FlexgenSlots::step_on(Where& w) const {
  if (++w.batch < p_.batches) return true;
  w.batch = 0;
  if (++w.layer < real(static_cast<std::int64_t>(plan_.layers.size()))) return true;
  w.layer = 0;
  return ++w.token < p_.output_tokens;
}

bool FlexgenSlots::step_back(Where& w) const {
  if (--w.batch >= 0) return true;
  w.batch = p_.batches - 1;
  if (--w.layer >= 0) return true;
  w.layer = static_cast<std::int64_t>(plan_.layers.size()) - 1;
  return --w.token >= 0;
}

double FlexgenSlots::new_tokens(const Where& w) const {
  return w.token == 0 ? real(p_.prompt_tokens) : 1;
}
double FlexgenSlots::context(const Where& w) const { return real(p_.prompt_tokens + w.token); }

double FlexgenSlots::hidden_bytes(const Where& w) const {
  return real(p_.gpu_batch) * new_tokens(w) * real(p_.model.hidden) * bytes_of(p_.model.dtype);
}

double FlexgenSlots::cache_bytes(double tokens) const {
  return 2 * real(p_.gpu_batch) * tokens * real(p_.model.kv_heads * p_.model.head_dim) *
         bytes_of(p_.model.dtype);
}

// Disk and GPU meet in host memory: FlexGen's disk threads copy through a pinned buffer there.
OpVertex FlexgenSlots::copy(OpGraph& g, Home from, Home to, double bytes, const char* label,
                            OpVertex after) const {
  const auto leg = [&](Home a, Home b, EngineId engine, OpVertex before) {
    Op op;
    op.kind = OpKind::copy;
    op.engine = engine;
    op.label = label;
    op.reads(plan_.tier[at(a)], bytes);
    op.writes(plan_.tier[at(b)], bytes);
    return append(g, std::move(op), before);
  };
  if (bytes <= 0 || from == to) return after;
  if (from == Home::disk) {
    const OpVertex up = leg(Home::disk, Home::host, plan_.engines.disk_dma, after);
    return to == Home::gpu ? leg(Home::host, Home::gpu, plan_.engines.copy_in, up) : up;
  }
  if (to == Home::disk) {
    const OpVertex down =
        from == Home::gpu ? leg(Home::gpu, Home::host, plan_.engines.copy_out, after) : after;
    return leg(Home::host, Home::disk, plan_.engines.disk_dma, down);
  }
  return from == Home::host ? leg(from, to, plan_.engines.copy_in, after)
                            : leg(from, to, plan_.engines.copy_out, after);
}

// The next layer's weights; all of them in the layer's first slot, unless they are spread over all
// its slots.
void FlexgenSlots::load_weights(OpGraph& g, Slot& slot, const Where& w, OpVertex start) const {
  Where next = w;
  next.batch = p_.batches - 1;
  if (!step_on(next) || (w.batch != 0 && !p_.spread_weights)) return;
  const double part = p_.spread_weights ? 1.0 / real(p_.batches) : 1;
  for (Home home : {Home::host, Home::disk})
    if (const double bytes = layer(next).weights[at(home)] * part; bytes > 0)
      slot.push_back(copy(g, home, Home::gpu, bytes, "load_weights", start));
}

void FlexgenSlots::load_cache(OpGraph& g, Slot& slot, Where w, OpVertex start) const {
  if (!step_on(w) || w.token == 0 || layer(w).kind != Kind::attention) return;
  const double bytes = cache_bytes(context(w)) * plan_.cache_factor;
  const Home user = p_.host_attention ? Home::host : Home::gpu;
  for (Home home : {Home::host, Home::disk})
    if (home != user && plan_.cache[at(home)] > 0)
      slot.push_back(copy(g, home, user, bytes * plan_.cache[at(home)], "load_cache", start));
}

void FlexgenSlots::store_cache(OpGraph& g, Slot& slot, Where w, OpVertex start) const {
  if (!step_back(w) || w.token == p_.output_tokens - 1 || layer(w).kind != Kind::attention) return;
  const double bytes = cache_bytes(new_tokens(w)) * plan_.cache_factor;
  for (Home home : {Home::host, Home::disk})
    if (plan_.cache[at(home)] > 0)
      slot.push_back(copy(g, Home::gpu, home, bytes * plan_.cache[at(home)], "store_cache", start));
}

OpVertex FlexgenSlots::gemm(OpGraph& g, double m, double n, double k, const char* label,
                            OpVertex after) const {
  const double element = bytes_of(p_.model.dtype);
  Op op;
  op.kind = OpKind::gemm;
  op.engine = plan_.engines.compute;
  op.format = op.gemm.weights = p_.model.dtype;
  op.label = label;
  op.gemm.m = m;
  op.gemm.n = n;
  op.gemm.k = k;
  op.flops = 2 * m * n * k;
  op.reads(plan_.tier[0], n * k * element);
  op.reads(plan_.tier[0], m * k * element, m * k * element);
  op.writes(plan_.tier[0], m * n * element, m * n * element);
  return append(g, std::move(op), after);
}

// Prefill on the GPU; decode where the cache is read: on the GPU, or on the CPU for what lies
// below.
OpVertex FlexgenSlots::attention(OpGraph& g, const Where& w, OpVertex after) const {
  const ModelShape& m = p_.model;
  const bool prefill = w.token == 0;
  const double on_host = !prefill && p_.host_attention ? plan_.cache[1] + plan_.cache[2] : 0;
  const auto part = [&](double share, EngineId engine, TierId tier, const char* label,
                        OpVertex before) {
    Op op;
    op.kind = prefill ? OpKind::attention_prefill : OpKind::attention_decode;
    op.engine = engine;
    op.format = op.attention.kv_format = m.dtype;
    op.label = label;
    const double sequences = real(p_.gpu_batch) * share, t = context(w);
    op.attention.sequences = sequences;
    op.attention.q_heads = real(m.heads);
    op.attention.kv_heads = real(m.kv_heads);
    op.attention.head_dim = op.attention.value_dim = real(m.head_dim);
    op.attention.query_tokens = sequences * new_tokens(w);
    op.attention.kv_tokens = sequences * t;
    op.attention.pairs = sequences * (prefill ? t * (t + 1) / 2 : t);
    op.attention.longest_kv = t;
    op.flops = 4 * op.attention.pairs * real(m.heads * m.head_dim);
    op.reads(tier, cache_bytes(t) * share);
    return append(g, std::move(op), before);
  };
  if (on_host <= 0) return part(1, plan_.engines.compute, plan_.tier[0], "attention", after);
  const double small = real(p_.gpu_batch * m.hidden) * bytes_of(m.dtype) * on_host;
  OpVertex last = copy(g, Home::gpu, Home::host, small, "query_down", after);
  last = part(on_host, plan_.engines.host_cpu, plan_.tier[1], "host_attention", last);
  last = copy(g, Home::host, Home::gpu, small, "attention_up", last);
  if (on_host >= 1) return last;
  const OpVertex here = part(1 - on_host, plan_.engines.compute, plan_.tier[0], "attention", after);
  boost::add_edge(last, here, g);
  return here;
}

void FlexgenSlots::compute(OpGraph& g, Slot& slot, const Where& w, OpVertex start) const {
  const ModelShape& m = p_.model;
  OpVertex last = start;
  Where near = w;
  if (step_back(near) && plan_.hidden != Home::gpu && near.token == w.token)
    last = copy(g, Home::gpu, plan_.hidden, hidden_bytes(near), "store_hidden", last);
  near = w;
  if (step_on(near) && plan_.hidden != Home::gpu && near.token == w.token && near.layer > 0)
    last = copy(g, plan_.hidden, Home::gpu, hidden_bytes(near), "load_hidden", last);

  const FlexgenPlan::Layer& here = layer(w);
  if (p_.compress_weights) {
    Op op;
    op.kind = OpKind::codec;
    op.engine = plan_.engines.compute;
    op.label = "decompress_weights";
    op.reads(plan_.tier[0], here.plain_bytes * plan_.weight_factor);
    op.writes(plan_.tier[0], here.plain_bytes);
    last = append(g, std::move(op), last);
  }
  const double rows = real(p_.gpu_batch) * new_tokens(w), h = real(m.hidden),
               q = real(m.heads * m.head_dim), kv = real(m.kv_heads * m.head_dim),
               ffn = real(m.intermediate);
  switch (here.kind) {
    case Kind::input_embedding: {
      Op op;
      op.kind = OpKind::gather;
      op.engine = plan_.engines.compute;
      op.label = "embedding";
      op.reads(plan_.tier[0], rows * h * bytes_of(m.dtype), std::numeric_limits<double>::infinity(),
               h * bytes_of(m.dtype));
      op.writes(plan_.tier[0], rows * h * bytes_of(m.dtype));
      last = append(g, std::move(op), last);
      break;
    }
    case Kind::attention:
      last = gemm(g, rows, q + 2 * kv, h, "qkv_proj", last);
      last = attention(g, w, last);
      last = gemm(g, rows, h, q, "o_proj", last);
      break;
    case Kind::mlp:
      last = gemm(g, rows, m.gated ? 2 * ffn : ffn, h, "mlp_up", last);
      last = gemm(g, rows, h, ffn, "mlp_down", last);
      break;
    case Kind::output_embedding:
      last = gemm(g, real(p_.gpu_batch), real(m.vocab), h, "lm_head", last);
      break;
  }
  slot.push_back(last);
}

Step FlexgenSlots::build(std::int64_t token) const {
  Step step;
  step.id = token;
  step.label = token == 0 ? "prefill" : "decode";
  OpGraph& g = step.graph;
  const auto barrier = [&](const Slot& slot) {
    Op op;
    op.kind = OpKind::host_compute;
    op.engine = plan_.engines.driver;
    op.label = "slot";
    op.host_time = Time::nearest(p_.slot_overhead);
    const OpVertex v = append(g, std::move(op));
    for (OpVertex before : slot)
      if (before != v) boost::add_edge(before, v, g);
    return v;
  };
  OpVertex start = barrier({});
  if (token == 0) {  // the first layer's weights have nothing to hide behind
    Slot first;
    for (Home home : {Home::host, Home::disk})
      if (const double bytes = plan_.layers.front().weights[at(home)]; bytes > 0)
        first.push_back(copy(g, home, Home::gpu, bytes, "load_weights", start));
    start = barrier(first.empty() ? Slot{start} : first);
  }
  for (Where w{token, 0, 0}; w.token == token;) {
    Slot slot;
    load_weights(g, slot, w, start);
    load_cache(g, slot, w, start);
    compute(g, slot, w, start);
    store_cache(g, slot, w, start);
    start = barrier(slot);
    if (!step_on(w)) break;
  }
  return step;
}

}  // namespace terrace
