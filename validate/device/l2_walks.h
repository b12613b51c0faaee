// The two micro-benchmarks behind every L2 staircase, on a burst-level device: a chase through a
// footprint in random order, and all processors reading it again and again.
#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "sim/burst_drive.h"
#include "sim/random.h"
#include "validate/device/machine_parts.h"

namespace terrace::validate {

// `file`: below configs/. What `keys` says, in YAML's flow style, comes before it.
inline std::unique_ptr<BurstDevice> l2_device(const std::string& file,
                                              const std::string& keys = "") {
  return chosen<BurstDevice>("{extends: " + file + (keys.empty() ? "" : ", " + keys) + "}")
      .make({"l2", 1});
}

// Mean latency in ns of one load at a time, each of the next node of a ring through all nodes of
// the footprint in random order (gpu-latency: 64 B a node); `passes` before one is measured.
inline double chase(BurstDevice& d, std::uint64_t footprint, int passes, std::uint32_t node = 64) {
  std::vector<std::uint32_t> ring(footprint / node);
  std::iota(ring.begin(), ring.end(), 0u);
  RandomStream random(7, "chase");
  for (std::size_t i = ring.size() - 1; i > 0; --i)
    std::swap(ring[i],
              ring[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
  std::vector<BurstAnswer> answers;
  Time now, begin;
  for (int pass = 0; pass <= passes; ++pass) {
    begin = now;
    for (const std::uint32_t n : ring) {
      d.offer({n, std::uint64_t{n} * node, 32, Direction::read}, now);
      for (answers.clear(); answers.empty();) d.advance(now = d.next_event(), answers);
    }
  }
  return (now - begin).seconds() * 1e9 / static_cast<double>(ring.size());
}

// GB/s of all processors reading the footprint from end to end, `passes` times before one or more
// are measured (gpu-l2-cache); a warp reads a line at once.
inline double stream(BurstDevice& d, std::uint64_t footprint, int passes, int measured = 1) {
  BurstPattern p;
  p.sequential = true;
  p.run_length = p.request_bytes = 128;
  p.footprint = footprint;
  const std::uint64_t lines = footprint / 128;
  return drive(d, p, lines * static_cast<std::uint64_t>(measured),
               lines * static_cast<std::uint64_t>(passes))
             .rate *
         1e-9;
}

}  // namespace terrace::validate
