// Curves and bursts behind one question.
#include "sim/memory_service.h"

#include <algorithm>
#include <cmath>

namespace terrace {
namespace {

constexpr double grades = 32;

}  // namespace

Mix mix_of(const AccessPart* parts, std::size_t count) {
  double bytes[2] = {}, runs[2] = {};
  for (std::size_t i = 0; i < count; ++i) {
    const bool write = parts[i].direction == Direction::write;
    bytes[write] += parts[i].bytes;
    runs[write] += parts[i].bytes / parts[i].run_length;
  }
  Mix mix;
  if (!(bytes[0] + bytes[1] > 0)) return mix;
  mix.write_share = static_cast<float>(bytes[1] / (bytes[0] + bytes[1]));
  if (runs[0] > 0) mix.read_run = static_cast<float>(bytes[0] / runs[0]);
  if (runs[1] > 0) mix.write_run = static_cast<float>(bytes[1] / runs[1]);
  return mix;
}

// Each part by its own run and direction, and what reads and writes cost each other, which is that
// of the direction with the longer runs: measured with both alike.
double CurveService::efficiency(const AccessPart* parts, std::size_t count) const {
  const auto cost = [&](double run, double share) { return 1 / curve_->efficiency(run, share); };
  double bytes = 0, time = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += parts[i].bytes;
    time +=
        parts[i].bytes * cost(parts[i].run_length, parts[i].direction == Direction::read ? 1 : 0);
  }
  if (!(bytes > 0)) return 1;
  const Mix mix = mix_of(parts, count);
  const double share = 1 - static_cast<double>(mix.write_share);
  if (share <= 0 || share >= 1) return bytes / time;
  const double run = std::max(mix.read_run, mix.write_run);
  const double turns = cost(run, share) - share * cost(run, 1) - (1 - share) * cost(run, 0);
  return bytes / (time + bytes * turns);
}

BurstService::BurstService(Choice<BurstDevice> device, std::string name)
    : MemoryService(device.make({name, 1})->peak(Direction::read)),
      device_(std::move(device)),
      name_(std::move(name)) {}

double BurstService::efficiency(const AccessPart* parts, std::size_t count) const {
  double all = 0;
  for (std::size_t i = 0; i < count; ++i) all += parts[i].bytes;
  if (!(all > 0)) return 1;
  // Parts alike are one; the smallest share counts as one grade.
  std::map<std::pair<double, bool>, double> shares;
  for (std::size_t i = 0; i < count; ++i)
    shares[{parts[i].run_length, parts[i].direction == Direction::write}] += parts[i].bytes / all;
  std::vector<double> key;
  for (const auto& [pattern, share] : shares) {
    key.push_back(pattern.first);
    key.push_back(pattern.second ? 1 : 0);
    key.push_back(shares.size() == 1 ? grades : std::max(1.0, std::round(share * grades)));
  }
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  std::vector<BurstSource> sources;
  std::unique_ptr<BurstDevice> device = device_.make({name_, 1});
  double moved = 0, useful = 0;  // a run shorter than the device's granule moves a whole one
  const double granule = device->granule();
  for (std::size_t i = 0; i < key.size(); i += 3) {
    BurstSource s;
    const double run =
        std::isinf(key[i]) ? 0 : std::ceil(std::max(key[i], 1.0) / granule) * granule;
    s.run_length = static_cast<std::uint64_t>(run);
    s.direction = key[i + 1] > 0 ? Direction::write : Direction::read;
    const double stretch = run > 0 ? run / std::max(key[i], 1.0) : 1;
    s.bytes = key[i + 2] * stretch;
    moved += s.bytes;
    useful += key[i + 2];
    sources.push_back(s);
  }
  const BurstMeasurement m = saturate(std::move(device), std::move(sources));
  return known_[key] = m.rate / peak().value() * useful / moved;
}

std::shared_ptr<const MemoryService> memory_service(const Choice<BurstDevice>& device,
                                                    const std::string& name, bool burst) {
  if (burst) return std::make_shared<BurstService>(device, name);
  return std::make_shared<CurveService>(CurveStore::instance().curve(device, name));
}

}  // namespace terrace
