// Dense MLPs, and the gemms, norms and sums that every block is made of.
#include "workloads/llm/layer.h"

namespace terrace {

Format arithmetic_of(const Layer& l, const Matrix& matrix) {
  return matrix.format == l.dtype() ? l.dtype() : l.model().activations();
}

// Dynamic quantisation with one fp32 scale a row, or a group of a row where the weights have groups
// too (vLLM's Fp8LinearMethod, per token and per block).
void write_quantize(StepWriter& w, const Layer& l, double rows, double columns, Buffer from) {
  const double group = static_cast<double>(l.model().scales().group);
  const double scales = group > 0 ? columns / group : 1;
  Op& op = w.op(OpKind::codec, "quantize", l.dtype());
  op.flops = 2 * rows * columns;
  w.reads(from, rows * columns * l.width());
  w.writes(Buffer::quantized, rows * (columns * bytes_of(l.model().activations()) + 4 * scales));
}

Op& write_gemm(StepWriter& w, const Layer& l, const Matrix& matrix, double rows, Buffer in,
               Buffer out) {
  const Format arithmetic = arithmetic_of(l, matrix);
  if (arithmetic != l.dtype()) {
    write_quantize(w, l, rows, matrix.in, in);
    in = Buffer::quantized;
  }
  Op& op = w.op(OpKind::gemm, matrix.label, arithmetic);
  op.flops = 2 * rows * matrix.out * matrix.in;
  op.gemm = {rows, matrix.out, matrix.in, 1, matrix.format};
  w.reads(in, rows * matrix.in * bytes_of(arithmetic));
  w.streams(matrix.bytes);
  w.writes(out, rows * matrix.out * l.width());
  return op;
}

void write_norm(StepWriter& w, const Layer& l, const char* label) {
  Op& op = w.op(OpKind::elementwise, label, l.dtype());
  op.flops = norm_flops * l.rows * l.hidden();
  w.reads(Buffer::hidden, l.state_bytes());
  if (l.model().parallel_residual) w.reads(Buffer::beside, l.state_bytes());
  w.reads(Buffer::residual, l.state_bytes());
  w.writes(Buffer::residual, l.state_bytes());
  w.writes(Buffer::normed, l.state_bytes());
}

void write_plain_norm(StepWriter& w, const Layer& l, const char* label, Buffer from, Buffer to) {
  Op& op = w.op(OpKind::elementwise, label, l.dtype());
  op.flops = norm_flops * l.rows * l.hidden();
  w.reads(from, l.state_bytes());
  w.writes(to, l.state_bytes());
}

void write_gated(StepWriter& w, const Layer& l, const Matrix& up, const Matrix& down, Buffer out) {
  write_gemm(w, l, up, l.rows, Buffer::normed, Buffer::gate_up);
  Op& op = w.op(OpKind::elementwise, l.model().gated ? "gate" : "activation", l.dtype());
  op.flops = gate_flops * l.rows * down.in;
  w.reads(Buffer::gate_up, l.rows * up.out * l.width());
  w.writes(Buffer::activated, l.rows * down.in * l.width());
  write_gemm(w, l, down, l.rows, Buffer::activated, out);
}

void write_mlp(StepWriter& w, const Layer& l) {
  const Buffer out = l.model().parallel_residual ? Buffer::beside : Buffer::hidden;
  write_gated(w, l, l.weights->gate_up, l.weights->down, out);
  write_all_reduce(w, l, out);
}

Op& write_collective(StepWriter& w, const Layer& l, Collective kind, const char* label,
                     double message_bytes, Buffer from, double from_bytes, Buffer to,
                     double to_bytes) {
  Op& op = w.op(OpKind::collective, label, l.dtype());
  op.collective = kind;
  op.message_bytes = message_bytes;
  w.reads(from, from_bytes);
  w.writes(to, to_bytes);
  return op;
}

void write_all_reduce(StepWriter& w, const Layer& l, Buffer buffer) {
  if (!l.tensor_parallel()) return;
  write_collective(w, l, Collective::all_reduce, "all_reduce", l.state_bytes(), buffer,
                   l.state_bytes(), buffer, l.state_bytes());
}

}  // namespace terrace
