// Ops of micro-benchmarks, from the columns that tables of measurements have.
#pragma once

#include <string>

#include "validate/measured/op_bench.h"

namespace terrace::validate {

struct GemmProblem {
  double m = 0, n = 0, k = 0;
};

// How a layer multiplies. Layers in fp8 quantise their bf16 input first, in a kernel of its own.
struct GemmType {
  const char* name;
  Format arithmetic, weights;
  bool quantises;
  const char* as;  // how it is expressed, where that is not plain
  double weight_bytes(const GemmProblem& p) const { return p.n * p.k * bytes_of(weights); }
};
const GemmType* gemm_type(const std::string& name);  // "bfloat16", "fp8", …; null: not known
// How a benchmark calls a layer, again and again.
struct GemmCall {
  double copies = 1;   // of its weights in turn; activations stay
  double updates = 0;  // blocks that each raise the one scale of its input; 0: it has none
  bool alone = false;  // timed one by one: the host's launch is seen
};
double gemm_seconds(const KernelBench& bench, const GemmType& type, const GemmProblem& p,
                    const GemmCall& call);
const char* gemm_size(const GemmProblem& p);  // its class in the tables of errors

struct AttentionProblem {
  double batch = 0, queries = 0, keys = 0, window = 0, heads = 0, kv_heads = 0, head_dim = 0;
};
// On the same buffers again and again. A window limits what a query sees; 0: none.
Op attention_op(const AttentionProblem& s, bool decode, Format arithmetic, Format cache);
std::string attention_size(const Op& op, bool decode, double cache);  // its class; cache: of the L2

}  // namespace terrace::validate
