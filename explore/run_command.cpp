// terrace run FILE…: simulate, print the report, store the record.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "explore/front_door.h"
#include "explore/perfetto.h"
#include "explore/point_text.h"
#include "explore/run_gpu.h"
#include "explore/run_one.h"
#include "results/database.h"
#include "results/report.h"
#include "sim/simulate.h"

namespace terrace {
namespace {

struct Arguments {
  std::vector<std::string> files, sets, steps;
  std::string backend = "simulate";
  std::string database = default_database(), trace, point;
  bool markdown = false, json = false, quiet = false, no_store = false, full = false;
};

std::string sets_text(const std::vector<std::string>& sets) {
  std::string text;
  for (const std::string& set : sets) text += " --set '" + set + "'";
  return text;
}

// Steps of the scenario, predicted and executed; both are stored when all of it is done.
void run_steps(const Arguments& args, const Scenario& scenario, const Machine& machine,
               Workload& workload) {
  GpuRunOptions options;
  options.steps = args.steps;
  options.execute = args.backend == "gpu";
  options.progress = !args.quiet;
  const GpuRun run = run_gpu(scenario, machine, workload, options);
  std::string stored;
  if (!args.no_store && options.execute) {
    Database database = Database::open(args.database);
    const Stored where = database.store(run.record, args.point, run.measurements);
    stored = fmt::format("stored as run {} in {}, {} measurements", where.run, args.database,
                         run.measurements.size());
  }
  if (args.json)
    fmt::print("{}\n", run.record.to_json());
  else if (args.markdown)
    fmt::print("{}", run.page().markdown("terrace run " + scenario.file() + sets_text(args.sets) +
                                         " --backend " + args.backend));
  else if (!args.quiet)
    fmt::print("{}{}\n", run.page().text(), stored);
  if (!run.failure.empty()) throw Failure("not every step could be executed: " + run.failure);
}

void run_file(const Arguments& args, const std::string& file) {
  const Scenario scenario = Scenario::from_yaml(file, parse_sets(args.sets));
  const std::unique_ptr<Machine> machine = scenario.build_machine();
  const std::unique_ptr<Workload> workload = scenario.build_workload(*machine);
  if (args.backend != "simulate") return run_steps(args, scenario, *machine, *workload);
  std::unique_ptr<Database> database;
  if (!args.no_store)
    database = std::make_unique<Database>(
        Database::open(args.database));  // before the work: a full run must find a place
  std::unique_ptr<Perfetto> trace;
  if (!args.trace.empty()) trace = std::make_unique<Perfetto>(args.trace, *machine);

  RunOptions options;
  options.progress = !args.quiet;
  options.trace = trace.get();
  const Record record = run_one(scenario, *machine, *workload, options);

  std::string stored;
  if (database) {
    const Stored where = database->store(record, args.point);
    stored = fmt::format("stored as run {} in {}", where.run, args.database);
    if (where.existed)
      stored = fmt::format(
          "run {} in {} is this run already{}", where.run, args.database,
          where.equal ? "" : ", with other results: the code changed without a new version");
  }
  if (args.json)
    fmt::print("{}\n", record.to_json());
  else if (args.markdown)
    fmt::print(
        "{}",
        report(record, {args.full, true}).markdown("terrace run " + file + sets_text(args.sets)));
  else if (!args.quiet)
    fmt::print("{}", report(record, {args.full, true}).text());
  if (trace) {
    trace->close(record);
    if (!args.quiet && !args.json && !args.markdown)
      fmt::print("trace: {} (open in https://ui.perfetto.dev)\n", args.trace);
  }
  if (!args.quiet && !args.json && !args.markdown && !stored.empty()) fmt::print("{}\n", stored);
}

// Every file in a process of its own; goes on after a failure and ends with the worst exit code.
void run_files(const Arguments& args) {
  int worst = 0;
  for (const std::string& file : args.files) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) throw Failure("cannot start another process");
    if (child == 0) {
      int code = 1;
      try {
        run_file(args, file);
        code = 0;
      } catch (const ConfigError& error) {
        fmt::print(stderr, "{}\n", error.what());
        code = 2;
      } catch (const cuda::NoGpu& error) {
        fmt::print(stderr, "terrace: {}\n", error.what());
        code = 3;
      } catch (const std::exception& error) {
        fmt::print(stderr, "terrace: {}: {}\n", file, error.what());
      } catch (const Interrupted&) {
        code = 130;
      }
      std::fflush(nullptr);
      std::_Exit(code);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    worst = std::max(worst, code);
    if (code == 130) throw Interrupted();
  }
  if (worst == 3) throw cuda::NoGpu("no step was executed; see above");
  if (worst == 2) throw InputError("some scenarios are wrong; see above");
  if (worst != 0) throw Failure("some scenarios failed; see above");
}

}  // namespace

void add_run(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* run =
      app.add_subcommand("run", "simulate scenarios, print their reports, store their records");
  run->add_option("FILE", args->files, "scenario YAML")->required()->type_name("");
  run->add_option("--set", args->sets,
                  "change the scenario: path=value, as in workload.engine.max_num_seqs=64")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->take_all();
  run->add_option("--backend", args->backend,
                  "simulate; gpu: execute representative steps on this machine's GPU, too; plan: "
                  "only what that would be")
      ->check(CLI::IsMember({"simulate", "gpu", "plan"}))
      ->type_name("NAME")
      ->capture_default_str();
  run->add_option("--step", args->steps,
                  "for gpu and plan: a step to take, 64x2048 (sequences x context, decode) or "
                  "1x0+4096 (prefill)")
      ->type_name("STEP")
      ->expected(1)
      ->take_all();
  run->add_option("--db", args->database, "results database")
      ->type_name("FILE")
      ->capture_default_str();
  run->add_flag("--no-store", args->no_store, "leave no record");
  run->add_flag("--json", args->json, "print the record as JSON instead of the report");
  run->add_flag("--markdown", args->markdown, "print the report as Markdown");
  run->add_flag("--full", args->full, "print every statistic with its meaning");
  run->add_option("--trace", args->trace,
                  "write engines, links and requests as a Chrome/Perfetto trace")
      ->type_name("FILE");
  run->add_flag("-q,--quiet", args->quiet, "print nothing but errors");
  run->add_option("--point", args->point, "what a sweep chose, as JSON; stored with the run")
      ->group("");
  run->callback([args] {
    if (!args->steps.empty() && args->backend == "simulate")
      throw InputError("--step is for --backend gpu or plan");
    if (args->backend != "simulate" && !args->trace.empty())
      throw InputError("--trace is for --backend simulate");
    if (args->files.size() > 1 && !args->trace.empty())
      throw InputError("--trace takes one scenario at a time");
    if (args->files.size() == 1)
      run_file(*args, args->files.front());
    else
      run_files(*args);
  });
}

}  // namespace terrace
