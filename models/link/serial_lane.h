// The parts of a serial link at burst level: a lane that packets queue for, credits that come back
// over the other lane, and a delay line. Times are ticks of 1/16 ps: a 16-byte flit at 450 GB/s is
// 35.6 ps, and 2^63 ticks are 6 days.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/units.h"

namespace terrace {

using Tick = std::int64_t;
inline constexpr Tick ticks_per_ps = 16;
inline constexpr Tick no_tick = std::numeric_limits<Tick>::max();

inline Tick to_ticks(Seconds s) { return std::llround(s.value() * 1e12 * ticks_per_ps); }
inline Tick to_ticks(Time t) { return t == Time::never() ? no_tick : t.ps() * ticks_per_ps; }
// The first picosecond that is not before it.
inline Time to_time(Tick t) {
  return t == no_tick ? Time::never() : Time::ps((t + ticks_per_ps - 1) / ticks_per_ps);
}

// First in, first out, in one flat array that doubles when full.
template <class T>
class Ring {
 public:
  Ring() : slots_(64) {}
  bool empty() const { return head_ == tail_; }
  std::size_t size() const { return tail_ - head_; }
  T& front() { return slots_[head_ & (slots_.size() - 1)]; }
  const T& front() const { return slots_[head_ & (slots_.size() - 1)]; }
  T& operator[](std::size_t i) { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  T& back() { return slots_[(tail_ - 1) & (slots_.size() - 1)]; }
  void pop() { ++head_; }
  void push(const T& value) {
    if (size() == slots_.size()) grow();
    slots_[tail_++ & (slots_.size() - 1)] = value;
  }

 private:
  void grow() {
    std::vector<T> wider(slots_.size() * 2);
    const std::size_t n = size();
    for (std::size_t i = 0; i < n; ++i) wider[i] = (*this)[i];
    slots_.swap(wider);
    head_ = 0;
    tail_ = n;
  }
  std::vector<T> slots_;
  std::size_t head_ = 0, tail_ = 0;
};

// What a lane is made of. Without flits a unit is a byte and a packet takes what it has; with
// flits, packets fill flits of so many units one behind another, and a flit that leaves with room
// leaves with it.
struct LaneSpec {
  double rate = 0;  // bytes per second on the wire
  std::uint32_t flit_units = 0, flit_bytes = 0;
};

class SerialLane {
 public:
  explicit SerialLane(const LaneSpec& spec)
      : flit_units_(spec.flit_units),
        flit_bytes_(spec.flit_bytes),
        byte_(std::llround(1e12 * ticks_per_ps * scale / spec.rate)),
        flit_(std::llround(spec.flit_bytes * 1e12 * ticks_per_ps / spec.rate)) {}

  struct Sent {
    Tick start, end;  // first bit leaves, last bit has left
  };
  // The packet stands at the end of the transmit queue from `now` on.
  Sent send(Tick now, std::uint32_t units) {
    if (flit_units_ == 0) {
      const Tick start = std::max(now, free_);
      free_ = start + cost(units);
      wire_bytes_ += units;
      return {start, free_};
    }
    if (now > free_ || used_ == flit_units_) {  // free_: when the flit being filled leaves
      free_ = std::max(free_ + flit_, now);
      used_ = 0;
      wire_bytes_ += flit_bytes_;
    }
    const Tick start = free_;
    used_ += units;
    while (used_ > flit_units_) {
      used_ -= flit_units_;
      free_ += flit_;
      wire_bytes_ += flit_bytes_;
    }
    return {start, free_ + flit_};
  }
  // A few bytes that pass before what is queued: what is queued ends later.
  void overtake(Tick now, std::uint32_t bytes) {
    free_ = std::max(now, free_) + cost(bytes);
    wire_bytes_ += bytes;
  }
  Tick cost(std::uint32_t bytes) const { return (bytes * byte_ + scale / 2) / scale; }
  Tick flit_time() const { return flit_; }
  std::int64_t wire_bytes() const { return wire_bytes_; }

  // What of its state can matter after `now`, as numbers that do not depend on `now`.
  void note(Tick now, std::vector<std::int64_t>& out) const {
    const bool past = free_ < now;
    out.push_back(past && (flit_units_ == 0 || now - free_ >= flit_) ? -flit_ - 1 : free_ - now);
    out.push_back(past ? 0 : used_);
  }
  void shift(Tick by, std::int64_t wire_bytes) {
    free_ += by;
    wire_bytes_ += wire_bytes;
  }

 private:
  static constexpr std::int64_t scale = 1 << 16;
  std::uint32_t flit_units_, flit_bytes_, used_ = 0;
  std::int64_t byte_;
  Tick flit_, free_ = -(Tick{1} << 60);
  std::int64_t wire_bytes_ = 0;
};

// What the receiver has room for: so many packets and so many bytes of data.
class Credits {
 public:
  struct Returned {
    Tick at;
    std::int64_t packets, bytes;
  };
  Credits(std::int64_t packets, std::int64_t bytes) : packets_(packets), bytes_(bytes) {}
  bool take(Tick now, std::int64_t bytes) {
    release(now);
    if (packets_ < 1 || bytes_ < bytes) return false;
    --packets_;
    bytes_ -= bytes;
    return true;
  }
  // Known to the sender at that time; times never go backwards.
  void give_back(const Returned& returned) { coming_.push(returned); }
  Tick next() const { return coming_.empty() ? no_tick : coming_.front().at; }
  void release(Tick now) {
    for (; !coming_.empty() && coming_.front().at <= now; coming_.pop()) {
      packets_ += coming_.front().packets;
      bytes_ += coming_.front().bytes;
    }
  }
  void note(Tick now, std::vector<std::int64_t>& out) {
    release(now);
    out.insert(out.end(), {packets_, bytes_});
    for (std::size_t i = 0; i < coming_.size(); ++i)
      out.insert(out.end(), {coming_[i].at - now, coming_[i].packets, coming_[i].bytes});
  }
  void shift(Tick by) {
    for (std::size_t i = 0; i < coming_.size(); ++i) coming_[i].at += by;
  }

 private:
  std::int64_t packets_, bytes_;
  Ring<Returned> coming_;
};

}  // namespace terrace
