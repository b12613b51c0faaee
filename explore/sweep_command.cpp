// terrace sweep SPACE: a process per point, points already in the database not run again.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "explore/front_door.h"
#include "explore/point_text.h"
#include "explore/processes.h"
#include "explore/progress.h"
#include "explore/space.h"
#include "results/database.h"
#include "results/page.h"
#include "results/report.h"
#include "sim/version.h"

namespace terrace {
namespace {

struct Arguments {
  std::string space, database = default_database();
  std::size_t at_once = std::max(1U, std::thread::hardware_concurrency());
  bool dry_run = false;
};

struct Failed {
  Point point;
  int code;
  std::string why;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class Sweep {
 public:
  Sweep(const Arguments& args, const SpaceParams& space)
      : args_(args),
        space_(space),
        base_(Scenario::from_yaml(space.scenario.resolved)),
        searcher_(space.searcher.make({&space.axes, &space.points})) {}

  void run() {
    handle_stop();
    Progress bar(space_.name, static_cast<double>(searcher_->expected()), "points");
    while (true) {
      const std::vector<Point> batch = searcher_->propose();
      if (batch.empty()) break;
      std::vector<Point> waiting = look_up(batch);
      bar.update(static_cast<double>(done()));
      if (args_.dry_run) continue;
      const std::size_t stored_before = found_ + ran_;
      const bool whole = run_processes(
          waiting.size(), args_.at_once, [&](std::size_t i) { return command(waiting[i]); },
          [&](const Finished& f) {
            finished(waiting[f.job], f);
            bar.update(static_cast<double>(done()), point_label(waiting[f.job]));
          },
          stop_requested());
      if (!whole) {
        bar.finish();
        throw Stopped(fmt::format("{} of {} points are stored; run the same command again to go on",
                                  stored_before + stored_of(waiting), searcher_->expected()));
      }
    }
    bar.finish();
    summary();
  }

 private:
  std::size_t done() const { return found_ + ran_ + failed_.size(); }

  // Checks every point before any is run; mistakes of the space are the user's to mend first.
  std::vector<Point> look_up(const std::vector<Point>& batch) {
    std::vector<Point> waiting;
    std::vector<Scenario> scenarios;
    Mistakes mistakes;
    for (const Point& point : batch) {
      try {
        scenarios.push_back(base_.at(point));
      } catch (const ConfigError& error) {
        add_mistakes_of(point, error, space_, mistakes);
      }
    }
    mistakes.raise();
    if (!database_) database_.emplace(Database::open(args_.database));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto run = database_->find(scenarios[i].hash(), code_version(),
                                       static_cast<std::uint64_t>(scenarios[i].params().seed));
      if (!run) {
        waiting.push_back(batch[i]);
        continue;
      }
      ++found_;
      const Record record = database_->load(*run);
      if (database_->point(*run).empty()) database_->store(record, point_json(batch[i]));
      searcher_->observed(batch[i], record);
    }
    return waiting;
  }

  std::optional<RunId> record_of(const Point& point) {
    const Scenario scenario = base_.at(point);
    return database_->find(scenario.hash(), code_version(),
                           static_cast<std::uint64_t>(scenario.params().seed));
  }

  // Asked of the database: a process may have stored its record and not yet been seen to end.
  std::size_t stored_of(const std::vector<Point>& points) {
    return static_cast<std::size_t>(
        std::count_if(points.begin(), points.end(),
                      [&](const Point& point) { return record_of(point).has_value(); }));
  }

  std::vector<std::string> command(const Point& point) const {
    std::vector<std::string> words = {
        own_executable(), "run",     space_.scenario.resolved, "--quiet", "--db",
        args_.database,   "--point", point_json(point)};
    for (const auto& [path, value] : point) {
      words.emplace_back("--set");
      words.push_back(fmt::format("{}={}", path, value));
    }
    return words;
  }

  void finished(const Point& point, const Finished& f) {
    if (f.exit_code != 0) {
      failed_.push_back({point, f.exit_code, first_line(f.error_text)});
      return;
    }
    const auto run = record_of(point);
    if (!run) {
      failed_.push_back({point, 1, "ended well but left no record"});
      return;
    }
    ++ran_;
    searcher_->observed(point, database_->load(*run));
  }

  void summary() {
    const auto infeasible =
        std::count_if(failed_.begin(), failed_.end(), [](const Failed& f) { return f.code == 2; });
    fmt::print("{}: {} points run, {} already in {}, {} cannot be built, {} failed\n", space_.name,
               ran_, found_, args_.database, infeasible,
               failed_.size() - static_cast<std::size_t>(infeasible));
    Grid grid;
    grid.columns = {{"point", false}, {"why not", false}};
    for (const Failed& f : failed_) grid.add({point_label(f.point), f.why});
    fmt::print("{}", text_of(grid.rows.empty() ? Grid{} : grid, {0, false}));
    fmt::print("ask: terrace query --db {} \"SELECT * FROM run_wide\"\n", args_.database);
    if (std::any_of(failed_.begin(), failed_.end(), [](const Failed& f) { return f.code != 2; }))
      throw Failure("some points failed; see above");
  }

  const Arguments& args_;
  const SpaceParams& space_;
  Scenario base_;
  std::unique_ptr<Searcher> searcher_;
  std::optional<Database> database_;  // opened once the first points are known to be right
  std::size_t found_ = 0, ran_ = 0;
  std::vector<Failed> failed_;
};

}  // namespace

void add_sweep(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* sweep = app.add_subcommand(
      "sweep", "simulate a design space, a process per point; goes on where it was interrupted");
  sweep->add_option("SPACE", args->space, "space YAML")->required()->type_name("");
  sweep->add_option("-j", args->at_once, "points at once")
      ->type_name("N")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  sweep->add_option("--db", args->database, "results database")
      ->type_name("FILE")
      ->capture_default_str();
  sweep->add_flag("--dry-run", args->dry_run, "check every point and say what is stored already");
  sweep->callback([args] {
    const SpaceParams space = read_space(args->space);
    Sweep(*args, space).run();
  });
}

}  // namespace terrace
