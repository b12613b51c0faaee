// What all traces have in common: which rows are sent, when, and how they are kept in memory.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "sim/schema.h"
#include "workloads/requests/length_limits.h"
#include "workloads/requests/request_source.h"
#include "workloads/requests/trace/numbers.h"
#include "workloads/requests/trace/trace_text.h"

namespace terrace {

enum class LongRow : std::uint8_t { error, drop };
template <>
struct EnumNames<LongRow> {
  static constexpr std::pair<const char*, LongRow> values[] = {{"error", LongRow::error},
                                                               {"drop", LongRow::drop}};
};

struct TraceParams : LengthLimits {
  FilePath file;
  std::int64_t skip = 0;
  std::optional<std::int64_t> limit;
  double time_scale = 1;
  LongRow too_long = LongRow::error;
  bool unsorted = false;
  std::vector<std::string> ignore;

  template <class P>
  static void fields(Schema<P>& s) {
    s.field("file", &P::file, "the trace").required().not_empty();
    s.field("skip", &P::skip, "rows left out at the beginning; the next one arrives at 0")
        .at_least(0);
    s.field("limit", &P::limit, "rows read at most, after those skipped; none: all").at_least(1);
    s.field("time_scale", &P::time_scale, "multiplies the arrival rate: 2 halves every gap")
        .above(0);
    LengthLimits::fields(s);
    s.field("too_long", &P::too_long,
            "a row above a limit is a mistake, or is dropped and counted; none is ever cut");
    s.field("unsorted", &P::unsorted, "rows may be out of order and are sorted by time");
    s.field("ignore", &P::ignore, "columns or keys that the trace has and nobody needs");
  }
};

inline constexpr std::int64_t max_trace_tokens = 1'000'000'000;  // of one row
inline constexpr std::int64_t max_trace_session = 2'147'483'647;
inline constexpr TracePs max_trace_ps = std::numeric_limits<std::int64_t>::max() / 2;  // 53 days

// The requests to be sent, compact: 40 bytes each, and the ids of all in one pool.
class Trace {
 public:
  std::size_t size() const { return rows_.size(); }
  std::int64_t dropped() const { return dropped_; }
  Time arrival(std::size_t n) const { return rows_[n].arrival; }
  Request request(std::size_t n) const;
  std::int64_t tokens(std::size_t n) const {
    return std::int64_t{rows_[n].input} + rows_[n].output;
  }

 private:
  friend class TraceBuilder;
  struct Row {
    Time arrival;
    std::uint64_t content = 0;  // where its ids begin in their pool
    std::uint32_t ids = 0, input_ids = 0;
    std::uint32_t number = 0;
    std::int32_t input = 0, output = 0, session = no_session;
  };
  std::vector<Row> rows_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::uint64_t> blocks_;
  std::int32_t block_tokens_ = 0;  // 0: the ids are tokens
  std::int64_t dropped_ = 0;
};

// Takes the rows of a trace as they are read, and keeps those that the parameters want.
class TraceBuilder {
 public:
  enum class Clock : std::uint8_t { starts_at_zero, starts_at_first_row };
  struct Row {
    TracePs at = 0;  // on the trace's clock
    std::int64_t input = 0, output = 0, session = no_session;
    std::size_t input_ids = 0;  // of the ids added to a pool, how many are of the input
  };
  // `time` and `length` are the fields to name when a row is out of order or too long.
  TraceBuilder(const TraceParams& params, TraceText& text, Clock clock, std::string time,
               std::string length);

  std::vector<std::int32_t>& tokens() { return trace_.tokens_; }  // append a row's ids, then add it
  std::vector<std::uint64_t>& blocks() { return trace_.blocks_; }
  void block_tokens(std::int32_t n) { trace_.block_tokens_ = n; }

  bool full() const;         // no further row is wanted
  void add(const Row& row);  // the row on the text's present line
  void leave();              // ... is wrong: forget its ids
  Trace finish();            // sorted; throws ConfigError if anything was wrong

 private:
  bool from_zero() const { return clock_ == Clock::starts_at_zero && params_.skip == 0; }

  const TraceParams& params_;
  TraceText& text_;
  Clock clock_;
  std::string time_, length_;
  Trace trace_;
  std::int64_t seen_ = 0;
  TracePs origin_ = 0, latest_ = 0, earliest_ = max_trace_ps;  // earliest: since the origin
  std::size_t tokens_before_ = 0, blocks_before_ = 0;          // the pools as of the last kept row
};

// Replays a trace, whatever becomes of the requests.
class TraceSource : public RequestSource {
 public:
  explicit TraceSource(Trace trace) : trace_(std::move(trace)) {}
  std::optional<Request> pop(Time now) final;
  Time next_arrival() const final;
  void completed(std::int64_t, Time) final {}
  bool exhausted() const final { return next_ == trace_.size(); }
  std::int64_t expected_count() const final { return static_cast<std::int64_t>(trace_.size()); }
  void report(Record& record) const final;
  std::optional<Request> longer_than(std::int64_t tokens) const final;

 private:
  Trace trace_;
  std::size_t next_ = 0;
};

}  // namespace terrace
