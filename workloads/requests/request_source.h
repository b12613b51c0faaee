// The family of those who ask: traces that are replayed and generators, open and closed loop.
#pragma once

#include <cstdint>
#include <optional>

#include "workloads/requests/request.h"

namespace terrace {

class Record;

class RequestSource {
 public:
  struct Context {
    std::uint64_t seed = 0;
  };
  static constexpr const char* family = "requests";
  static constexpr const char* meaning = "who asks, when, and for how many tokens";

  virtual ~RequestSource() = default;
  // The earliest request that has arrived by `now` and was not popped yet.
  virtual std::optional<Request> pop(Time now) = 0;
  // When the next one arrives; never(): none does before another is completed, or none at all.
  virtual Time next_arrival() const = 0;
  // Told at the last token of each popped request; a closed loop then asks again.
  virtual void completed(std::int64_t id, Time now) = 0;
  virtual bool exhausted() const = 0;               // no other request will ever arrive
  virtual std::int64_t expected_count() const = 0;  // how many will have been popped at the end
  virtual void report(Record& record) const = 0;    // what was left out, and why
  // The first request, of those that are known before anything runs, that is longer.
  virtual std::optional<Request> longer_than(std::int64_t) const { return std::nullopt; }
};

}  // namespace terrace
