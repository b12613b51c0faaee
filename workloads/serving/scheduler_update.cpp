// Taking in what a step computed: tokens out, blocks named, finished requests gone.
#include <algorithm>

#include "workloads/serving/scheduler.h"

namespace terrace {

void StepOutput::clear() {
  first.clear();
  finished.clear();
  gaps.clear();
  tokens = steady = 0;
}

void Scheduler::update(const StepPlan& plan, StepOutput& out, Time now) {
  out.clear();
  out.steady_gap = now - last_output_;
  for (const StepPlan::Part& p : plan.parts) {
    Sequence& s = sequences_[p.slot];
    --s.in_flight;
    if (!p.samples) continue;
    ++s.known;
    ++out.tokens;
    if (limits_.placeholders) --s.placeholders;
    if (s.last_token.ps() < 0) {
      out.first.push_back(p.slot);
      sequences_.info(p.slot).first_token = now;
    } else if (s.last_token == last_output_) {
      ++out.steady;
    } else {
      out.gaps.push_back(now - s.last_token);
    }
    s.last_token = now;
    if (s.known >= s.limit)
      out.finished.push_back(p.slot);
    else if (limits_.placeholders && s.phase == RequestPhase::running)
      blocks_.keep(p.slot, s.computed - s.placeholders);
  }
  last_output_ = now;
  if (out.finished.empty()) return;
  for (Slot slot : out.finished) finish(slot, now);
  running_.erase(
      std::remove_if(running_.begin(), running_.end(),
                     [&](Slot slot) { return sequences_[slot].phase == RequestPhase::finished; }),
      running_.end());
}

void Scheduler::copied(CopyKind kind, std::int64_t job) {
  Slot slot = -1;
  if (kind == CopyKind::swap_in) {
    const auto found = std::find_if(swapping_in_.begin(), swapping_in_.end(),
                                    [&](const auto& s) { return s.first == job; });
    slot = found->second;
    swapping_in_.erase(found);
  } else if (kind != CopyKind::swap_out) {
    slot = tiers_->completed(job);
  }
  if (slot >= 0) sequences_[slot].phase = RequestPhase::loaded;
}

// A preempted request may finish by the token that was in flight.
void Scheduler::finish(Slot slot, Time now) {
  Sequence& s = sequences_[slot];
  SequenceInfo& info = sequences_.info(slot);
  if (s.phase != RequestPhase::running) {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), slot));
    info.waited += now - info.waiting_since;
  }
  if (info.swap_blocks > 0) swap_->release(info.swap_blocks);
  s.phase = RequestPhase::finished;
  blocks_.free(slot);
}

}  // namespace terrace
