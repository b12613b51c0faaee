// Copies between the GPU's memory and the host's: weights that are streamed into slots, pieces of a
// cache, or plain bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "validate/cuda/execute/op_mapper.h"

namespace terrace::cuda {
namespace {

// More pieces than this are moved by a kernel that reaches host memory itself: each cudaMemcpyAsync
// costs the host about a microsecond.
constexpr double most_copies = 1024;

bool fetches_weights(const Op& op) { return std::strcmp(op.label, "fetch_weights") == 0; }

}  // namespace

// A layer's fetches, one from every tier, share a slot; a slot is used again when the layer after
// the one that had it has begun.
void OpMapper::find_slots() {
  const auto n = boost::num_vertices(step_.graph);
  std::map<std::pair<OpVertex, OpVertex>, int> groups;  // by gate and consumer
  std::map<OpVertex, std::vector<int>> consumed;
  std::vector<std::size_t> group_bytes;
  int outstanding = 0, slots = 0;
  std::map<int, int> group_slot;
  for (OpVertex v = 0; v < n; ++v) {
    const auto starts = consumed.find(v);
    if (starts != consumed.end()) {
      layer_groups_[v] = starts->second.front();
      outstanding -=
          static_cast<int>(std::set<int>(starts->second.begin(), starts->second.end()).size());
    }
    if (!fetches_weights(op(v))) continue;
    OpVertex gate = OpGraph::null_vertex(), consumer = OpGraph::null_vertex();
    for (auto [e, end] = boost::in_edges(v, step_.graph); e != end; ++e)
      gate = boost::source(*e, step_.graph);
    for (auto [e, end] = boost::out_edges(v, step_.graph); e != end; ++e)
      consumer = boost::target(*e, step_.graph);
    const auto [at, fresh] =
        groups.emplace(std::make_pair(gate, consumer), static_cast<int>(group_bytes.size()));
    if (fresh) {
      group_bytes.push_back(0);
      slots = std::max(slots, ++outstanding);
    }
    const int group = at->second;
    fetches_[v] = {group, group_bytes[static_cast<std::size_t>(group)]};
    double bytes = 0;
    for (const Access& a : op(v).accesses)
      if (a.direction == Direction::write) bytes += a.bytes;
    group_bytes[static_cast<std::size_t>(group)] +=
        (static_cast<std::size_t>(bytes) + 255) / 256 * 256;
    if (consumer != OpGraph::null_vertex()) consumed[consumer].push_back(group);
  }
  if (slots == 0) return;
  // As many bytes as a layer's matrices have, or are fetched for one.
  std::size_t most = *std::max_element(group_bytes.begin(), group_bytes.end());
  std::size_t layer = 0;
  for (OpVertex v = 0; v < n; ++v) {
    if (layer_groups_.count(v) != 0) layer = 0;
    if (op(v).kind == OpKind::gemm && std::strcmp(op(v).label, "lm_head") != 0) {
      layer +=
          (static_cast<std::size_t>(op(v).gemm.n * op(v).gemm.k * bytes_of(op(v).format)) + 255) /
          256 * 256;
      if (!layer_groups_.empty() && v >= layer_groups_.begin()->first) most = std::max(most, layer);
    }
  }
  for (int s = 0; s < slots; ++s)
    slots_.push_back(writer_.buffer(fmt::format("slot {} for streamed weights", s), most));
}

void OpMapper::enter_layer(OpVertex v) {
  const auto found = layer_groups_.find(v);
  if (found == layer_groups_.end()) return;
  slot_ = found->second % static_cast<int>(slots_.size());
  slot_at_ = 0;
}

void OpMapper::copy(const Op& op) {
  if (op.accesses.size() != 2)
    throw NotExecutable(fmt::format("{}: not one read, one write", op.label));
  Space spaces[2] = {};
  for (const Access& a : op.accesses) {
    const Tier& tier = machine_.tier(a.tier);
    const std::string& kind = machine_.devices()[static_cast<std::size_t>(tier.device)].kind;
    if (kind != "gpu" && kind != "host")
      throw NotExecutable(
          fmt::format("{}: {} is not reached by a copy engine here", op.label, tier.name));
    spaces[a.direction == Direction::write ? 1 : 0] = kind == "gpu" ? Space::device : Space::pinned;
  }
  const double pieces = std::max(1.0, std::round(op.pieces));
  const auto each = static_cast<std::size_t>(op.accesses[0].bytes / pieces / 16) * 16;
  if (each == 0) return fate(Fate::left_out, "pieces of less than 16 B");
  const std::size_t bytes = each * static_cast<std::size_t>(pieces);
  const auto end = [&](Space space, const char* what) {
    if (space == Space::device) {
      const auto fetch = fetches_.find(v_);
      if (fetch != fetches_.end()) {
        const Operand& slot = slots_[static_cast<std::size_t>(fetch->second.slot) % slots_.size()];
        return Operand{slot.buffer, fetch->second.at,
                       std::min(bytes, slot.bytes - fetch->second.at)};
      }
      return writer_.buffer(name(what), bytes);
    }
    return writer_.buffer(name(what), bytes, Space::pinned);
  };
  const Operand from = end(spaces[0], "source"), to = end(spaces[1], "target");
  if (pieces > most_copies) {
    GatherArgs g;
    g.rows = static_cast<std::int64_t>(pieces);
    g.row_bytes = g.source_stride = static_cast<std::int64_t>(each);
    std::vector<std::int32_t> index;
    for (std::int64_t i = 0; i < g.rows; ++i)  // apart from each other: a stride prime to the count
      index.push_back(static_cast<std::int32_t>(i * 7919 % g.rows));
    const Operand which = writer_.table(name("index"), index);
    fate(Fate::kernel, "moved by a kernel: too many pieces for copies one by one");
    return writer_.launch({{from}, {which}, {to, Use::write}}, [=](const Addresses& at) mutable {
      g.in = at(from);
      g.index = at.as<std::int32_t>(which);
      g.out = at(to);
      return Call(g);
    });
  }
  CopyArgs c;
  c.bytes = std::min(bytes, to.bytes);
  c.pieces = static_cast<int>(pieces);
  writer_.launch({{from}, {to, Use::write}}, [=](const Addresses& at) mutable {
    c.from = at(from);
    c.to = at(to);
    return Call(c);
  });
}

}  // namespace terrace::cuda
