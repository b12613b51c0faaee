// terrace calibrate FILE: the service curves of the devices in a file, measured at burst level
// where nobody has done so yet, as a report with their closed-form bounds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "results/human.h"
#include "results/page.h"
#include "sim/component.h"
#include "sim/curve_store.h"
#include "sim/scenario.h"

namespace terrace {
namespace {

// What a file is, from its keys: a device at burst level, a part of a machine, a machine, a
// scenario.
void touch_curves(const std::string& file) {
  Mistakes mistakes;
  const Node root = load_config(file, mistakes);
  mistakes.raise();
  const Node* kind = root.find("kind");
  const std::string word = kind != nullptr && kind->is_scalar() ? kind->text() : "";
  const std::string name = std::filesystem::path(file).stem().string();
  Reader reader(mistakes);
  if (Registry<BurstDevice>::family().find(word) != nullptr) {
    const auto device = read<Choice<BurstDevice>>(root, reader);
    mistakes.raise();
    CurveStore::instance().curve(device, name);
  } else if (Registry<Component>::family().find(word) != nullptr) {
    const auto component = read<Choice<Component>>(root, reader);
    mistakes.raise();
    Machine machine;
    component.make({name})->build(machine);
  } else if (Registry<Link>::family().find(word) != nullptr) {
    const auto link = read<Choice<Link>>(root, reader);
    mistakes.raise();
    Machine machine;
    Device end;
    end.name = "device";
    const DeviceId device = machine.add_device(end);
    end.name = "host";
    link.make({name, device, machine.add_device(end)})->build(machine);
  } else if (root.find("devices") != nullptr) {
    const auto system = read<SystemConfig>(root, reader);
    mistakes.raise();
    build(system);
  } else {
    Scenario::from_yaml(file).build_machine();
  }
}

std::string run_text(std::uint64_t run) {
  return run == 0 ? "stream" : human(static_cast<double>(run), "B");
}

Page curve_page(const CurveStore::Entry& e) {
  Page page;
  page.title(e.name);
  page.line(fmt::format("{} at the pins; {} in {}", human(e.curve.peak(), "B/s"),
                        e.measured ? "measured now, kept" : "found",
                        e.file.empty() ? "nowhere" : e.file));
  const std::unique_ptr<BurstDevice> device = e.device.make({e.name, 1});
  Grid grid;
  grid.columns = {{"run", true},     {"reads", true}, {"of peak", true}, {"bound", true},
                  {"3:1", true},     {"1:1", true},   {"1:3", true},     {"writes", true},
                  {"latency", true}, {"", false}};
  for (const CurvePoint& p : e.curve.points()) {
    if (p.read_share != 1 || p.outstanding != 0 || p.footprint != 0) continue;
    const double run = p.run_length == 0 ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(p.run_length);
    const auto percent = [](double share) { return fmt::format("{:.1f} %", 100 * share); };
    const double share = p.rate / e.curve.peak();
    grid.add({run_text(p.run_length), human(p.rate, "B/s"), percent(share),
              percent(device->bound(p.run_length)), percent(e.curve.efficiency(run, 0.75)),
              percent(e.curve.efficiency(run, 0.5)), percent(e.curve.efficiency(run, 0.25)),
              percent(e.curve.efficiency(run, 0)), human(p.latency, "s"), bar(share, 24)});
  }
  page.heading("Random runs, as much as the device takes");
  page.table(std::move(grid));
  Grid load;
  load.columns = {
      {"in flight", true}, {"rate", true}, {"of peak", true}, {"latency", true}, {"p99", true}};
  for (const CurvePoint& p : e.curve.points())
    if (p.outstanding > 0)
      load.add({std::to_string(p.outstanding), human(p.rate, "B/s"),
                fmt::format("{:.1f} %", 100 * p.rate / e.curve.peak()), human(p.latency, "s"),
                human(p.latency_p99, "s")});
  page.heading("Short random reads by the number in flight");
  page.table(std::move(load));
  Grid footprint;
  footprint.columns = {{"footprint", true}, {"rate", true}, {"latency", true}};
  for (const CurvePoint& p : e.curve.points())
    if (p.outstanding == 0 && p.footprint != 0)
      footprint.add({human(static_cast<double>(p.footprint), "B"), human(p.rate, "B/s"),
                     human(p.latency, "s")});
  page.heading("Short random reads by footprint");
  page.table(std::move(footprint));
  return page;
}

struct CalibrateArguments {
  std::vector<std::string> files;
  std::string directory;
  bool again = false, markdown = false, quiet = false;
};

void calibrate(const CalibrateArguments& args) {
  CurveStore& store = CurveStore::instance();
  store.measure_again(args.again);
  if (!args.directory.empty()) store.directory(args.directory);
  for (const std::string& file : args.files) touch_curves(file);
  if (store.used().empty()) {
    fmt::print("nothing in these files has a burst-level model\n");
    return;
  }
  if (args.quiet) return;
  for (const auto& entry : store.used()) {
    const Page page = curve_page(*entry);
    std::string command = "terrace calibrate";
    for (const std::string& file : args.files) command += " " + file;
    fmt::print("{}\n", args.markdown ? page.markdown(command) : page.text());
  }
}

}  // namespace

// Progress of curves that are measured at first use, whichever command needs them.
void show_calibration() {
  struct Bar {
    std::string name;
    std::unique_ptr<Progress> progress;
  };
  auto shown = std::make_shared<Bar>();
  CurveStore::Hooks hooks;
  hooks.progress = [shown](const std::string& name, std::size_t done, std::size_t all) {
    if (!shown->progress || shown->name != name) {
      shown->name = name;
      shown->progress =
          std::make_unique<Progress>("calibrating " + name, static_cast<double>(all), "points");
    }
    shown->progress->update(static_cast<double>(done), "");
    if (done == all) shown->progress.reset();
  };
  hooks.warn = [](const std::string& line) { fmt::print(stderr, "terrace: {}\n", line); };
  CurveStore::instance().hooks(std::move(hooks));
}

void add_calibrate(CLI::App& app) {
  auto args = std::make_shared<CalibrateArguments>();
  CLI::App* command = app.add_subcommand(
      "calibrate", "measure devices at burst level: the curves that the flow level uses");
  command->add_option("FILE", args->files, "a device, a link, a system or a scenario")
      ->required()
      ->type_name("");
  command->add_option("--directory", args->directory, "where new curves go")->type_name("DIR");
  command->add_flag("--again", args->again, "measure also what is there");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->add_flag("-q,--quiet", args->quiet, "no report");
  command->callback([args] { calibrate(*args); });
}

}  // namespace terrace
