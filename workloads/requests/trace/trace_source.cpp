// Keeps the wanted rows of a trace and sends them as time goes by.
#include "workloads/requests/trace/trace_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/record.h"

namespace terrace {
Request Trace::request(std::size_t n) const {
  const Row& row = rows_[n];
  Request request{row.number, row.arrival, row.input, row.output, row.session, {}};
  if (row.ids == 0) return request;
  const auto content = static_cast<std::ptrdiff_t>(row.content);
  if (block_tokens_ > 0) {
    const auto first = blocks_.begin() + content;
    request.content = BlockIds{block_tokens_, {first, first + row.ids}};
  } else {
    const auto first = tokens_.begin() + content;
    request.content =
        TokenIds{{first, first + row.input_ids}, {first + row.input_ids, first + row.ids}};
  }
  return request;
}

TraceBuilder::TraceBuilder(const TraceParams& params, TraceText& text, Clock clock,
                           std::string time, std::string length)
    : params_(params),
      text_(text),
      clock_(clock),
      time_(std::move(time)),
      length_(std::move(length)) {}

bool TraceBuilder::full() const { return params_.limit && seen_ >= params_.skip + *params_.limit; }

void TraceBuilder::leave() {
  ++seen_;
  trace_.tokens_.resize(tokens_before_);
  trace_.blocks_.resize(blocks_before_);
}

void TraceBuilder::add(const Row& row) {
  if (seen_ == 0 && !from_zero()) origin_ = row.at;
  if (seen_ > 0 && row.at < latest_ && !params_.unsorted)
    text_.fail(std::size_t{0}, time_,
               "earlier than the row before; say unsorted: true to have the rows sorted");
  latest_ = row.at;
  const TracePs since = row.at - origin_;
  if (since > max_trace_ps || since < -max_trace_ps) {
    text_.fail(std::size_t{0}, time_,
               "more than 53 days from the first; a run cannot last so long");
    return leave();
  }
  if (seen_ < params_.skip) return leave();
  if (!from_zero()) earliest_ = std::min(earliest_, since);
  if (const std::string broken = params_.broken(row.input, row.output); !broken.empty()) {
    if (params_.too_long == LongRow::error)
      text_.fail(std::size_t{0}, length_, broken + "; say too_long: drop to leave such rows out");
    ++trace_.dropped_;
    return leave();
  }
  Trace::Row kept;
  kept.arrival = Time::ps(static_cast<std::int64_t>(since));
  const bool by_blocks = trace_.block_tokens_ > 0;
  kept.content = by_blocks ? blocks_before_ : tokens_before_;
  const std::size_t now = by_blocks ? trace_.blocks_.size() : trace_.tokens_.size();
  kept.ids = static_cast<std::uint32_t>(now - kept.content);
  kept.input_ids = static_cast<std::uint32_t>(row.input_ids);
  kept.number = static_cast<std::uint32_t>(seen_++);
  kept.input = static_cast<std::int32_t>(row.input);
  kept.output = static_cast<std::int32_t>(row.output);
  kept.session = static_cast<std::int32_t>(row.session);
  trace_.rows_.push_back(kept);
  tokens_before_ = trace_.tokens_.size();
  blocks_before_ = trace_.blocks_.size();
}

Trace TraceBuilder::finish() {
  if (!text_.failed() && trace_.rows_.empty())
    text_.fail(std::size_t{0}, "",
               trace_.dropped_ > 0
                   ? fmt::format("all {} rows are too long", trace_.dropped_)
                   : fmt::format("no requests: {} rows, {} to be skipped", seen_, params_.skip));
  text_.raise();
  auto& rows = trace_.rows_;
  if (params_.unsorted)
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.arrival < b.arrival; });
  if (!from_zero())
    for (auto& row : rows) row.arrival -= Time::ps(static_cast<std::int64_t>(earliest_));
  if (params_.time_scale != 1) {
    if (rows.back().arrival.seconds() / params_.time_scale >
        static_cast<double>(max_trace_ps) * 1e-12)
      text_.fail(std::size_t{0}, time_, "time_scale spreads the trace over more than 53 days");
    text_.raise();
    for (auto& row : rows) row.arrival = Time::nearest(row.arrival.span() / params_.time_scale);
  }
  trace_.tokens_.shrink_to_fit();
  trace_.blocks_.shrink_to_fit();
  return std::move(trace_);
}

std::optional<Request> TraceSource::pop(Time now) {
  if (exhausted() || now < trace_.arrival(next_)) return std::nullopt;
  return trace_.request(next_++);
}

Time TraceSource::next_arrival() const {
  return exhausted() ? Time::never() : trace_.arrival(next_);
}

void TraceSource::report(Record& record) const {
  record.stat("requests.dropped", static_cast<double>(trace_.dropped()), "1",
              "rows of the trace left out because they are longer than a limit");
  if (trace_.dropped() > 0)
    record.remarks.push_back(
        fmt::format("{} rows of the trace are longer than a limit and were "
                    "left out; {} were sent",
                    trace_.dropped(), trace_.size()));
}

std::optional<Request> TraceSource::longer_than(std::int64_t tokens) const {
  for (std::size_t n = 0; n < trace_.size(); ++n)
    if (trace_.tokens(n) > tokens) return trace_.request(n);
  return std::nullopt;
}

}  // namespace terrace
