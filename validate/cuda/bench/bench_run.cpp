// The walk over groups and cases.
#include "validate/cuda/bench/bench_run.h"

#include <fmt/format.h>

#include <ctime>

#include "sim/version.h"

namespace terrace::cuda {
namespace {

struct Listed {
  std::unique_ptr<BenchGroup> bench;
  std::vector<Case> cases;
};

std::vector<Listed> listed(const std::vector<std::string>& groups, bool quick) {
  std::vector<Listed> out;
  for (const std::string& group : groups) {
    Listed l;
    l.bench = Choice<BenchGroup>::of(group).make({});
    l.cases = cases_of(group, *l.bench, quick);
    out.push_back(std::move(l));
  }
  return out;
}

std::optional<double> in_unit(const Case& c, std::optional<double> seconds) {
  if (!seconds || !(*seconds > 0)) return std::nullopt;
  return c.value(*seconds);
}

bool answers() {  // after a fault nothing does until the process ends
  try {
    synchronize();
    return true;
  } catch (const GpuError&) {
    return false;
  }
}

}  // namespace

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string why_not(const Case& c, const DeviceInfo& device) {
  if (device.sm < c.oldest_sm)
    return fmt::format("needs compute capability {}.{}", c.oldest_sm / 10, c.oldest_sm % 10);
  if (c.memory > device.memory_free)
    return OutOfGpuMemory("it", c.memory, device.memory_free).what();
  return "";
}

BenchReport measure(const std::vector<std::string>& groups, bool quick, const DeviceInfo& device,
                    const BenchHooks& hooks) {
  BenchReport report;
  report.device = device;
  report.date = utc_now();
  report.version = code_version();
  report.quick = quick;
  std::vector<Listed> all = listed(groups, quick);
  std::size_t count = 0, done = 0;
  for (const Listed& l : all) count += l.cases.size();
  const Nvml nvml(device.pci_bus);
  Timer timer(device, quick, hooks.breathe);
  std::string over;  // what ended it
  for (std::size_t g = 0; g < all.size(); ++g) {
    GroupState state{groups[g], nvml.state(), {}};
    state.busiest = state.before;
    for (const Case& c : all[g].cases) {
      hooks.progress(done++, count, c.text());
      if (!over.empty()) {
        report.skipped.push_back({c.text(), over, true});
        continue;
      }
      if (const std::string why = why_not(c, device); !why.empty()) {
        report.skipped.push_back({c.text(), why});
        continue;
      }
      const auto skip = [&](const GpuError& e, bool failed) {
        const bool alive = answers();
        report.skipped.push_back({c.text(), e.what(), failed || !alive});
        if (!alive) over = "the GPU no longer answers since " + c.text();
      };
      try {
        report.points.push_back({c, summarise(c, all[g].bench->measure(c, timer))});
      } catch (const NotPossible& e) {
        skip(e, false);
      } catch (const OutOfGpuMemory& e) {
        skip(e, false);
      } catch (const GpuError& e) {
        skip(e, true);
      }
      if (const GpuState now = nvml.state(); now.power_w >= state.busiest.power_w)
        state.busiest = now;
    }
    report.states.push_back(state);
    all[g].bench.reset();  // and what it held
  }
  hooks.progress(count, count, "");
  return report;
}

BenchPrediction predict(const std::vector<std::string>& groups, bool quick, const Machine& machine,
                        const std::string& system) {
  BenchPrediction out{system, code_version(), quick, {}};
  const MachineParts parts(machine);
  for (const Listed& l : listed(groups, quick))
    for (const Case& c : l.cases)
      out.points.push_back(
          {c, in_unit(c, l.bench->predict(c, parts)), in_unit(c, l.bench->bound(c, parts))});
  return out;
}

}  // namespace terrace::cuda
