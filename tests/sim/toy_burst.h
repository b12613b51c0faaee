// A burst-level device with a known answer: a queue in front of one server, then a fixed delay.
#pragma once

#include <deque>

#include "sim/burst.h"

namespace terrace::tests {

class ToyBurst final : public BurstDevice {
 public:
  // `service` per request of `bytes`, `latency` behind it, room for `depth` requests; a change of
  // direction costs `turn`.
  ToyBurst(Time service, Time latency, std::size_t depth, Time turn = Time())
      : service_(service), latency_(latency), turn_(turn), depth_(depth) {}

  bool offer(const BurstRequest& r, Time now) override {
    if (open_.size() >= depth_) return false;
    const Time begin = std::max(now, free_);
    free_ = begin + service_ + (r.direction == last_ ? Time() : turn_);
    last_ = r.direction;
    (r.direction == Direction::read ? read_bytes_ : written_bytes_) += r.bytes;
    open_.push_back({r.id, free_ + latency_});
    return true;
  }
  Time next_event() const override { return open_.empty() ? Time::never() : open_.front().at; }
  void advance(Time now, std::vector<BurstAnswer>& answers) override {
    for (; !open_.empty() && open_.front().at <= now; open_.pop_front())
      answers.push_back(open_.front());
  }
  std::uint64_t footprint_limit() const override { return std::uint64_t{1} << 30; }
  std::uint32_t granule() const override { return 64; }
  BytesPerSecond peak(Direction) const override { return BytesPerSecond(64 / service_.seconds()); }
  std::vector<BurstCount> counts() const override { return {}; }
  std::int64_t read_bytes() const { return read_bytes_; }
  std::int64_t written_bytes() const { return written_bytes_; }

 private:
  Time service_, latency_, turn_, free_;
  std::size_t depth_;
  Direction last_ = Direction::read;
  std::deque<BurstAnswer> open_;
  std::int64_t read_bytes_ = 0, written_bytes_ = 0;
};

}  // namespace terrace::tests
