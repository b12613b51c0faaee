// terrace gpu-bench [GROUP…]: micro-benchmarks of the GPU of this machine, or what the simulator
// says of the same cases.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "results/database.h"
#include "results/human.h"
#include "results/page.h"
#include "sim/scenario.h"
#include "sim/simulate.h"
#include "sim/suggest.h"
#include "validate/cuda/bench/bench_compare.h"
#include "validate/cuda/bench/bench_run.h"

namespace terrace {
namespace {

struct GpuBenchArguments {
  std::vector<std::string> groups;
  std::string json, database = default_database(), system, against;
  int device = 0;
  bool list = false, quick = false, predict = false, no_store = false, markdown = false;
};

std::vector<std::string> chosen_groups(const GpuBenchArguments& args) {
  const RegisteredFamily& family = Registry<cuda::BenchGroup>::family();
  for (const std::string& name : args.groups)
    if (family.find(name) == nullptr)
      throw InputError("no group \"" + name + "\"" + did_you_mean(name, family.names()));
  return args.groups.empty() ? family.names() : args.groups;
}

std::string text_of(const Page& page, const GpuBenchArguments& args, const std::string& command) {
  return args.markdown ? page.markdown(command) : page.text();
}

void list_groups(const GpuBenchArguments& args) {
  Page page;
  page.title("What can be measured on a GPU");
  Grid grid;
  grid.columns = {{"group", false}, {"cases", true}, {"what is measured", false}};
  for (const std::string& name : chosen_groups(args)) {
    const auto bench = Choice<cuda::BenchGroup>::of(name).make({});
    const std::vector<cuda::Case> cases = cuda::cases_of(name, *bench, args.quick);
    grid.add(
        {name, std::to_string(cases.size()), Registry<cuda::BenchGroup>::family().at(name).doc});
    if (!args.groups.empty())
      for (const cuda::Case& c : cases) page.item(c.text());
  }
  page.table(std::move(grid));
  fmt::print("{}", text_of(page, args, "terrace gpu-bench --list"));
}

// Beside it first, then in its place: whole or not at all.
void write_whole(const std::string& file, const std::string& text) {
  const std::string draft = file + ".part";
  std::ofstream out(draft, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out || std::rename(draft.c_str(), file.c_str()) != 0) {
    std::remove(draft.c_str());
    throw Failure(file + " could not be written");
  }
}

std::unique_ptr<Machine> machine_of(const std::string& file) {
  Mistakes mistakes;
  const Node root = load_config(file, mistakes);
  mistakes.raise();
  Reader reader(mistakes);
  const auto system = read<SystemConfig>(root, reader);
  mistakes.raise();
  return build(system);
}

void add_row(Grid& grid, const cuda::Case& c, std::vector<std::string> rest) {
  rest.insert(rest.begin(), c.text());
  grid.add(std::move(rest));
}

void predict_all(const GpuBenchArguments& args, const std::vector<std::string>& groups) {
  if (args.system.empty()) throw InputError("--predict needs --system: the machine that is asked");
  const cuda::BenchPrediction p =
      cuda::predict(groups, args.quick, *machine_of(args.system), args.system);
  if (!args.json.empty()) return write_whole(args.json, p.to_json());
  Page page;
  page.title("Predicted for " + args.system);
  Grid grid;
  grid.columns = {{"case", false}, {"predicted", true}, {"bound", true}};
  for (const cuda::PredictedCase& point : p.points) {
    const auto text = [&](const std::optional<double>& v) {
      return v ? human(*v, point.c.unit) : std::string("–");
    };
    add_row(grid, point.c, {text(point.value), text(point.bound)});
  }
  page.table(std::move(grid));
  fmt::print("{}", text_of(page, args, "terrace gpu-bench --predict --system " + args.system));
}

Page page_of(const cuda::BenchReport& report) {
  Page page;
  page.title("Measured on " + report.device.name);
  page.line(fmt::format("driver {}, CUDA {}.{}, {}", report.device.driver_version,
                        report.device.runtime / 1000, report.device.runtime % 1000 / 10,
                        report.date));
  Grid grid;
  grid.columns = {
      {"case", false}, {"median", true}, {"p10", true}, {"p90", true}, {"repeats", true}};
  for (const cuda::MeasuredCase& p : report.points)
    add_row(grid, p.c,
            {human(p.summary.median, p.c.unit), human(p.summary.p10, p.c.unit),
             human(p.summary.p90, p.c.unit), std::to_string(p.summary.repeats)});
  page.table(std::move(grid));
  for (const cuda::SkippedCase& s : report.skipped) page.item("skipped: " + s.text + ": " + s.why);
  return page;
}

void measure_all(const GpuBenchArguments& args, const std::vector<std::string>& groups) {
  const cuda::DeviceInfo device = cuda::open_device(args.device);
  std::unique_ptr<Database> database;
  if (!args.no_store) database = std::make_unique<Database>(Database::open(args.database));
  handle_stop();
  cuda::BenchHooks hooks;
  hooks.breathe = [] {
    if (stop_requested()) throw Interrupted();
  };
  std::unique_ptr<Progress> bar;
  hooks.progress = [&](std::size_t done, std::size_t all, const std::string& what) {
    hooks.breathe();
    if (!bar)
      bar =
          std::make_unique<Progress>("measuring " + device.name, static_cast<double>(all), "cases");
    bar->update(static_cast<double>(done), what);
  };
  const cuda::BenchReport report = cuda::measure(groups, args.quick, device, hooks);
  bar.reset();
  if (!args.json.empty()) write_whole(args.json, report.to_json());
  if (database) database->insert(std::nullopt, report.measurements());
  fmt::print("{}", text_of(page_of(report), args, "terrace gpu-bench"));
  if (database && !args.markdown)
    fmt::print("stored {} measurements in {}\n", report.measurements().size(), args.database);
  const auto failed = std::count_if(report.skipped.begin(), report.skipped.end(),
                                    [](const cuda::SkippedCase& s) { return s.failed; });
  if (failed > 0)
    throw Failure(fmt::format("{} of {} cases failed; what was measured is kept", failed,
                              report.points.size() + report.skipped.size()));
}

void show_comparison(const GpuBenchArguments& args) {
  Page page;
  try {
    page = cuda::compare_page(args.json, args.against);
  } catch (const std::runtime_error& e) {
    throw InputError(e.what());
  }
  fmt::print("{}", text_of(page, args,
                           "terrace gpu-bench --json " + args.json + " --against " + args.against));
}

void gpu_bench(const GpuBenchArguments& args) {
  const std::vector<std::string> groups = chosen_groups(args);
  if (!args.system.empty() && !args.predict)
    throw InputError("--system means nothing without --predict");
  if (args.list) return list_groups(args);
  if (!args.against.empty()) {
    if (args.json.empty()) throw InputError("--against needs --json: the measurement");
    return show_comparison(args);
  }
  args.predict ? predict_all(args, groups) : measure_all(args, groups);
}

}  // namespace

void add_gpu_bench(CLI::App& app) {
  auto args = std::make_shared<GpuBenchArguments>();
  CLI::App* command = app.add_subcommand(
      "gpu-bench", "measure the GPU of this machine: memories, links, launches, kernels");
  command->add_option("GROUP", args->groups, "what is measured; all when none is named")
      ->type_name("");
  command->add_flag("--list", args->list, "only the groups; with GROUP, their cases");
  command->add_flag("--quick", args->quick, "few cases, few repeats");
  command->add_option("--json", args->json, "write the measurement, or the prediction, there")
      ->type_name("FILE");
  command->add_option("--db", args->database, "results database")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_flag("--no-store", args->no_store, "leave nothing in the database");
  command->add_option("--device", args->device, "number of the GPU")->capture_default_str();
  command->add_flag("--predict", args->predict, "ask the simulator instead; needs no GPU");
  command->add_option("--system", args->system, "machine that is asked, as in systems/")
      ->type_name("FILE");
  command
      ->add_option("--against", args->against,
                   "lay the measurement of --json beside this prediction; needs no GPU")
      ->type_name("FILE");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->callback([args] { gpu_bench(*args); });
}

}  // namespace terrace
