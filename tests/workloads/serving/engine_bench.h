// One replica's scheduler without a machine: requests in, steps formed and taken in by hand.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <set>
#include <vector>

#include "workloads/serving/scheduler.h"

namespace terrace {

class EngineBench {
 public:
  struct Options {
    std::int64_t blocks = 65;  // 64 usable
    std::int32_t block_tokens = 16;
    bool prefix_caching = true;
    Scheduler::Limits limits;
    std::vector<Rung> rungs;
    std::int64_t chunk_blocks = 1;
    std::int64_t swap_blocks = 0;
  };
  static Options sync() {
    Options o;
    o.limits.placeholders = false;
    return o;
  }
  static Options async() { return Options(); }

  explicit EngineBench(Options options)
      : sequences(options.block_tokens),
        blocks(sequences, options.blocks,
               {options.block_tokens, options.limits.max_model_len, options.prefix_caching}),
        tiers(options.rungs.empty() ? nullptr
                                    : std::make_unique<LowerTiers>(sequences, blocks, options.rungs,
                                                                   options.chunk_blocks)),
        swap(options.swap_blocks > 0 ? std::make_unique<SwapRoom>(1, options.swap_blocks)
                                     : nullptr),
        scheduler(sequences, blocks, options.limits, tiers.get(), swap.get()) {}

  // The nth request has id n; its content is its own unless said otherwise.
  Slot arrive(std::int64_t input, std::int64_t answer, PromptContent content = std::monostate()) {
    Request r;
    r.id = next_id++;
    r.arrival = now;
    r.input_tokens = input;
    r.output_tokens = answer;
    r.content = std::move(content);
    const Slot slot = sequences.add(std::move(r));
    scheduler.add(slot, now);
    return slot;
  }

  const StepPlan& schedule() {
    under_way.push_back(std::make_unique<StepPlan>());
    scheduler.schedule(*under_way.back(), now, ids);
    return *under_way.back();
  }
  // The oldest step ends: its tokens come out, who has finished leaves.
  const StepOutput& complete() {
    now += Time::ps(1'000'000'000);
    scheduler.update(*under_way.front(), output, now);
    under_way.pop_front();
    for (Slot slot : output.finished) {
      finished.push_back(sequences.info(slot).request.id);
      sequences.remove(slot);
    }
    return output;
  }
  struct Formed : StepPlan {
    std::vector<std::int64_t> ids;  // of the requests in it; their slots may be others' by now
  };
  Formed step() {  // both: without async scheduling
    Formed formed;
    static_cast<StepPlan&>(formed) = schedule();
    formed.ids = ids_of(static_cast<const StepPlan&>(formed));
    complete();
    return formed;
  }

  static std::vector<std::int64_t> ids_of(const Formed& formed) { return formed.ids; }
  std::vector<std::int64_t> ids_of(const StepPlan& plan) const {
    std::vector<std::int64_t> found;
    for (const auto& p : plan.parts) found.push_back(id(p.slot));
    return found;
  }
  static std::vector<std::int64_t> tokens_of(const StepPlan& plan) {
    std::vector<std::int64_t> found;
    for (const auto& p : plan.parts) found.push_back(p.tokens);
    return found;
  }
  std::int64_t id(Slot slot) const { return sequences.info(slot).request.id; }
  std::int64_t held(Slot slot) const {
    return static_cast<std::int64_t>(sequences.info(slot).blocks.size());
  }

  Sequences sequences;
  KvBlocks blocks;
  std::unique_ptr<LowerTiers> tiers;
  std::unique_ptr<SwapRoom> swap;
  Scheduler scheduler;
  std::deque<std::unique_ptr<StepPlan>> under_way;
  StepOutput output;
  std::vector<std::int64_t> finished;  // ids, in order
  std::int64_t next_id = 0;
  StepIds ids;
  Time now;
};

using Ids = std::vector<std::int64_t>;

// A prompt that shares its beginning with all others of the same text.
inline PromptContent text(std::uint64_t name, std::int64_t tokens) {
  return TextSpans{{{name, tokens}}};
}

}  // namespace terrace
