// What a scenario's machine makes of the policies: a run for each, in processes of their own.
#include <nlohmann/json.hpp>

#include "explore/front_door.h"
#include "explore/point_text.h"
#include "explore/processes.h"
#include "explore/progress.h"
#include "explore/quality_jobs.h"
#include "results/database.h"
#include "sim/scenario.h"
#include "sim/simulate.h"
#include "sim/version.h"

namespace terrace {
namespace {

std::vector<std::string> choices(const QualityJob& job, const QualityArguments& args) {
  std::vector<std::string> sets = {"workload.kv.policy=" + write(job.policy).dump()};
  const std::string& trace = !args.profile.empty() ? args.profile
                             : !args.trace.empty() ? args.trace
                                                   : args.calibration;
  if (!trace.empty()) sets.push_back("workload.kv.trace=" + trace);
  if (!trace.empty() && !args.calibration.empty())
    sets.push_back("workload.kv.calibration=" + args.calibration);
  return sets;
}

}  // namespace

void time_all(std::vector<QualityJob>& jobs, const QualityArguments& args,
              const std::string& database) {
  const auto look_up = [&] {  // what is stored already need not be run
    const Database stored = Database::open(database, Database::Mode::read);
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      QualityJob& job = jobs[i];
      if (!job.not_timed.empty()) continue;
      const Scenario scenario = Scenario::from_yaml(args.scenario, parse_sets(choices(job, args)));
      const auto run = stored.find(scenario.hash(), code_version(),
                                   static_cast<std::uint64_t>(scenario.params().seed));
      if (run)
        job.timed = stored.load(*run);
      else
        missing.push_back(i);
    }
    return missing;
  };
  const std::vector<std::size_t> waiting = look_up();
  Progress bar("timing", static_cast<double>(waiting.size()), "policies");
  double done = 0;
  const bool whole = run_processes(
      waiting.size(), 2,
      [&](std::size_t at) {
        std::vector<std::string> words = {own_executable(), "run",  args.scenario,
                                          "--quiet",        "--db", database};
        for (const std::string& each : choices(jobs[waiting[at]], args)) {
          words.emplace_back("--set");
          words.push_back(each);
        }
        return words;
      },
      [&](const Finished& f) {
        QualityJob& job = jobs[waiting[f.job]];
        if (f.exit_code != 0) job.not_timed = f.error_text.substr(0, f.error_text.find('\n'));
        bar.update(++done, job.label());
      },
      stop_requested());
  if (!whole) {
    bar.finish();
    throw Stopped("what was measured and timed is stored; the same command again times the rest");
  }
  look_up();
}

}  // namespace terrace
