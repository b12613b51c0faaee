// The attention engine of a computational drive: how fast it multiplies, what its SRAM holds, and
// what it reads of K and V.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/op_graph.h"
#include "sim/schema.h"

namespace terrace {

// Attention to a part of the context, SparF of InstInfer: the largest channels of the query select
// tokens through K stored by channel; K and V of those are then read by token.
struct SparseAttention {
  double channels = 0.125;  // share of the head's channels that are read to score tokens
  double tokens = 0.125;    // share of the tokens that are read whole
  int group = 1;            // tokens chosen together: one run
  static void fields(Schema<SparseAttention>& s);
};

// What an attention op reads of one kind: K by channel, or K and V by token.
struct KvRead {
  double bytes = 0;
  double run_length = 0;  // contiguous
};

struct AttentionEngineParams {
  PerSecond clock{285e6};
  std::map<std::string, FlopsPerSecond> rate{{"fp16", FlopsPerSecond(12.7e9)}};  // by format
  Bytes sram{2e6};  // pages on their way in, and being used
  Seconds dispatch{10e-6};
  JoulesPerFlop energy{100e-12};
  std::optional<SparseAttention> sparse;

  static void fields(Schema<AttentionEngineParams>& s);
  void check(Checker& c) const;
  // FLOP/s; a 16-bit format stands for the other. 0: it has no such arithmetic.
  double flops(Format format) const;
  // Reads for `kv_bytes` of K and V whose runs have that length, and the share of a dense
  // attention's FLOPs that is left. K is half of the bytes.
  std::vector<KvRead> reads(double kv_bytes, double run_length, const AttentionShape& shape) const;
  double work() const;
};

}  // namespace terrace
