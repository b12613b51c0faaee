// Runs a scenario and fills in who it was.
#include "explore/run_one.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "sim/simulate.h"
#include "sim/version.h"

namespace terrace {

double peak_memory_bytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

Record run_one(const Scenario& scenario, const Machine& machine, Workload& workload,
               const RunOptions& options) {
  handle_stop();
  Record record;
  record.name = scenario.params().name;
  record.scenario = scenario.canonical();
  record.scenario_hash = scenario.hash();
  record.code_version = code_version();
  record.seed = static_cast<std::uint64_t>(scenario.params().seed);

  Progress bar(record.name, 100, "% of the work");
  SimulateOptions simulation;
  simulation.executor.fold = scenario.params().fold;
  simulation.executor.trace = options.trace;
  simulation.stop = &stop_requested();
  if (options.progress)
    simulation.progress = [&](double done, Time now) {
      bar.update(done * 100, human_duration(now.seconds()) + " simulated");
    };
  const auto start = std::chrono::steady_clock::now();
  try {
    simulate(machine, workload, simulation, record);
  } catch (const BuildError& error) {  // what only a draw of the run could show
    throw scenario.mistake(error);
  }
  record.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  record.peak_memory_bytes = peak_memory_bytes();
  return record;
}

}  // namespace terrace
