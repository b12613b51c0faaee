// Mixture of experts as vLLM's fused_moe runs it: route, sort tokens by expert, two grouped gemms
// over the experts that were hit, weigh and add. Routing is uniform: every token picks `active`
// experts at random.
#include <algorithm>

#include "workloads/llm/layer.h"

namespace terrace {
namespace {

// One launch for all experts that were hit; the rest of the weights stay unread.
void write_grouped(StepWriter& w, const Layer& l, const Matrix& matrix, double rows,
                   double read_rows, double hit, Buffer in, Buffer out) {
  const Format arithmetic = arithmetic_of(l, matrix);
  if (arithmetic != l.dtype()) {
    write_quantize(w, l, read_rows, matrix.in, in);
    in = Buffer::quantized;
  }
  Op& op = w.op(OpKind::gemm, matrix.label, arithmetic);
  op.flops = 2 * rows * matrix.out * matrix.in;
  op.gemm = {rows / hit, matrix.out, matrix.in, hit, matrix.format};
  w.reads(in, read_rows * matrix.in * bytes_of(arithmetic));
  w.streams(matrix.bytes * hit / matrix.count);
  w.writes(out, rows * matrix.out * l.width());
}

}  // namespace

void write_experts(StepWriter& w, const Layer& l) {
  const MoeShape& e = *l.model().moe;
  const LayerWeights& weights = *l.weights;
  const Parallel& p = l.rank.parallel;
  const double experts = static_cast<double>(e.experts), local = l.rank.local_experts / experts;
  const double replicas =
      p.expert_parallel ? static_cast<double>(p.dp) : 1;  // they send their tokens here, too
  const bool exchange = replicas > 1;
  const double own =
      exchange ? l.rows / static_cast<double>(p.tp) : l.rows;  // tokens that a rank sends
  const double routed = replicas * l.rows * l.active();        // (token, expert) pairs in the group
  const double rows = routed * local;                          // of them, on this rank
  const double hit =
      experts_hit(experts, l.active(), replicas * std::max(1.0, l.batch.tokens())) * local;
  const double routes = l.rows * l.active() * 8;  // int32 expert and fp32 weight

  write_gemm(w, l, weights.router, l.rows, Buffer::normed, Buffer::router);
  Op& topk = w.op(OpKind::topk, "route", Format::fp32);
  topk.flops = norm_flops * l.rows * experts;
  w.reads(Buffer::router, l.rows * experts * l.width());
  w.writes(Buffer::routes, routes);

  Buffer tokens = Buffer::normed;
  double read_rows = std::min(l.rows, rows);
  if (exchange) {
    const double sent = own * l.active() * l.hidden();
    const double width = bytes_of(l.model().activations());
    write_collective(w, l, Collective::all_to_all, "dispatch", sent * width, Buffer::normed,
                     own * l.hidden() * width, Buffer::selected, rows * l.hidden() * width)
        .group = l.place.experts;
    tokens = Buffer::selected;
    read_rows = rows;
  }
  Op& sort = w.op(OpKind::gather, "sort_routes", Format::fp32);
  sort.flops = 0;
  w.reads(Buffer::routes, routes);
  w.writes(Buffer::routes, routes);

  write_grouped(w, l, weights.expert_gate_up, rows, read_rows, hit, tokens, Buffer::expert_up);
  Op& gate = w.op(OpKind::elementwise, "expert_gate", l.dtype());
  gate.flops = gate_flops * rows * weights.expert_down.in;
  w.reads(Buffer::expert_up, rows * weights.expert_gate_up.out * l.width());
  w.writes(Buffer::expert_activated, rows * weights.expert_down.in * l.width());
  write_grouped(w, l, weights.expert_down, rows, rows, hit, Buffer::expert_activated,
                Buffer::expert_out);
  double returned = rows;
  if (exchange) {
    returned = own * l.active();
    const double bytes = returned * l.hidden() * l.width();
    write_collective(w, l, Collective::all_to_all, "combine", bytes, Buffer::expert_out,
                     rows * l.hidden() * l.width(), Buffer::expert_out, bytes)
        .group = l.place.experts;
  }
  if (weights.gate_up) write_gated(w, l, weights.gate_up, weights.down, Buffer::shared);
  Op& add = w.op(OpKind::elementwise, "add_experts", l.dtype());
  add.flops = 2 * returned * l.hidden();
  w.reads(Buffer::expert_out, returned * l.hidden() * l.width());
  if (weights.gate_up) w.reads(Buffer::shared, l.state_bytes());
  w.writes(Buffer::hidden, l.state_bytes());
  write_all_reduce(w, l, Buffer::hidden);  // adds the ranks' shared experts, gathers their tokens
}

}  // namespace terrace
