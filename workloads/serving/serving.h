// Online inference: requests arrive, an engine batches them over paged KV blocks, tokens come out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/workload.h"
#include "workloads/llm/step_builder.h"
#include "workloads/serving/copy_writer.h"
#include "workloads/serving/infinite_reference.h"
#include "workloads/serving/memory_plan.h"
#include "workloads/serving/metrics.h"
#include "workloads/serving/replica.h"
#include "workloads/serving/serving_params.h"
#include "workloads/serving/tier_budget.h"

namespace terrace {

class Serving final : public Workload {
 public:
  using Params = ServingParams;
  Serving(const Params& params, const Context& context);

  std::optional<Step> next(Time now) override;
  Time wake() const override;
  bool finished() const override;
  void completed(std::int64_t step_id, Time now) override;
  void report(Record& record, Time end) const override;
  double progress() const override;
  std::vector<Stat> facts() const override;
  std::vector<Sample> samples() override;
  // A step of `sequences` that each add `tokens` to a context: one token is decode, more are
  // prefill.
  Sample step_of(std::int64_t sequences, std::int64_t context, std::int64_t tokens);

  std::int64_t blocks() const { return blocks_; }  // of a replica, the null block included
  const std::vector<MemoryPlan>& memory() const { return memory_; }  // by pipeline stage

 private:
  double kv_share() const;
  void claim_lower();  // room below for what a KV policy keeps there
  void plan_stages();
  void claim_weights();
  std::vector<std::vector<Rung>> build_tiers();  // by replica
  void build_replicas();
  Replica::Setup setup_of(std::int64_t replica, std::vector<Rung> rungs, TierId swap) const;
  double chunk_bytes() const;
  void take_in(Time now);  // requests that have arrived
  void check_length(const Request& request) const;
  double outside_bytes(std::size_t place) const;  // of params.weights.outside, all ranks
  std::size_t route(Slot slot);
  void stand();
  Time next_change() const;
  void report_cache(Record& record) const;
  void report_engine(Record& record) const;
  void report_tiers(Record& record) const;

  Params params_;
  Machine& machine_;
  ModelShape shape_;
  Placement placement_;
  StepBuilder builder_;
  CopyWriter copies_;
  TierBudget budget_;
  std::vector<MemoryPlan> memory_;
  std::int64_t blocks_ = 0;
  std::unique_ptr<RequestSource> source_;
  std::unique_ptr<Router> router_;
  Sequences sequences_;
  struct TierTotals {
    std::string name;
    std::vector<Rung> rungs;
  };
  std::vector<TierTotals> tiers_;  // all caches of every tier
  std::vector<std::unique_ptr<Replica>> replicas_;
  Metrics metrics_;
  std::optional<InfiniteReference> reference_;
  std::vector<ReplicaLoad> loads_;  // scratch
  Time quiet_until_;                // nothing to hand over before, but for completions
};

}  // namespace terrace
