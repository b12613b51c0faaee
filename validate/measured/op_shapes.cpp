// Building ops, and naming their sizes.
#include "validate/measured/op_shapes.h"

#include <algorithm>

namespace terrace::validate {
namespace {

const GemmType types[] = {
    {"bfloat16", Format::bf16, Format::bf16, false, ""},
    {"fp8", Format::fp8, Format::fp8, true, ""},
    {"fp8_block", Format::fp8, Format::fp8, true, " (as plain fp8)"},
    {"int8_wo", Format::bf16, Format::int8, false, ""},
    {"int4_wo", Format::bf16, Format::int4, false, ""},
    {"sq", Format::int8, Format::int8, false, " (as int8)"},
};

// (query, key) pairs of a causal prompt; with a window the last `window` keys of each.
double causal_pairs(double n, double window) {
  if (window <= 0 || n <= window) return n * (n + 1) / 2;
  return window * (window + 1) / 2 + (n - window) * window;
}

}  // namespace

const GemmType* gemm_type(const std::string& name) {
  for (const GemmType& t : types)
    if (name == t.name) return &t;
  return nullptr;
}

double gemm_seconds(const KernelBench& bench, const GemmType& type, const GemmProblem& p,
                    const GemmCall& call) {
  const double w = type.weight_bytes(p), a = p.m * p.k * bytes_of(type.arithmetic),
               c = p.m * p.n * 2;
  const double cycle = call.copies * w;
  Op gemm;
  gemm.kind = OpKind::gemm;
  gemm.format = type.arithmetic;
  gemm.in_graph = true;
  gemm.gemm = {p.m, p.n, p.k, 1, type.weights};
  gemm.flops = 2 * p.m * p.n * p.k;
  gemm.reads(bench_memory, w, cycle);
  gemm.reads(bench_memory, a, a);
  gemm.writes(bench_memory, c, c);
  const KernelConstants& kernels = bench.params().kernels;
  double t = bench.seconds(gemm) + (call.alone ? kernels.launch_in_stream.value() : 0);
  if (type.quantises) {
    Op quantise;
    quantise.kind = OpKind::codec;
    quantise.in_graph = true;
    quantise.reads(bench_memory, p.m * p.k * 2, p.m * p.k * 3);
    quantise.writes(bench_memory, p.m * p.k, p.m * p.k * 3);
    t += bench.seconds(quantise);
    if (call.updates > 0) {  // a kernel that finds the scale first; its launch is in that time, too
      Op largest = quantise;
      largest.accesses.clear();
      const double launch = bench.seconds(largest);
      largest.reads(bench_memory, p.m * p.k * 2, p.m * p.k * 3);
      t += std::max(bench.seconds(largest) - launch,
                    call.updates * kernels.stream.update_cycles / bench.params().clock.value());
    }
  }
  return t;
}

const char* gemm_size(const GemmProblem& p) {
  return p.m <= 64 ? "gemm, m ≤ 64" : p.m <= 512 ? "gemm, m 65–512" : "gemm, m > 512";
}

Op attention_op(const AttentionProblem& s, bool decode, Format arithmetic, Format cache) {
  Op op;
  op.kind = decode ? OpKind::attention_decode : OpKind::attention_prefill;
  op.format = arithmetic;
  op.in_graph = true;
  AttentionShape& a = op.attention;
  a.sequences = s.batch;
  a.q_heads = s.heads;
  a.kv_heads = s.kv_heads;
  a.head_dim = a.value_dim = s.head_dim;
  const double seen = decode && s.window > 0 ? std::min(s.keys, s.window) : s.keys;
  a.query_tokens = s.batch * s.queries;
  a.kv_tokens = s.batch * seen;
  a.longest_kv = seen;
  a.pairs = s.batch * (decode ? seen : causal_pairs(s.queries, s.window));
  if (decode) {
    a.decode_sequences = s.batch;
    a.decode_kv_tokens = a.kv_tokens;
  }
  a.kv_format = cache;
  op.flops = 4 * a.pairs * a.q_heads * a.head_dim;
  const double kv = a.kv_tokens * a.kv_heads * 2 * a.head_dim * bytes_of(cache);
  const double rows = decode ? 0 : a.query_tokens * a.q_heads * a.head_dim * 2;
  op.reads(bench_memory, kv + rows, kv + 2 * rows);
  op.writes(bench_memory, rows, kv + 2 * rows);
  return op;
}

std::string attention_size(const Op& op, bool decode, double cache) {
  if (!decode)
    return op.attention.longest_kv > 2048 ? "prefill attention, > 2048 tokens"
                                          : "prefill attention, ≤ 2048 tokens";
  double bytes = 0;
  for (const Access& a : op.accesses) bytes += a.bytes;
  if (op.attention.longest_kv <= 512) return "decode attention, ≤ 512 keys";
  return bytes <= cache ? "decode attention, > 512 keys within the L2"
                        : "decode attention, > 512 keys beyond the L2";
}

}  // namespace terrace::validate
