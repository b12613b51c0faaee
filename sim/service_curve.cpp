// Measuring, keeping and interpolating service curves.
#include "sim/service_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <istream>
#include <map>
#include <memory>
#include <ostream>
#include <sstream>
#include <stdexcept>

namespace terrace {
namespace {

constexpr double shares[] = {0, 0.25, 0.5, 0.75, 1};
constexpr std::uint32_t windows[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
constexpr std::uint64_t line = 64;  // bytes of a run when load, not pattern, is varied

}  // namespace

CurvePoint ServiceCurve::measure(const Make& make, const CurvePoint& asked) {
  CurvePoint p = asked;
  BurstMeasurement m;
  if (p.outstanding == 0 && p.footprint == 0) {  // reads and writes each on memory of their own
    std::vector<BurstSource> sources;
    if (p.read_share > 0) sources.push_back({p.run_length, Direction::read, p.read_share});
    if (p.read_share < 1) sources.push_back({p.run_length, Direction::write, 1 - p.read_share});
    m = saturate(make(), std::move(sources));
  } else {
    BurstPattern pattern;
    pattern.run_length = p.run_length;
    pattern.read_share = p.read_share;
    pattern.footprint = p.footprint;
    pattern.outstanding = p.outstanding;
    const std::uint64_t requests = std::uint64_t{2000} + 40u * p.outstanding;
    m = p.outstanding == 0 ? saturate(make(), pattern)
                           : drive(*make(), pattern, requests, requests / 5);
  }
  p.rate = m.rate;
  p.latency = m.latency_mean.seconds();
  p.latency_p99 = m.latency_p99.seconds();
  return p;
}

std::vector<CurvePoint> ServiceCurve::questions(const BurstDevice& device) {
  std::vector<CurvePoint> asked;
  const std::uint64_t granule = device.granule();
  const std::uint64_t wide =
      std::min<std::uint64_t>(device.footprint_limit(), std::uint64_t{1} << 30);
  for (double share : shares) {
    for (std::uint64_t run = std::max<std::uint64_t>(shortest, granule); run <= longest; run *= 2)
      asked.push_back({run, share, 0, 0, 0, 0, 0});
    asked.push_back({0, share, 0, 0, 0, 0, 0});
  }
  for (std::uint32_t window : windows)
    asked.push_back({std::max(line, granule), 1, window, wide, 0, 0, 0});
  for (std::uint64_t footprint = 1u << 20; footprint < wide; footprint *= 8)
    asked.push_back({std::max(line, granule), 1, 0, footprint, 0, 0, 0});
  return asked;
}

ServiceCurve ServiceCurve::measure(const Make& make, const Progress& progress) {
  ServiceCurve curve;
  const std::unique_ptr<BurstDevice> device = make();
  curve.peak_ = device->peak(Direction::read).value();
  const std::vector<CurvePoint> asked = questions(*device);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    curve.points_.push_back(measure(make, asked[i]));
    if (progress) progress(i + 1, asked.size());
  }
  // As it will be read back.
  std::stringstream text;
  curve.write(text);
  return read(text, "a fresh curve");
}

std::string ServiceCurve::line_of(const CurvePoint& p) {
  return fmt::format("{},{},{},{},{:.3f},{:.3f},{:.3f}", p.run_length, p.read_share, p.outstanding,
                     p.footprint, p.rate / 1e6, p.latency * 1e9, p.latency_p99 * 1e9);
}

void ServiceCurve::write(std::ostream& out) const {
  out << fmt::format("peak_B_per_s,{:.0f}\n", peak_)
      << "run_length_B,read_share,outstanding,footprint_B,rate_MB_per_s,latency_ns,latency_p99_"
         "ns\n";
  for (const CurvePoint& p : points_) out << line_of(p) << '\n';
}

ServiceCurve ServiceCurve::read(std::istream& in, const std::string& name) {
  ServiceCurve curve;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.empty() || text[0] == '#') continue;
    const auto fail = [&] {
      throw std::runtime_error(fmt::format("{}:{}: no line of a service curve", name, number));
    };
    double v[7];
    if (std::sscanf(text.c_str(), "peak_B_per_s,%lf", &curve.peak_) == 1) continue;
    if (text.rfind("run_length_B", 0) == 0) continue;
    if (std::sscanf(text.c_str(), "%lf,%lf,%lf,%lf,%lf,%lf,%lf", v, v + 1, v + 2, v + 3, v + 4,
                    v + 5, v + 6) != 7)
      fail();
    for (double each : v)
      if (!(each >= 0) || each > 1e18) fail();
    curve.points_.push_back({static_cast<std::uint64_t>(v[0]), v[1],
                             static_cast<std::uint32_t>(v[2]), static_cast<std::uint64_t>(v[3]),
                             v[4] * 1e6, v[5] * 1e-9, v[6] * 1e-9});
  }
  if (!(curve.peak_ > 0)) throw std::runtime_error(name + ": a service curve without its peak");
  curve.index();
  if (curve.efficiency_.empty()) throw std::runtime_error(name + ": a service curve without rates");
  return curve;
}

void ServiceCurve::index() {
  std::map<double, std::map<double, double>> grid;
  for (const CurvePoint& p : points_) {
    const double run = p.run_length == 0 ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(p.run_length);
    if (p.outstanding == 0 && p.footprint == 0) grid[p.read_share][run] = p.rate / peak_;
  }
  for (const auto& [share, by_run] : grid) {
    shares_.push_back(share);
    if (runs_.empty())
      for (const auto& [run, rate] : by_run) runs_.push_back(run);
    if (by_run.size() != runs_.size())
      throw std::runtime_error("a service curve with holes in its grid");
    for (const auto& [run, rate] : by_run) efficiency_.push_back(rate);
  }
}

double ServiceCurve::efficiency(double run_length, double read_share) const {
  const auto upper = [](const std::vector<double>& axis, double v) {
    return static_cast<std::size_t>(std::upper_bound(axis.begin(), axis.end(), v) - axis.begin());
  };
  const auto along_run = [&](std::size_t share) {
    const double* row = efficiency_.data() + share * runs_.size();
    // Less than the shortest run moves as much as that and uses less of it.
    if (run_length <= runs_.front()) return row[0] * run_length / runs_.front();
    const std::size_t i = upper(runs_, run_length);
    if (i >= runs_.size()) return row[runs_.size() - 1];
    // Beyond the longest, what a run costs more than a stream is the same.
    if (std::isinf(runs_[i]))
      return 1 / (1 / row[i] + (1 / row[i - 1] - 1 / row[i]) * runs_[i - 1] / run_length);
    const double t = std::log2(run_length / runs_[i - 1]) / std::log2(runs_[i] / runs_[i - 1]);
    return row[i - 1] + t * (row[i] - row[i - 1]);
  };
  const std::size_t s = upper(shares_, read_share);
  if (s == 0) return along_run(0);
  if (s >= shares_.size()) return along_run(shares_.size() - 1);
  const double t = (read_share - shares_[s - 1]) / (shares_[s] - shares_[s - 1]);
  return (1 - t) * along_run(s - 1) + t * along_run(s);
}

double ServiceCurve::unloaded_latency() const {
  for (const CurvePoint& p : points_)
    if (p.outstanding == 1) return p.latency;
  return 0;
}

bool ServiceCurve::operator==(const ServiceCurve& o) const {
  std::ostringstream a, b;
  write(a);
  o.write(b);
  return a.str() == b.str();
}

}  // namespace terrace
