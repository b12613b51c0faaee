// Counting as things happen.
#include "workloads/serving/metrics.h"

#include <algorithm>

namespace terrace {

void ServiceLevel::fields(Schema<ServiceLevel>& s) {
  s.field("ttft", &ServiceLevel::ttft,
          "time from arrival to the first token that is good enough; none: any")
      .above(Seconds(0));
  s.field("tpot", &ServiceLevel::tpot, "mean time per further token that is good enough; none: any")
      .above(Seconds(0));
}

void RecordParams::fields(Schema<RecordParams>& s) {
  s.field("requests", &RecordParams::requests, "a row for every request");
  s.field("series_interval", &RecordParams::series_interval,
          "simulated time between points of the series; 0s: none");
}

void Metrics::advance(Time now) {
  const Time interval = Time::nearest(record_.series_interval);
  if (interval.ps() > 0 && arrived_ > 0)
    for (; next_sample_ <= now; next_sample_ += interval) sample(next_sample_);
  const __int128 span = (now - now_).ps();
  waiting_ps_ += span * state_.waiting;
  running_ps_ += span * state_.running;
  used_block_ps_ += span * state_.used_blocks;
  usable_blocks_ = state_.usable_blocks;
  const double usage =
      static_cast<double>(state_.used_blocks) / static_cast<double>(state_.usable_blocks);
  peak_usage_ = std::max(peak_usage_, usage);
  now_ = now;
}

void Metrics::sample(Time at) {
  const double interval = record_.series_interval.value();
  series_.push_back(
      {at.seconds(), static_cast<double>(state_.running), static_cast<double>(state_.waiting),
       static_cast<double>(state_.used_blocks) / static_cast<double>(state_.usable_blocks),
       static_cast<double>(interval_input_) / interval,
       static_cast<double>(interval_output_) / interval});
  interval_input_ = interval_output_ = 0;
}

void Metrics::arrived(Time at) {
  if (arrived_++ == 0) {
    first_arrival_ = at;
    next_sample_ = at + Time::nearest(record_.series_interval);
  }
  ++state_.waiting;
}

void Metrics::output(const StepOutput& out, const Sequences& sequences) {
  if (out.tokens == 0) return;
  output_tokens_ += out.tokens;
  interval_output_ += out.tokens;
  for (Slot slot : out.first) {
    input_tokens_ += sequences[slot].prompt;
    interval_input_ += sequences[slot].prompt;
  }
  gaps_.add(out.steady_gap.seconds(), out.steady);
  for (Time gap : out.gaps) gaps_.add(gap.seconds());
  last_token_ = now_;
}

void Metrics::finished(const Sequence& s, const SequenceInfo& info) {
  Row row;
  row.id = info.request.id;
  row.cached = info.cached_tokens;
  row.arrival = info.request.arrival;
  row.queued = info.queued;
  row.scheduled = info.scheduled;
  row.first = info.first_token;
  row.last = s.last_token;
  row.waited = info.waited;
  row.input = s.prompt;
  row.output = s.known - s.prompt;
  row.preemptions = s.preemptions;
  row.replica = info.replica;
  rows_.push_back(row);
}

double Metrics::makespan() const {
  return rows_.empty() ? 0 : (last_token_ - first_arrival_).seconds();
}

}  // namespace terrace
