// The engine loop: poll, schedule, hand over; take in what came out.
#include "workloads/serving/replica.h"

#include <algorithm>
#include <utility>

namespace terrace {

Replica::Replica(const Parts& parts, Setup setup)
    : parts_(parts),
      setup_(std::move(setup)),
      blocks_(parts.sequences, setup_.blocks, setup_.limits),
      tiers_(setup_.rungs.empty()
                 ? nullptr
                 : std::make_unique<LowerTiers>(parts.sequences, blocks_, setup_.rungs,
                                                setup_.chunk_blocks)),
      swap_(setup_.swap_tier == none
                ? nullptr
                : std::make_unique<SwapRoom>(setup_.swap_tier, setup_.swap_blocks)),
      scheduler_(parts.sequences, blocks_, setup_.scheduler, tiers_.get(), swap_.get()),
      batch_(parts.builder.batch()),
      ids_{setup_.index, setup_.replicas} {}

std::int64_t Replica::cached_tokens(Slot slot) {
  return static_cast<std::int64_t>(blocks_.find_prefix(slot).blocks.size()) *
         blocks_.block_tokens();
}

// Whether an attempt to form a step could give one, once the host thread is free.
bool Replica::wants_step() const {
  return !held_ && !formed_ && in_flight_.size() < setup_.depth &&
         (retry_ || (in_flight_.empty() && !inbox_.empty())) &&
         !(scheduler_.idle() && inbox_.empty());
}

Time Replica::wake() const { return wants_step() ? host_free_ : Time::never(); }

// The steps before it are done, and so are the copies out of the blocks that it writes.
bool Replica::held_back() const {
  return !in_flight_.empty() || !held_->waits_for.empty() || !held_->after_steps.empty();
}

std::optional<Step> Replica::next(Time now) {
  if (held_ && in_flight_.empty() && !held_->after_steps.empty())
    for (CopyJob& job : std::exchange(held_->after_steps, {})) outbox_.push_back(std::move(job));
  if (!outbox_.empty()) {
    Step step = copy(outbox_.front());
    outbox_.pop_front();
    return step;
  }
  if (formed_) {
    std::optional<Step> step = std::move(formed_);
    formed_.reset();
    return step;
  }
  if (held_ && !held_back()) {
    Step step = std::move(held_->graph);
    in_flight_.push_back(std::move(held_->step));
    held_.reset();
    return step;
  }
  return now >= host_free_ && wants_step() ? form(now) : std::nullopt;
}

std::unique_ptr<StepPlan> Replica::fresh_plan() {
  if (spare_plans_.empty()) return std::make_unique<StepPlan>();
  std::unique_ptr<StepPlan> plan = std::move(spare_plans_.back());
  spare_plans_.pop_back();
  return plan;
}

std::optional<Step> Replica::form(Time now) {
  for (; !inbox_.empty(); inbox_.pop_front()) scheduler_.add(inbox_.front(), now);
  UnderWay step;
  step.plan = fresh_plan();
  scheduler_.schedule(*step.plan, now, ids_);
  for (CopyJob& job : step.plan->loads) outbox_.push_back(std::move(job));
  if (step.plan->parts.empty()) {
    std::optional<Step> other = nothing_to_run(*step.plan, now);
    spare_plans_.push_back(std::move(step.plan));
    return other ? std::move(other) : next(now);
  }
  retry_ = true;
  step.id = ids_.take();
  if (tiers_ && tiers_->has_stores()) step.after.push_back(tiers_->take_stores(ids_.take()));
  Step graph = build(*step.plan, step.id);
  step.formed = now;
  if (batch_.prefill().sequences == 0) step.decodes = batch_.decode().sequences;
  host_free_ = now;
  if (setup_.driver != none)
    host_free_ += setup_.host.of(static_cast<std::int64_t>(step.plan->parts.size()));
  if (!step.plan->swap_outs.empty() || step.plan->flushes_stores) {
    hold(std::move(step), std::move(graph));
  } else {
    in_flight_.push_back(std::move(step));
    formed_ = std::move(graph);  // behind copies that were asked for with it
  }
  return next(now);
}

// vLLM waits for its oldest step when a new one has nothing to compute. With none under way it
// tries again where giving up blocks has changed something.
std::optional<Step> Replica::nothing_to_run(StepPlan& plan, Time now) {
  std::vector<CopyJob>* after = in_flight_.empty() ? nullptr : &in_flight_.back().after;
  for (CopyJob& job : plan.swap_outs)
    after != nullptr ? after->push_back(std::move(job)) : outbox_.push_back(std::move(job));
  retry_ = in_flight_.empty() && !plan.preempted.empty();
  return retry_ ? form(now) : std::nullopt;
}

void Replica::hold(UnderWay step, Step graph) {
  Held held;
  for (CopyJob& job : step.plan->swap_outs) {
    held.waits_for.push_back(job.id);
    held.after_steps.push_back(std::move(job));
  }
  if (step.plan->flushes_stores)
    for (std::int64_t id : tiers_->stores_under_way())
      if (step.after.empty() || id != step.after.front().id) held.waits_for.push_back(id);
  held.step = std::move(step);
  held.graph = std::move(graph);
  held_ = std::move(held);
}

Step Replica::copy(const CopyJob& job) {
  copying_.push_back({job.id, job.kind});
  ++counts_.copies[static_cast<std::size_t>(job.kind)];
  return parts_.copies.write(job, setup_.index);
}

Step Replica::build(const StepPlan& plan, std::int64_t id) {
  batch_.clear();
  batch_.id = id;
  batch_.lane = setup_.index;
  batch_.replica = setup_.index;
  // A row of logits for every request, as vLLM does, also where a prompt is not through.
  for (const StepPlan::Part& p : plan.parts) batch_.add({p.context, p.tokens, true});
  const bool prefill = batch_.prefill().sequences > 0, decode = batch_.decode().sequences > 0;
  ++(prefill ? (decode ? counts_.mixed : counts_.prefill) : counts_.decode);
  Step body = parts_.builder.build(batch_);
  if (setup_.driver == none) return body;
  Op host;
  host.kind = OpKind::host_compute;
  host.label = "schedule";
  host.engine = setup_.driver;
  host.group = setup_.group;
  host.host_time = setup_.host.of(static_cast<std::int64_t>(plan.parts.size()));
  Step step = behind_host(body, host);
  parts_.builder.recycle(std::move(body));
  return step;
}

bool Replica::completed(std::int64_t id, Time now) {
  const auto copied =
      std::find_if(copying_.begin(), copying_.end(), [&](const Copying& c) { return c.id == id; });
  if (copied != copying_.end()) {
    const CopyKind kind = copied->kind;
    copying_.erase(copied);
    scheduler_.copied(kind, id);
    if (held_) {
      auto& ids = held_->waits_for;
      ids.erase(std::remove(ids.begin(), ids.end(), id), ids.end());
    }
    if (in_flight_.empty()) retry_ = true;  // a busy engine looks when its step is done
    return false;
  }
  const auto done = std::find_if(in_flight_.begin(), in_flight_.end(),
                                 [&](const UnderWay& u) { return u.id == id; });
  scheduler_.update(*done->plan, output_, now);
  if (done->decodes > 0) {
    counts_.decode_tokens += done->decodes;
    counts_.decode_time += now - std::max(last_step_, done->formed);
  }
  last_step_ = now;
  for (CopyJob& job : done->after) outbox_.push_back(std::move(job));
  spare_plans_.push_back(std::move(done->plan));
  in_flight_.erase(done);
  retry_ = true;
  return true;
}

// Vertices are numbered in the order of the edges, so the first one cannot be added last.
Step behind_host(const Step& body, const Op& host) {
  Step step;
  step.id = body.id;
  step.lane = body.lane;
  step.label = body.label;
  const auto n = boost::num_vertices(body.graph);
  step.graph.m_vertices.reserve(n + 1);
  boost::add_vertex(host, step.graph);
  for (OpVertex v = 0; v < n; ++v) {
    boost::add_vertex(body.graph[v], step.graph);
    if (boost::in_degree(v, body.graph) == 0) boost::add_edge(0, v + 1, step.graph);
  }
  for (auto [e, end] = boost::edges(body.graph); e != end; ++e)
    boost::add_edge(boost::source(*e, body.graph) + 1, boost::target(*e, body.graph) + 1,
                    step.graph);
  step.repeats.reserve(body.repeats.size());
  for (const Repeat& r : body.repeats) step.repeats.push_back({r.first + 1, r.last + 1, r.times});
  return step;
}

}  // namespace terrace
