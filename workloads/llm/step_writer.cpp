// Growing or rewriting a step, and the stack distances of its accesses.
#include "workloads/llm/step_writer.h"

#include <algorithm>

namespace terrace {

void StepWriter::rewind() {
  grown_ = next_ > 0;
  next_ = 0;
  tail_ = OpGraph::null_vertex();
  spots_.clear();
  bytes_.clear();
}

Op& StepWriter::begin(OpKind kind, const char* label, EngineId engine) {
  if (!grown_) boost::add_vertex(step.graph);
  op_ = &step.graph[next_++];
  op_->kind = kind;
  op_->label = label;
  op_->engine = engine;
  op_->group = place_.group;
  op_->in_graph = in_graph_;
  op_->accesses.clear();
  return *op_;
}

Op& StepWriter::op(OpKind kind, const char* label, Format format) {
  begin(kind, label, place_.compute).format = format;
  if (tail_ != OpGraph::null_vertex()) after(tail_);
  tail_ = written();
  return *op_;
}

Op& StepWriter::aside(OpKind kind, const char* label, EngineId engine) {
  Op& op = begin(kind, label, engine);
  op.in_graph = false;
  return op;
}

void StepWriter::after(OpVertex earlier) {
  if (!grown_) boost::add_edge(earlier, written(), step.graph);
}

void StepWriter::link(const std::vector<OpVertex>& earlier, OpVertex later) {
  if (grown_) return;
  for (const OpVertex v : earlier) boost::add_edge(v, later, step.graph);
}

void StepWriter::touch(Direction direction, TierId tier, Buffer buffer, double bytes, double run,
                       bool fresh) {
  if (!grown_) touches_.push_back({op_->engine, buffer, fresh});
  const bool any = bytes > 0;
  spots_.push_back({static_cast<std::uint32_t>(written()),
                    any ? static_cast<std::int32_t>(op_->accesses.size()) : none});
  bytes_.push_back(bytes);
  if (any) op_->accesses.push_back({tier, direction, bytes, run, everything});
}

void StepWriter::begin_body(std::int64_t times) {
  if (grown_) return;
  bodies_.push_back({touches_.size(), touches_.size(), times > 1});
  if (times > 1) step.repeats.push_back({next_, next_, times});
}

void StepWriter::end_body() {
  if (grown_) return;
  bodies_.back().last = touches_.size();
  if (bodies_.back().repeats) step.repeats.back().last = next_;
}

// Mattson's stack distance (IBM Systems Journal 9:2, 1970): the distinct bytes touched between two
// touches of the same buffer. A repeated body is laid out twice and measured in its second round,
// its steady state.
void StepWriter::find_windows() {
  std::vector<std::pair<std::size_t, bool>> order;  // touch, and whether it is measured here
  std::size_t at = 0;
  const auto lay = [&](std::size_t end, bool measured) {
    for (std::size_t i = at; i < end; ++i) order.emplace_back(i, measured);
  };
  for (const Body& body : bodies_) {
    lay(body.first, true);
    at = body.first;
    if (body.repeats) lay(body.last, false);
    lay(body.last, true);
    at = body.last;
  }
  lay(touches_.size(), true);

  windows_.assign(touches_.size(), {});
  for (std::size_t p = 0; p < order.size(); ++p) {
    const Touch& touch = touches_[order[p].first];
    if (!order[p].second || touch.fresh) continue;
    const std::size_t mark = between_.size();
    std::uint64_t seen = std::uint64_t{1} << static_cast<unsigned>(touch.buffer);
    for (std::size_t q = p; q-- > 0;) {
      const Touch& other = touches_[order[q].first];
      if (other.engine != touch.engine) continue;
      if (!other.fresh && other.buffer == touch.buffer) {
        windows_[order[p].first] = {static_cast<std::uint32_t>(mark),
                                    static_cast<std::uint32_t>(between_.size()), false};
        break;
      }
      const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(other.buffer);
      if (!other.fresh && (seen & bit)) continue;
      if (!other.fresh) seen |= bit;
      between_.push_back(static_cast<std::uint32_t>(order[q].first));
    }
    if (windows_[order[p].first].never) between_.resize(mark);
  }
}

void StepWriter::finish() {
  if (!grown_) find_windows();
  const double* bytes = bytes_.data();
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Window& w = windows_[i];
    if (w.never || spots_[i].access == none) continue;
    double even = 0, odd = 0;  // two sums keep the adder busy
    std::uint32_t k = w.first;
    for (; k + 1 < w.last; k += 2) {
      even += bytes[between_[k]];
      odd += bytes[between_[k + 1]];
    }
    if (k < w.last) even += bytes[between_[k]];
    step.graph[spots_[i].vertex]
        .accesses[static_cast<std::size_t>(spots_[i].access)]
        .reuse_distance = even + odd;
  }
}

}  // namespace terrace
