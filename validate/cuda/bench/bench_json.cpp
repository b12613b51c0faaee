// What is written of measurements and predictions.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "validate/cuda/bench/bench_run.h"

namespace terrace::cuda {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Case& c) {
  Json parameters = Json::object();
  for (const auto& [name, value] : c.parameters) parameters[name] = value;
  Json out{{"group", c.group}, {"case", c.name}, {"parameters", parameters}};
  if (c.l2 != CacheState::any) out["l2"] = name_of(c.l2);
  out["unit"] = c.unit;
  return out;
}

Json json_of(const GpuState& s) {
  return {{"sm_clock_hz", s.sm_clock_hz},
          {"memory_clock_hz", s.memory_clock_hz},
          {"power_w", s.power_w},
          {"power_limit_w", s.power_limit_w},
          {"temperature_c", s.temperature_c},
          {"slowed_by", s.slowed_by}};
}

Json json_of(const DeviceInfo& d) {
  const auto version = [](int v) { return fmt::format("{}.{}", v / 1000, v % 1000 / 10); };
  return {{"name", d.name},
          {"compute_capability", fmt::format("{}.{}", d.sm / 10, d.sm % 10)},
          {"multiprocessors", d.multiprocessors},
          {"memory_bytes", d.memory},
          {"memory_free_bytes", d.memory_free},
          {"l2_bytes", d.l2},
          {"memory_bus_bits", d.memory_bus_bits},
          {"highest_sm_clock_hz", d.sm_clock_hz},
          {"highest_memory_clock_hz", d.memory_clock_hz},
          {"copy_engines", d.copy_engines},
          {"pcie_generation", d.pcie_generation},
          {"pcie_width", d.pcie_width},
          {"driver", d.driver_version},
          {"driver_cuda", version(d.driver)},
          {"runtime_cuda", version(d.runtime)}};
}

// One point a line: a file that can be read, and whose changes can be seen.
std::string lines(const Json& head, const std::vector<Json>& points) {
  std::string out = head.dump(1);
  out.resize(out.size() - 2);  // "\n}"
  out += ",\n \"points\": [";
  for (std::size_t i = 0; i < points.size(); ++i)
    out += (i == 0 ? "\n  " : ",\n  ") + points[i].dump();
  return out + "\n ]\n}\n";
}

}  // namespace

std::string BenchReport::to_json() const {
  Json head{{"kind", "gpu measurement"}, {"date", date}, {"version", version}, {"quick", quick}};
  head["device"] = json_of(device);
  head["states"] = Json::array();
  for (const GroupState& s : states)
    head["states"].push_back(
        {{"group", s.group}, {"before", json_of(s.before)}, {"busiest", json_of(s.busiest)}});
  head["skipped"] = Json::array();
  for (const SkippedCase& s : skipped)
    head["skipped"].push_back({{"case", s.text}, {"why", s.why}, {"failed", s.failed}});
  std::vector<Json> all;
  for (const MeasuredCase& p : points) {
    Json point = json_of(p.c);
    point["value"] = p.summary.median;
    point["p10"] = p.summary.p10;
    point["p90"] = p.summary.p90;
    point["repeats"] = p.summary.repeats;
    all.push_back(std::move(point));
  }
  return lines(head, all);
}

std::vector<Measurement> BenchReport::measurements() const {
  const std::string source =
      fmt::format("gpu-bench, {}, driver {}, {}", device.name,
                  device.driver_version.empty() ? "unknown" : device.driver_version, date);
  std::vector<Measurement> out;
  for (const MeasuredCase& p : points) {
    out.push_back({source, p.c.text(), p.c.unit, p.summary.median});
    out.push_back({source, p.c.text() + " p10", p.c.unit, p.summary.p10});
    out.push_back({source, p.c.text() + " p90", p.c.unit, p.summary.p90});
  }
  return out;
}

std::string BenchPrediction::to_json() const {
  Json head{{"kind", "gpu prediction"}, {"system", system}, {"version", version}, {"quick", quick}};
  std::vector<Json> all;
  for (const PredictedCase& p : points) {
    Json point = json_of(p.c);
    point["value"] = p.value ? Json(*p.value) : Json();
    point["bound"] = p.bound ? Json(*p.bound) : Json();
    all.push_back(std::move(point));
  }
  return lines(head, all);
}

}  // namespace terrace::cuda
