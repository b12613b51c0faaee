// The serving workload at run time: requests in, steps out, tokens counted.
#include "workloads/serving/serving.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/registry.h"

namespace terrace {

void Serving::check_length(const Request& r) const {
  const std::int64_t longest = params_.engine.max_model_len;
  if (r.input_tokens + r.output_tokens <= longest) return;
  throw BuildError("engine.max_model_len",
                   fmt::format("request {} has {} prompt and {} output tokens, more than {}; raise "
                               "it, or limit the requests (max_total)",
                               r.id, r.input_tokens, r.output_tokens, longest));
}

std::size_t Serving::route(Slot slot) {
  if (replicas_.size() == 1) return 0;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    loads_[i] = {replicas_[i]->waiting(), replicas_[i]->running(), 0};
    if (router_->wants_cached()) loads_[i].cached_tokens = replicas_[i]->cached_tokens(slot);
  }
  return router_->choose(sequences_.info(slot).request, loads_);
}

// Nothing has changed since they arrived: only steps that end and requests that arrive change
// anything.
void Serving::take_in(Time now) {
  while (source_->next_arrival() <= now) {
    std::optional<Request> request;
    try {
      request = source_->pop(now);
    } catch (BuildError& error) {  // a draw that its limits forbid
      error.path = join_path("requests", error.path);
      throw;
    }
    if (!request) break;
    check_length(*request);
    metrics_.advance(request->arrival);
    metrics_.arrived(request->arrival);
    if (reference_) reference_->arrived(*request);
    const Slot slot = sequences_.add(std::move(*request));
    const std::size_t replica = route(slot);
    sequences_.info(slot).replica = static_cast<std::int32_t>(replica);
    replicas_[replica]->arrive(slot);
  }
  metrics_.advance(now);
}

void Serving::stand() {
  Metrics::State state;
  state.usable_blocks = 0;
  for (const auto& r : replicas_) {
    state.running += r->running();
    state.waiting += r->waiting();
    state.used_blocks += r->pool().usable() - r->pool().free();
    state.usable_blocks += r->pool().usable();
  }
  metrics_.stands(state);
}

// Asked at every event of the machine, most of which are none of ours.
std::optional<Step> Serving::next(Time now) {
  if (now < quiet_until_) return std::nullopt;
  take_in(now);
  std::optional<Step> step;
  for (const auto& r : replicas_)
    if ((step = r->next(now))) break;
  stand();
  quiet_until_ = step ? Time() : next_change();
  return step;
}

Time Serving::wake() const { return quiet_until_; }

Time Serving::next_change() const {
  Time first = Time::never();
  bool listens = false;
  for (const auto& r : replicas_) {
    first = std::min(first, r->wake());
    listens = listens || r->awaits_arrivals();
  }
  return listens ? std::min(first, source_->next_arrival()) : first;
}

void Serving::completed(std::int64_t step_id, Time now) {
  quiet_until_ = Time();
  take_in(now);
  Replica& replica = *replicas_[static_cast<std::size_t>(step_id) % replicas_.size()];
  if (replica.completed(step_id, now)) {
    const StepOutput& out = replica.output();
    metrics_.output(out, sequences_);
    for (Slot slot : out.finished) {
      metrics_.finished(sequences_[slot], sequences_.info(slot));
      source_->completed(sequences_.info(slot).request.id, now);
      sequences_.remove(slot);
    }
  }
  stand();
}

bool Serving::finished() const {
  return source_->exhausted() && sequences_.live() == 0 &&
         std::all_of(replicas_.begin(), replicas_.end(), [](const auto& r) { return r->idle(); });
}

double Serving::progress() const {
  const auto all = static_cast<double>(source_->expected_count());
  return all > 0 ? std::min(1.0, static_cast<double>(metrics_.requests_completed()) / all) : 1;
}

}  // namespace terrace
