// The loop of sim/simulate.h on an explicit clock.
#include "validate/measured/run_bench.h"

#include <stdexcept>

#include "sim/executor.h"
#include "sim/version.h"

namespace terrace::validate {
namespace {

Time drive(Workload& workload, Executor& executor) {
  Time now, last;
  std::vector<Executor::Done> done;
  while (true) {
    while (true) {
      done.clear();
      if (executor.next_event() <= now) executor.advance(now, done);
      for (const Executor::Done& d : done) workload.completed(d.step, last = now);
      bool submitted = false;
      while (std::optional<Step> step = workload.next(now)) {
        executor.submit(std::move(*step), now);
        submitted = true;
      }
      if (!submitted && executor.next_event() > now) break;
    }
    const Time next = std::min(executor.next_event(), workload.wake());
    if (next == Time::never()) break;
    if (next <= now) throw std::runtime_error("the workload asked to be woken in the past");
    now = next;
  }
  if (!workload.finished())
    throw std::runtime_error("the workload waits for something that never comes");
  return now;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string RunSpec::text() const {
  std::string all = base;
  for (const auto& [path, value] : sets) all += " --set " + path + "=" + value;
  return all;
}

Record record_of(const Scenario& scenario) {
  Record record;
  record.name = scenario.params().name;
  record.scenario = scenario.canonical();
  record.scenario_hash = scenario.hash();
  record.code_version = code_version();
  record.seed = static_cast<std::uint64_t>(scenario.params().seed);
  const std::unique_ptr<Machine> machine = scenario.build_machine();
  const std::unique_ptr<Workload> workload = scenario.build_workload(*machine);
  Executor executor(*machine, {scenario.params().fold, nullptr});
  const Time end = drive(*workload, executor);
  record.simulated_seconds = end.seconds();
  executor.accounts().report(record, end);
  workload->report(record, end);
  return record;
}

const RunResult& RunBench::run(const RunSpec& spec) {
  const std::string key = spec.text();
  const auto found = done_.find(key);
  if (found != done_.end()) return found->second;
  RunResult result;
  try {
    auto record = std::make_shared<Record>(record_of(Scenario::from_yaml(spec.base, spec.sets)));
    if (store_) result.run = store_(*record);
    record->series.clear();  // the rest is not asked
    result.record = std::move(record);
  } catch (const ConfigError& error) {
    result.why = error.mistakes().front().what;
  } catch (const BuildError& error) {
    result.why = first_line(error.what());
  }
  if (tell_) tell_(done_.size() + 1, key);
  return done_.emplace(key, std::move(result)).first->second;
}

}  // namespace terrace::validate
