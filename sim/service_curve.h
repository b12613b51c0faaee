// What a burst-level device achieves by access pattern: the bridge from bursts to flows. Measured
// by driving the device, never typed in; interpolated between measured points.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/burst.h"
#include "sim/burst_drive.h"

namespace terrace {

struct CurvePoint {
  std::uint64_t run_length = 0;         // contiguous bytes; 0: one endless stream
  double read_share = 1;                // of the runs
  std::uint32_t outstanding = 0;        // requests in flight; 0: as many as the device takes
  std::uint64_t footprint = 0;          // bytes touched
  double rate = 0;                      // useful bytes per second
  double latency = 0, latency_p99 = 0;  // s, of reads
};

class ServiceCurve {
 public:
  static constexpr std::uint64_t shortest = 32, longest = 1u << 20;

  // Drives fresh devices made by `make`. `progress`: points done and in all.
  using Make = std::function<std::unique_ptr<BurstDevice>()>;
  using Progress = std::function<void(std::size_t, std::size_t)>;
  static ServiceCurve measure(const Make& make, const Progress& progress = {});
  // What is asked of a device, and one of these points measured.
  static std::vector<CurvePoint> questions(const BurstDevice& device);
  static CurvePoint measure(const Make& make, const CurvePoint& question);
  static std::string line_of(const CurvePoint& point);  // of its text

  // Text: a comment, a header, a line a point. read() throws std::runtime_error with the line.
  void write(std::ostream& out) const;
  static ServiceCurve read(std::istream& in, const std::string& name);

  // Useful bytes over bytes at peak for runs of that length (log-linear between measured ones;
  // beyond the longest, a fixed cost a run over the stream) with that share of reads (linear
  // between measured ones).
  double efficiency(double run_length, double read_share) const;
  double unloaded_latency() const;  // s, one request at a time

  double peak() const { return peak_; }  // bytes per second
  const std::vector<CurvePoint>& points() const { return points_; }
  bool operator==(const ServiceCurve& o) const;

 private:
  void index();

  double peak_ = 0;
  std::vector<CurvePoint> points_;
  // By share of reads (ascending), then by run length (ascending, the stream last).
  std::vector<double> shares_, runs_;
  std::vector<double> efficiency_;
};

}  // namespace terrace
