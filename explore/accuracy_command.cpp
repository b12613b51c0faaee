// terrace validate accuracy [SET…]: every measured row that Terrace can express, predicted; errors
// printed, kept in the database, and drawn.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "results/database.h"
#include "results/scatter.h"
#include "sim/suggest.h"
#include "sim/version.h"
#include "validate/measured/accuracy_page.h"
#include "validate/measured/measured_set.h"

namespace terrace {
namespace {

using validate::Errors;
using validate::MeasuredSet;

struct AccuracyArguments {
  std::vector<std::string> sets;
  std::string data, plot, database = default_database();
  std::size_t keep = 20, every = 1;
  bool markdown = false, no_store = false;
};

std::string shared_measurements() {
  const char* told = std::getenv("TERRACE_SHARED");
  return (told != nullptr ? std::string(told) : std::string("../shared/data")) + "/measured";
}

// Measured across, predicted upwards.
std::vector<Scatter> panels_of(const Errors& errors) {
  const auto panel = [](const char* title, const std::string& unit) {
    return Scatter{title, {"measured, " + unit, true}, {"predicted, " + unit, true}, {}, true};
  };
  Scatter times = panel("Times", "s"), runs = panel("Runs", "tokens/s or requests/s"),
          memory = panel("Memory", "B/s");
  for (const auto& [op, points] : errors.points()) {
    const std::string rate = "rate: ";
    const bool is_rate = op.rfind(rate, 0) == 0;
    Scatter& on = !is_rate ? times : op == rate + "memory" ? memory : runs;
    ScatterSeries series{is_rate ? op.substr(rate.size()) : op, {}};
    for (const auto& [measured, predicted] : points)
      series.points.push_back({measured, predicted, ""});
    on.series.push_back(std::move(series));
  }
  std::vector<Scatter> panels;
  for (Scatter* each : {&times, &runs, &memory})
    if (!each->series.empty()) panels.push_back(std::move(*each));
  return panels;
}

std::string command_of(const AccuracyArguments& args) {
  std::string text = "terrace validate accuracy";
  for (const std::string& set : args.sets) text += " " + set;
  if (args.every > 1) text += fmt::format(" --every {}", args.every);
  text += " --data " + args.data;
  return args.plot.empty() ? text : text + " --plot " + args.plot;
}

void stop_if_asked() {
  if (stop_requested()) throw Stopped("nothing but whole runs is stored");
}

class Collection {
 public:
  explicit Collection(const AccuracyArguments& args)
      : args_(args), errors_([this](const auto& row, const auto& as, double predicted, auto run) {
          keep(row, as, predicted, run);
        }) {
    if (!args.no_store) database_ = std::make_unique<Database>(Database::open(args.database));
  }

  void compare(const std::vector<std::string>& names) {
    Progress progress("comparing with measured rows", static_cast<double>(names.size()), "sets");
    double done = 0;
    validate::RunBench runs(
        [this](const Record& record) { return database_ ? database_->insert(record) : 0; },
        [&](std::size_t, const std::string& what) {
          stop_if_asked();
          progress.update(done, what.substr(0, 60));
        });
    for (const std::string& name : names) {
      progress.update(done++, name);
      Choice<MeasuredSet>::of(name).make({})->compare(
          {args_.data + "/", args_.every, errors_, runs});
    }
  }

  void show() {
    if (database_) database_->replace(kept_, rows_of(errors_, code_version()));
    if (!args_.plot.empty()) {
      std::ofstream out(args_.plot);
      out << svg_of(panels_of(errors_));
      if (!out.flush()) throw Failure(args_.plot + ": cannot be written");
    }
    const Page page = page_of(errors_, std::filesystem::path(args_.plot).filename().string());
    fmt::print("{}", args_.markdown ? page.markdown(command_of(args_)) : page.text());
  }

 private:
  void keep(const validate::MeasuredRow& row, const validate::RowClass& as, double predicted,
            std::optional<std::int64_t> run) {
    stop_if_asked();
    const bool op = as.section == validate::RowClass::Section::operators;
    if (!database_ || (op && operators_++ % args_.keep != 0)) return;
    kept_.push_back(validate::kept(row, as, predicted, run));
  }

  const AccuracyArguments& args_;
  std::unique_ptr<Database> database_;
  std::vector<PredictedMeasurement> kept_;
  std::size_t operators_ = 0;
  Errors errors_;
};

void validate_accuracy(const AccuracyArguments& args) {
  const RegisteredFamily& family = Registry<MeasuredSet>::family();
  for (const std::string& name : args.sets)
    if (family.find(name) == nullptr)
      throw InputError("no set of measured rows \"" + name + "\"" +
                       did_you_mean(name, family.names()));
  if (!std::filesystem::is_directory(args.data))
    throw InputError(args.data + ": no such folder; name that of the measurements with --data");
  handle_stop();
  Collection collection(args);
  collection.compare(args.sets.empty() ? family.names() : args.sets);
  collection.show();
}

}  // namespace

void add_accuracy(CLI::App& validate) {
  auto args = std::make_shared<AccuracyArguments>();
  args->data = shared_measurements();
  CLI::App* command = validate.add_subcommand(
      "accuracy", "predict every row of published measurements, and sum up the errors");
  command->add_option("SET", args->sets, "sets of rows; all when none is named")->type_name("");
  command->add_option("--data", args->data, "folder of the measurements")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--every", args->every, "compare each K-th row of the operator tables")
      ->type_name("K")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--keep", args->keep,
                   "store each K-th compared row of the operator tables; 1: all of them")
      ->type_name("K")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--plot", args->plot, "draw predicted against measured as SVG")
      ->type_name("FILE");
  command->add_option("--db", args->database, "results database")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_flag("--no-store", args->no_store, "leave no record");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->callback([args] { validate_accuracy(*args); });
}

}  // namespace terrace
