// Sums and checks over a step's op graph.
#include "sim/op_graph.h"

#include <array>
#include <stdexcept>

namespace terrace {

const char* name_of(OpKind kind) {
  static constexpr std::array<const char*, op_kind_count> names = {"gemm",
                                                                   "attention_prefill",
                                                                   "attention_decode",
                                                                   "elementwise",
                                                                   "gather",
                                                                   "topk",
                                                                   "codec",
                                                                   "copy",
                                                                   "collective",
                                                                   "host_compute",
                                                                   "in_storage_attention"};
  return names[static_cast<std::size_t>(kind)];
}

WorkTotals totals(const Step& step, std::size_t tiers) {
  WorkTotals sum;
  sum.read_bytes.resize(tiers);
  sum.written_bytes.resize(tiers);
  std::vector<double> times(boost::num_vertices(step.graph), 1.0);
  for (const Repeat& r : step.repeats)
    for (OpVertex v = r.first; v < r.last; ++v) times[v] = static_cast<double>(r.times);
  for (OpVertex v = 0; v < times.size(); ++v) {
    const Op& op = step.graph[v];
    sum.flops += op.flops * times[v];
    for (const Access& a : op.accesses) {
      auto& by_tier = a.direction == Direction::read ? sum.read_bytes : sum.written_bytes;
      by_tier.at(static_cast<std::size_t>(a.tier)) += a.bytes * times[v];
    }
  }
  return sum;
}

void check(const Step& step) {
  const auto n = boost::num_vertices(step.graph);
  for (auto [e, end] = boost::edges(step.graph); e != end; ++e)
    if (boost::source(*e, step.graph) >= boost::target(*e, step.graph))
      throw std::logic_error("op graph: an edge runs backwards");
  OpVertex reached = 0;
  for (const Repeat& r : step.repeats) {
    if (r.first < reached || r.last <= r.first || r.last > n || r.times < 1)
      throw std::logic_error("op graph: a repeat is empty, overlaps or leaves the graph");
    reached = r.last;
  }
}

}  // namespace terrace
