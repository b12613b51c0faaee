// Forming a step: running requests first, then the head of the waiting line, within the token
// budget.
#include "workloads/serving/scheduler.h"

#include <algorithm>

namespace terrace {

void StepPlan::clear() {
  parts.clear();
  preempted.clear();
  loads.clear();
  swap_outs.clear();
  flushes_stores = false;
  tokens = 0;
}

void Scheduler::add(Slot slot, Time now) {
  sequences_.info(slot).queued = now;
  sequences_[slot].store_at =
      tiers_ != nullptr ? static_cast<std::int32_t>(tiers_->chunk_tokens()) : Sequence::never;
  waiting_.push_back(slot);
}

void Scheduler::schedule(StepPlan& plan, Time now, StepIds& ids) {
  plan.clear();
  std::int32_t budget = limits_.max_num_batched_tokens;
  run_on(plan, now, budget, ids);
  if (plan.preempted.empty()) admit(plan, now, budget, ids);
  commit(plan);
}

void Scheduler::run_on(StepPlan& plan, Time now, std::int32_t& budget, StepIds& ids) {
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    const Slot slot = running_[i];
    const Sequence& s = sequences_[slot];
    // The last token is on its way already.
    if (s.placeholders > 0 && s.computed + 2 - s.placeholders >= s.limit) continue;
    std::int32_t tokens = s.known + s.placeholders - s.computed;
    if (limits_.long_prefill_token_threshold > 0)
      tokens = std::min(tokens, limits_.long_prefill_token_threshold);
    tokens = std::min({tokens, budget, limits_.max_model_len - 1 - s.computed});
    if (tokens <= 0) continue;
    while (!blocks_.allocate(slot, s.computed + tokens)) {
      const Slot victim =
          running_.back();  // the latest; never one that is in this step, save itself
      running_.pop_back();
      preempt(plan, victim, now, ids);
      if (victim == slot) return;
    }
    blocks_.keep(slot, std::min(s.computed + tokens, s.known));
    plan.parts.push_back({slot, s.computed, tokens, false});
    budget -= tokens;
  }
}

void Scheduler::preempt(StepPlan& plan, Slot slot, Time now, StepIds& ids) {
  Sequence& s = sequences_[slot];
  if (tiers_ != nullptr && tiers_->abandon(slot)) plan.flushes_stores = true;
  if (swap_ == nullptr || !swap_out(plan, slot, ids))
    dropped_tokens_ += s.computed - s.placeholders;
  blocks_.free(slot);
  s.computed = 0;
  s.phase = RequestPhase::waiting;
  ++s.preemptions;
  ++preemptions_;
  sequences_.info(slot).waiting_since = now;
  waiting_.push_front(slot);
  plan.preempted.push_back(slot);
}

bool Scheduler::swap_out(StepPlan& plan, Slot slot, StepIds& ids) {
  const Sequence& s = sequences_[slot];
  SequenceInfo& info = sequences_.info(slot);
  const std::int32_t blocks = (s.computed + blocks_.block_tokens() - 1) / blocks_.block_tokens();
  if (!swap_->reserve(blocks)) return false;
  info.swap_blocks = blocks;
  info.swap_tokens = s.computed;
  CopyJob job;
  job.kind = CopyKind::swap_out;
  job.id = ids.take();
  job.add(none, swap_->tier(), blocks);
  plan.swap_outs.push_back(std::move(job));
  ++swaps_;
  return true;
}

void Scheduler::admit(StepPlan& plan, Time now, std::int32_t& budget, StepIds& ids) {
  parked_.clear();
  while (budget > 0 && running_.size() < static_cast<std::size_t>(limits_.max_num_seqs)) {
    std::deque<Slot>& line = skipped_.empty() ? waiting_ : skipped_;
    if (line.empty()) break;
    const Slot slot = line.front();
    const Admission result = sequences_[slot].phase == RequestPhase::loading
                                 ? Admission::parked
                                 : try_admit(plan, slot, now, budget, ids);
    if (result == Admission::blocked) {  // never the next one
      if (!give_up_loaded(plan, slot)) break;
      continue;
    }
    line.pop_front();
    if (result == Admission::parked) parked_.push_back(slot);
  }
  skipped_.insert(skipped_.begin(), parked_.begin(), parked_.end());
}

// With nobody running, those behind `head` that hold loaded blocks would wait for its room and it
// for theirs: the last of them loads again later. vLLM has no such way out.
bool Scheduler::give_up_loaded(const StepPlan& plan, Slot head) {
  if (!running_.empty() || !plan.parts.empty() || sequences_[head].in_flight > 0) return false;
  for (std::deque<Slot>* line : {&waiting_, &skipped_}) {
    for (auto slot = line->rbegin(); slot != line->rend(); ++slot) {
      Sequence& s = sequences_[*slot];
      const bool holds =
          s.phase == RequestPhase::loaded || (s.phase == RequestPhase::waiting && s.computed > 0);
      if (*slot == head || !holds) continue;
      s.phase = RequestPhase::waiting;
      s.computed = 0;
      blocks_.free(*slot);
      loading_counts_.erase(*slot);
      ++loads_given_up_;
      return true;
    }
  }
  return false;
}

