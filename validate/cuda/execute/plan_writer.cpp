// Waits follow from the graph's edges, lifetimes from the launches, places from the lifetimes.
#include "validate/cuda/execute/plan_writer.h"

#include <algorithm>

namespace terrace::cuda {
namespace {

constexpr std::size_t alignment = 256;  // of cudaMalloc
std::size_t aligned(std::size_t n) { return (n + alignment - 1) / alignment * alignment; }

}  // namespace

PlanWriter::PlanWriter(const Step& step, Plan& plan) : step_(step), plan_(plan) {}

Operand PlanWriter::buffer(const std::string& name, std::size_t bytes, Space space) {
  PlanBuffer b;
  b.name = name;
  b.space = space;
  b.bytes = std::max<std::size_t>(bytes, 16);
  plan_.buffers.push_back(std::move(b));
  return {static_cast<int>(plan_.buffers.size()) - 1, 0, bytes};
}

Operand PlanWriter::role(const std::string& name, std::size_t bytes) {
  const auto known = roles_.find(name);
  if (known == roles_.end()) {
    const Operand made = buffer(name, bytes);
    plan_.buffers.back().shared = true;
    roles_.emplace(name, made.buffer);
    return made;
  }
  PlanBuffer& b = plan_.buffers[static_cast<std::size_t>(known->second)];
  b.bytes = std::max(b.bytes, bytes);
  return {known->second, 0, bytes};
}

void PlanWriter::begin(OpVertex op, std::int64_t round, int stream) {
  op_ = op;
  round_ = round;
  stream_ = stream;
}

void PlanWriter::launch(std::vector<OperandUse> uses, std::function<Call(const Addresses&)> call) {
  plan_.launches.push_back({op_, round_, stream_, std::move(call), std::move(uses), {}});
}

void PlanWriter::finish() {
  find_waits();
  find_lifetimes();
  place();
}

// Streams keep their own order, so only what lies on other streams is waited for. An op left out
// hands on whom it would have waited for. The first op of a round waits for the whole round before.
void PlanWriter::find_waits() {
  const auto n = boost::num_vertices(step_.graph);
  std::vector<const Repeat*> repeat(n, nullptr);
  for (const Repeat& r : step_.repeats)
    for (OpVertex v = r.first; v < r.last; ++v) repeat[v] = &r;
  const std::size_t streams = plan_.streams.size();
  // The last launch of each stream that must have ended before what follows an op may start.
  using Front = std::vector<int>;
  std::vector<Front> after(n, Front(streams, -1));
  const auto join = [](Front& to, const Front& from) {
    for (std::size_t s = 0; s < to.size(); ++s) to[s] = std::max(to[s], from[s]);
  };
  std::vector<Front> seen(streams, Front(streams, -1));  // what each stream has waited for
  std::size_t next = 0;
  Front round_done(streams, -1);
  std::map<OpVertex, std::int64_t> rounds;
  const auto visit = [&](OpVertex v, std::int64_t round, const Front* round_before) {
    Front before(streams, -1);
    for (auto [e, end] = boost::in_edges(v, step_.graph); e != end; ++e) {
      const OpVertex from = boost::source(*e, step_.graph);
      if (round > 0 && repeat[from] != repeat[v]) continue;  // gates the first round only
      join(before, after[from]);
    }
    if (round_before != nullptr) join(before, *round_before);
    Front done = before;
    for (bool first = true; next < plan_.launches.size() && plan_.launches[next].op == v &&
                            plan_.launches[next].round == round;
         ++next, first = false) {
      PlannedLaunch& l = plan_.launches[next];
      const auto own = static_cast<std::size_t>(l.stream);
      if (first)
        for (std::size_t s = 0; s < streams; ++s) {
          if (s == own || before[s] <= seen[own][s]) continue;
          l.waits.push_back(before[s]);
          seen[own][s] = before[s];
        }
      done[own] = static_cast<int>(next);
    }
    after[v] = done;
  };
  for (OpVertex v = 0; v < n;) {
    if (repeat[v] == nullptr) {
      visit(v++, 0, nullptr);
      continue;
    }
    const Repeat& r = *repeat[v];
    Front before;
    for (std::int64_t round = 0; round < r.times; ++round) {
      Front done(streams, -1);
      for (OpVertex u = r.first; u < r.last; ++u) {
        visit(u, round, round > 0 ? &before : nullptr);
        join(done, after[u]);
      }
      before = done;
    }
    v = r.last;
  }
}

void PlanWriter::find_lifetimes() {
  for (std::size_t i = 0; i < plan_.launches.size(); ++i)
    for (const OperandUse& use : plan_.launches[i].uses) {
      PlanBuffer& b = plan_.buffers[static_cast<std::size_t>(use.operand.buffer)];
      if (b.first < 0) b.first = static_cast<int>(i);
      b.last = static_cast<int>(i);
      // Launches of different streams have no common order: such a buffer keeps its place.
      if (plan_.launches[i].stream != plan_.launches[static_cast<std::size_t>(b.first)].stream)
        b.shared = false;
    }
  // Shared places are those of one stream, the one with most launches: the compute stream.
  std::vector<int> count(plan_.streams.size(), 0);
  for (const PlannedLaunch& l : plan_.launches) ++count[static_cast<std::size_t>(l.stream)];
  const auto busiest =
      static_cast<int>(std::max_element(count.begin(), count.end()) - count.begin());
  for (PlanBuffer& b : plan_.buffers)
    if (b.first < 0 || plan_.launches[static_cast<std::size_t>(b.first)].stream != busiest)
      b.shared = false;
}

// Largest first, each at the lowest place that nobody uses during its life.
void PlanWriter::place() {
  std::vector<PlanBuffer*> order;
  for (PlanBuffer& b : plan_.buffers)
    if (b.shared) order.push_back(&b);
  std::stable_sort(order.begin(), order.end(),
                   [](const PlanBuffer* a, const PlanBuffer* b) { return a->bytes > b->bytes; });
  std::vector<const PlanBuffer*> placed;
  std::size_t top = 0;
  for (PlanBuffer* b : order) {
    std::vector<const PlanBuffer*> others;
    for (const PlanBuffer* o : placed)
      if (o->first <= b->last && b->first <= o->last) others.push_back(o);
    std::sort(others.begin(), others.end(),
              [](const PlanBuffer* x, const PlanBuffer* y) { return x->offset < y->offset; });
    std::size_t at = 0;
    for (const PlanBuffer* o : others) {
      if (at + b->bytes <= o->offset) break;
      at = std::max(at, aligned(o->offset + o->bytes));
    }
    b->offset = at;
    top = std::max(top, aligned(at + b->bytes));
    placed.push_back(b);
  }
  std::size_t pinned = 0;
  for (PlanBuffer& b : plan_.buffers) {
    if (b.shared) continue;
    std::size_t& end = b.space == Space::device ? top : pinned;
    b.offset = end;
    end = aligned(end + b.bytes);
  }
  plan_.device_bytes = top;
  plan_.pinned_bytes = pinned;
}

}  // namespace terrace::cuda
