// One step of work as a directed acyclic graph of ops. Knows bytes, FLOPs and engines; neither
// tokens nor transistors. Workloads build it, the machine times it, a real GPU can execute it.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/graph/adjacency_list.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "sim/format.h"
#include "sim/units.h"

namespace terrace {

using EngineId = std::int32_t;  // an engine of the machine: a GPU stream, a copy engine, a CPU
using TierId = std::int32_t;    // a memory of the machine: gpu0.hbm, host0.dram, cxl0, ssd0
using GroupId = std::int32_t;   // symmetric ranks that all do what the op's engine does
inline constexpr std::int32_t none = -1;

enum class Direction : std::uint8_t { read, write };

// One stretch of data an op reads or writes. `run_length`: contiguous bytes, so that a gather of
// 64-byte pieces and a weight stream of the same size do not cost the same. `reuse_distance`: bytes
// touched on this engine since this data was last touched (LRU stack distance); infinity when it
// never was, so that a cache of any size can answer without the graph knowing it.
struct Access {
  TierId tier = none;
  Direction direction = Direction::read;
  double bytes = 0;
  double run_length = std::numeric_limits<double>::infinity();
  double reuse_distance = std::numeric_limits<double>::infinity();
};

enum class OpKind : std::uint8_t {
  gemm,               // C[m,n] += A[m,k] B[k,n], `count` of them in one launch
  attention_prefill,  // many query tokens a sequence
  attention_decode,   // one query token (or a few) a sequence
  elementwise,        // norm, rotary, activation, residual, sampling: bytes and a few FLOPs
  gather,             // reads scattered runs into a dense buffer
  topk,               // selects k of n scores a row
  codec,              // quantise, dequantise, encode, decode
  copy,               // one tier to another on a copy engine or DMA
  collective,         // all_reduce, all_gather, reduce_scatter, all_to_all, send
  host_compute,       // time on a CPU: scheduling, sampling, detokenising
  in_storage_attention,
};
inline constexpr std::size_t op_kind_count = 11;
const char* name_of(OpKind kind);

enum class Collective : std::uint8_t { all_reduce, all_gather, reduce_scatter, all_to_all, send };

// Matrix shape of a gemm (and m rows of k for elementwise-like ops that need it).
struct GemmShape {
  double m = 0, n = 0, k = 0;
  double count = 1;  // independent matrices (MoE experts, heads)
  Format weights =
      Format::bf16;  // stored format of B; narrower than Op::format means dequantise in-kernel
};

// Sums over the sequences of one attention launch on one rank.
struct AttentionShape {
  double sequences = 0;
  double q_heads = 0, kv_heads = 0;
  double head_dim = 0, value_dim = 0;
  double query_tokens = 0;  // sum over sequences
  double kv_tokens = 0;     // sum over sequences of context after this step
  double pairs = 0;         // sum of (query, key) pairs actually scored, causal mask applied
  double longest_kv = 0;    // longest context: the tail of an unbalanced launch
  double decode_sequences =
      0;  // of `sequences`, those with one query token (a launch may mix both)
  double decode_kv_tokens = 0;  // their part of kv_tokens
  Format kv_format = Format::bf16;
};

struct Op {
  OpKind kind = OpKind::elementwise;
  Collective collective = Collective::all_reduce;
  Format format = Format::bf16;  // arithmetic format
  bool in_graph = false;         // replayed from a captured GPU graph: no host launch
  const char* label = "";        // e.g. "qkv_proj"; a string literal, shown in tables and traces
  EngineId engine = none;
  GroupId group = none;  // ranks that do the same beside this one; none: just this engine
  double flops = 0;
  GemmShape gemm;
  AttentionShape attention;
  double message_bytes = 0;  // collective: the full buffer of one rank
  double pieces = 1;  // copy: separate transfers issued; elementwise: kernels fused as one launch
  Time host_time;     // host_compute: how long
  boost::container::small_vector<Access, 4> accesses;

  void reads(TierId tier, double bytes, double reuse = std::numeric_limits<double>::infinity(),
             double run = std::numeric_limits<double>::infinity()) {
    if (bytes > 0) accesses.push_back({tier, Direction::read, bytes, run, reuse});
  }
  void writes(TierId tier, double bytes, double reuse = std::numeric_limits<double>::infinity(),
              double run = std::numeric_limits<double>::infinity()) {
    if (bytes > 0) accesses.push_back({tier, Direction::write, bytes, run, reuse});
  }
};

using OpGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, Op>;
using OpVertex = OpGraph::vertex_descriptor;

// A stretch of vertices [first, last) that runs `times` times over, the next round starting when
// all ops of the last have ended: identical layers. Edges into it gate the first round, edges out
// the last.
struct Repeat {
  OpVertex first = 0;
  OpVertex last = 0;
  std::int64_t times = 1;
};

// What a workload hands over. Vertices are numbered in an order that respects the edges; repeats do
// not overlap.
struct Step {
  std::int64_t id = 0;    // given by the workload, returned at completion
  std::int32_t lane = 0;  // the data-parallel replica: its steps end in the order handed over; -1:
                          // background copies
  const char* label = "step";  // "prefill", "decode", "mixed", …
  OpGraph graph;
  std::vector<Repeat> repeats;

  // boost::adjacency_list copies where it should move: swap its lists instead.
  Step() = default;
  Step(const Step&) = default;
  Step(Step&& o) noexcept : Step() { swap(o); }
  Step& operator=(const Step&) = default;
  Step& operator=(Step&& o) noexcept {
    swap(o);
    return *this;
  }
  void swap(Step& o) noexcept {
    std::swap(id, o.id);
    std::swap(lane, o.lane);
    std::swap(label, o.label);
    graph.m_vertices.swap(o.graph.m_vertices);
    graph.m_edges.swap(o.graph.m_edges);
    repeats.swap(o.repeats);
  }
};

// Appends an op that waits for `after` (if any); returns it for further edges.
inline OpVertex append(OpGraph& graph, const Op& op, OpVertex after = OpGraph::null_vertex()) {
  const OpVertex v = boost::add_vertex(op, graph);
  if (after != OpGraph::null_vertex()) boost::add_edge(after, v, graph);
  return v;
}

// Sums a graph says it will do, repeats counted: FLOPs, and bytes by tier and direction.
struct WorkTotals {
  double flops = 0;
  std::vector<double> read_bytes, written_bytes;  // by TierId
};
WorkTotals totals(const Step& step, std::size_t tiers);

// Throws std::logic_error where a step breaks the contract above (edge backwards, repeat
// overlapping or empty).
void check(const Step& step);

}  // namespace terrace