Scheduler::Admission Scheduler::try_admit(StepPlan& plan, Slot slot, Time now, std::int32_t& budget,
                                          StepIds& ids) {
  static const BlockPool::Prefix nothing;
  Sequence& s = sequences_[slot];
  SequenceInfo& info = sequences_.info(slot);
  if (s.phase == RequestPhase::loaded) promote(slot);
  const bool fresh = s.computed == 0;
  if (fresh && s.in_flight > 0) return Admission::blocked;  // a token of it is still to come

  const BlockPool::Prefix& found = fresh ? blocks_.find_prefix(slot) : nothing;
  const auto in_hbm = static_cast<std::int32_t>(found.blocks.size()) * blocks_.block_tokens();
  // vLLM asks the tiers first; what they hold changes nothing about the room that is needed.
  if (limits_.reserve_full_input && !blocks_.fits_whole(slot, found)) return Admission::blocked;
  std::int64_t outside = 0;
  bool from_tiers = false;
  if (fresh && info.swap_tokens > in_hbm) {
    outside = info.swap_tokens - in_hbm;
  } else if (fresh && tiers_ != nullptr) {
    const LowerTiers::Match match = tiers_->match(slot, in_hbm);
    if (match.later) return Admission::parked;
    outside = match.tokens;
    from_tiers = outside > 0;
  }
  const auto computed = static_cast<std::int32_t>(fresh ? in_hbm + outside : s.computed);
  std::int32_t tokens = 0;
  if (outside == 0) {
    tokens = s.known - computed;
    if (limits_.long_prefill_token_threshold > 0)
      tokens = std::min(tokens, limits_.long_prefill_token_threshold);
    if (!limits_.chunked_prefill && tokens > budget) return Admission::blocked;
    tokens = std::min(tokens, budget);
  }
  if (!blocks_.allocate(slot, computed + tokens, found)) return Admission::blocked;
  if (fresh) count_hits(slot, in_hbm, from_tiers);
  s.computed = computed;
  if (outside > 0) {
    park(plan, slot, outside, ids);
    return Admission::parked;
  }
  if (info.swap_blocks > 0) {
    swap_->release(info.swap_blocks);
    info.swap_blocks = info.swap_tokens = 0;
  }
  if (const auto loading = loading_counts_.find(slot); loading != loading_counts_.end()) {
    counts_.add(loading->second);
    loading_counts_.erase(loading);
  }
  s.phase = RequestPhase::running;
  running_.push_back(slot);
  if (info.scheduled.ps() < 0) info.scheduled = now;
  info.waited += now - info.waiting_since;
  if (info.cached_tokens < 0) info.cached_tokens = computed;
  blocks_.keep(slot, std::min(computed + tokens, s.known));
  plan.parts.push_back({slot, computed, tokens, false});
  budget -= tokens;
  return Admission::admitted;
}

// Its blocks are there; it waits until their content is.
void Scheduler::park(StepPlan& plan, Slot slot, std::int64_t outside, StepIds& ids) {
  Sequence& s = sequences_[slot];
  const SequenceInfo& info = sequences_.info(slot);
  s.phase = RequestPhase::loading;
  if (info.swap_tokens == 0) {
    plan.loads.push_back(tiers_->load(slot, ids.take()));
    return;
  }
  CopyJob job;
  job.kind = CopyKind::swap_in;
  job.id = ids.take();
  const std::int64_t bs = blocks_.block_tokens();
  job.add(swap_->tier(), none, (outside + bs - 1) / bs);
  plan.loads.push_back(std::move(job));
  swapping_in_.emplace_back(plan.loads.back().id, slot);
}

// What was loaded can be found by others from now on. Of a whole prompt one token is computed
// again.
void Scheduler::promote(Slot slot) {
  Sequence& s = sequences_[slot];
  s.phase = RequestPhase::waiting;
  blocks_.keep(slot, s.computed);
  if (s.computed == s.known) --s.computed;
}

void Scheduler::count_hits(Slot slot, std::int64_t hbm_tokens, bool from_tiers) {
  const SequenceInfo& info = sequences_.info(slot);
  if (info.scheduled.ps() >= 0) {
    counts_.again_tokens += hbm_tokens;
    return;
  }
  const std::int64_t bs = blocks_.block_tokens();
  CacheCounts found;
  found.references = (sequences_[slot].prompt + bs - 1) / bs;
  found.hbm_blocks = hbm_tokens / bs;
  if (!from_tiers) return counts_.add(found);
  found.tier_blocks = tiers_->matched_blocks();
  loading_counts_[slot] = std::move(found);  // counts at admission: it may be given up
}

// After the step is formed: its tokens count as computed, those to come have a place.
void Scheduler::commit(StepPlan& plan) {
  for (StepPlan::Part& p : plan.parts) {
    Sequence& s = sequences_[p.slot];
    s.computed += p.tokens;
    ++s.in_flight;
    plan.tokens += p.tokens;
    p.samples = s.computed >= s.known + s.placeholders;
    const std::int32_t known = std::min(s.computed, s.known);
    if (known >= s.store_at) tiers_->store(p.slot, known);
    if (p.samples && limits_.placeholders) ++s.placeholders;
  }
}

}  // namespace terrace
