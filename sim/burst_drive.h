// Drives a burst-level device with an access pattern and measures what it achieves: the ground of
// every service curve.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/burst.h"

namespace terrace {

// Requests of `request_bytes` (0: the device's granule), `run_length` contiguous bytes at a time,
// runs one after another or at random places of the footprint.
struct BurstPattern {
  std::uint64_t run_length = 32;
  bool sequential = false;      // the next run begins where the last one ended
  double read_share = 1;        // of the runs; 2:1 read:write is 2/3
  bool mix_by_request = false;  // the direction is drawn for each request instead of each run
  std::uint64_t footprint = 1u << 30;  // bytes from address 0
  std::uint32_t request_bytes = 0;
  std::uint32_t outstanding = 0;  // requests in flight, a closed loop; 0: as many as it accepts
  Time interval;                  // between arrivals, an open loop; zero: none
  std::uint64_t seed = 1;
};

struct BurstMeasurement {
  std::uint64_t requests = 0, bytes = 0;
  Time span;                 // from the first offer after warm-up to the last answer
  double rate = 0;           // bytes per second
  double share_of_peak = 0;  // of peak(read)
  Time latency_mean, latency_p50, latency_p99;  // of reads, from being accepted to the answer
  Time latency_min;
};

// One of several streams that share a device.
struct BurstSource {
  std::uint64_t run_length = 0;  // bytes; 0: one endless stream
  Direction direction = Direction::read;
  double bytes = 0;  // in all: its share of the requests
};

// The sources side by side, each on its own part of the memory and run by run in proportion to
// their bytes, as many requests in flight as the device takes.
BurstMeasurement drive_together(BurstDevice& device, const std::vector<BurstSource>& sources,
                                std::uint64_t requests, std::uint64_t warm_up);

// The steady rate of a saturated device, and the latencies then: of one of its identical parts, if
// it has such, with what the pattern leaves to it.
BurstMeasurement saturate(std::unique_ptr<BurstDevice> device, BurstPattern pattern);
BurstMeasurement saturate(std::unique_ptr<BurstDevice> device, std::vector<BurstSource> sources);

// Sends `requests`; the first `warm_up` of them are not measured.
BurstMeasurement drive(BurstDevice& device, const BurstPattern& pattern, std::uint64_t requests,
                       std::uint64_t warm_up = 0);

}  // namespace terrace
