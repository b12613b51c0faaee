// FlexGen: throughput-oriented inference on one GPU with weights, KV cache and activations spread
// over GPU, host and disk (Sheng et al., ICML 2023; schedule as in flex_opt.py). A block of batches
// goes through the model layer by layer; in each slot (layer, batch) the next weights and cache
// arrive while the present ones compute; then a barrier. State: which token of the block is next.
#include <cmath>

#include "sim/workload.h"
#include "workloads/offload/flexgen_plan.h"
#include "workloads/offload/flexgen_slots.h"

namespace terrace {
namespace {

class Flexgen final : public Workload {
 public:
  using Params = FlexgenParams;
  Flexgen(const Params& params, const Context& context)
      : params_(params), plan_(params, context.machine), slots_(params_, plan_) {
    for (std::size_t i = 0; i < home_count; ++i)
      if (plan_.tier[i] != none) tier_names_[i] = context.machine.tier(plan_.tier[i]).name;
  }

  std::optional<Step> next(Time) override {
    if (running_ || token_ == params_.output_tokens) return std::nullopt;
    running_ = true;
    return slots_.build(token_);
  }
  Time wake() const override { return Time::never(); }
  bool finished() const override { return !running_ && token_ == params_.output_tokens; }
  void completed(std::int64_t, Time now) override {
    running_ = false;
    ++token_;
    ended_.push_back(now);
  }
  double progress() const override {
    return static_cast<double>(token_) / static_cast<double>(params_.output_tokens);
  }

  void report(Record& record, Time end) const override {
    const double sequences = static_cast<double>(params_.gpu_batch * params_.batches);
    const double tokens = sequences * static_cast<double>(params_.output_tokens);
    const double prefill = ended_.front().seconds(), decode = (end - ended_.front()).seconds();
    const double later = static_cast<double>(params_.output_tokens - 1);
    record.stat("gpus", 1, "1", "GPUs used");
    record.stat("requests.count", sequences, "1", "sequences of the block");
    record.stat("requests.completed", sequences, "1", "sequences finished");
    record.stat("requests.per_second", sequences / end.seconds(), "1/s", "sequences per second");
    record.stat("tokens.input", sequences * static_cast<double>(params_.prompt_tokens), "tokens",
                "prompt tokens");
    record.stat("tokens.output", tokens, "tokens", "generated tokens");
    record.stat("tokens.output_per_second", tokens / end.seconds(), "tokens/s",
                "generated tokens over the whole run, prefill included");
    record.stat("tokens.output_per_second_per_gpu", tokens / end.seconds(), "tokens/s",
                "the same, by GPU");
    record.stat("flexgen.prefill_seconds", prefill, "s", "until the first token of every sequence");
    record.stat("flexgen.decode_tokens_per_second", later > 0 ? sequences * later / decode : 0,
                "tokens/s", "generated tokens after the first, over the time they took");
    record.stat("ttft.mean", prefill, "s", "time to first token");
    record.stat("tpot.mean", later > 0 ? decode / later : 0, "s",
                "time per output token after the first");
    record.stat("latency.mean", end.seconds(), "s", "from start to last token");
    if (const Stat* energy = record.find("energy.total"))
      record.stat("energy.per_output_token", energy->value / tokens, "J",
                  "energy.total by generated token");
    if (const Stat* cost = record.find("cost.per_hour"))
      record.stat("cost.per_million_output_tokens",
                  cost->value / 3600 * end.seconds() / tokens * 1e6, "USD",
                  "cost.per_hour over the run, by million generated tokens");
    for (TierTraffic& row : record.tiers)
      for (std::size_t i = 0; i < home_count; ++i)
        if (plan_.tier[i] != none && row.tier == tier_names_[i]) row.peak_bytes = plan_.bytes[i];
    Series tokens_over_time{"tokens.output", "tokens", {}};
    for (std::size_t i = 0; i < ended_.size(); ++i)
      tokens_over_time.points.push_back(
          {ended_[i].seconds(), sequences * static_cast<double>(i + 1)});
    record.series.push_back(std::move(tokens_over_time));
  }

  std::vector<Stat> facts() const override {
    std::vector<Stat> all;
    const std::array<const char*, home_count> names = {"gpu", "host", "disk"};
    for (std::size_t i = 0; i < home_count; ++i)
      all.push_back({std::string("placed.") + names[i], "B", "bytes held at the fullest moment",
                     plan_.bytes[i]});
    all.push_back({"block.sequences", "1", "sequences of a block",
                   static_cast<double>(params_.gpu_batch * params_.batches)});
    return all;
  }
  std::vector<Sample> samples() override {
    return {{"prefill of the block", slots_.build(0)},
            {"one decode token of the block", slots_.build(1)}};
  }

 private:
  Params params_;
  FlexgenPlan plan_;
  FlexgenSlots slots_;
  std::array<std::string, home_count> tier_names_;
  std::int64_t token_ = 0;
  bool running_ = false;
  std::vector<Time> ended_;
};

TERRACE_REGISTER(Workload, Flexgen, "flexgen",
                 "throughput-oriented offloading on one GPU as FlexGen does it");

}  // namespace
}  // namespace terrace
