// A drive at burst level under load, and the closed form of its write amplification.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/flash/ssd.h"
#include "sim/burst_drive.h"
#include "validate/device/machine_parts.h"

namespace terrace::validate {

inline std::unique_ptr<BurstDevice> ssd(const std::string& yaml,
                                        const std::vector<std::string>& set = {}) {
  return chosen<BurstDevice>(yaml, set).make({"ssd", 1});
}

inline BurstPattern pattern(std::uint32_t bytes, bool sequential, std::uint32_t depth,
                            double read_share = 1, std::uint64_t footprint = 0) {
  BurstPattern p;
  p.run_length = p.request_bytes = bytes;
  p.sequential = sequential;
  p.outstanding = depth;
  p.read_share = read_share;
  p.footprint = footprint ? footprint : 32u << 20;
  return p;
}

inline double per_second(const BurstMeasurement& m) {
  return static_cast<double>(m.requests) / m.span.seconds();
}

inline BurstMeasurement drive_of(BurstDevice& device, const BurstPattern& p,
                                 std::uint64_t requests = 4000) {
  return drive(device, p, requests, requests / 4);
}
inline double drive_rate(BurstDevice& device, const BurstPattern& p,
                         std::uint64_t requests = 4000) {
  return drive_of(device, p, requests).rate;
}

// Write amplification of greedy cleaning under uniform random writes, a = physical / logical:
// Np / (Np - X + 1), X = 1/2 - Np / a W(-b exp(-b)), b = a (1 + 1 / (2 Np)), Np pages of a block.
// Desnoyers, Analytic Models of SSD Write Performance, ACM Trans. Storage 10(2), 2014. For large
// Np it is a / (a + W(-a exp(-a))), Xiang and Kurkoski, arXiv 1110.4245.
double greedy_cleaning(double a, double pages);

}  // namespace terrace::validate
