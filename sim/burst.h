// A device at burst level: requests go in one by one and answers come out, on an explicit clock, so
// that a test drives it without SystemC. sim/port.h makes it a SystemC module with TLM-2.0 sockets;
// sim/burst_drive.h measures it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/op_graph.h"
#include "sim/units.h"

namespace terrace {

struct BurstRequest {
  std::uint64_t id = 0;       // comes back in the answer
  std::uint64_t address = 0;  // bytes, below footprint_limit()
  std::uint32_t bytes = 0;
  Direction direction = Direction::read;
};

struct BurstAnswer {
  std::uint64_t id = 0;
  Time at;  // reads: last byte delivered; writes: accepted as done by the device
};

// What a device counted: work by name ("activate", "tlp", "page_program") and dynamic energy by
// what spent it.
struct BurstCount {
  std::string name, meaning;
  std::int64_t times = 0;
  Joules energy;
};

class BurstDevice;

// A device of identical parts that take turns every `interleave` bytes: one of them stands for all
// where a pattern loads them evenly.
struct BurstParts {
  std::uint64_t count = 1, interleave = 0;
  std::unique_ptr<BurstDevice> one;  // null: not divided
};

class BurstDevice {
 public:
  struct Context {
    std::string name;        // "gpu0.hbm"
    std::uint64_t seed = 0;  // of this device's own random stream
  };
  static constexpr const char* family = "burst";
  static constexpr const char* meaning = "a device at burst level";
  virtual ~BurstDevice() = default;

  // False: no room now; offer it again after an advance(). Time never runs backwards, and `now` is
  // not past next_event().
  virtual bool offer(const BurstRequest& request, Time now) = 0;
  virtual Time next_event() const = 0;  // never() when nothing is under way
  // Does everything due at `now`; appends answers with `at` <= now, in order of time.
  virtual void advance(Time now, std::vector<BurstAnswer>& answers) = 0;

  virtual std::uint64_t footprint_limit() const = 0;                 // bytes it can hold
  virtual std::uint32_t request_bytes() const { return granule(); }  // most that is asked at once
  virtual std::uint32_t granule() const = 0;                   // smallest bytes it moves at once
  virtual BytesPerSecond peak(Direction direction) const = 0;  // of its pins
  // Closed form: most useful bytes over bytes at peak for reads in runs of that length at random
  // places (0: one endless stream).
  virtual double bound(std::uint64_t) const { return 1; }
  virtual BurstParts parts() const { return {}; }
  virtual std::uint64_t settle_bytes() const {
    return 0;
  }  // that writes move before they are steady
  virtual std::vector<BurstCount> counts() const = 0;
  virtual Watts background() const { return Watts(0); }  // refresh, standby, controller
};

}  // namespace terrace
