// terrace explain FILE: what a scenario resolves to, its byte and FLOP budget and its roofline,
// without running.
#include <fmt/format.h>

#include <memory>

#include "explore/front_door.h"
#include "explore/point_text.h"
#include "results/human.h"
#include "results/page.h"
#include "sim/accounts.h"
#include "sim/scenario.h"

namespace terrace {
namespace {

Page machine_page(const Machine& machine) {
  Page page;
  Grid tiers;
  tiers.columns = {{"memory", false},
                   {"capacity", true},
                   {"bandwidth", true},
                   {"reached from the first device over", false}};
  for (const Tier& t : machine.tiers()) {
    std::string over = "itself";
    if (t.device != 0) {
      over = "nothing: unreachable";
      if (machine.reachable(0, t.device)) {
        over.clear();
        for (const RouteLeg& leg : machine.route(0, t.device).legs)
          over +=
              (over.empty() ? "" : ", ") + machine.links()[static_cast<std::size_t>(leg.link)].name;
      }
    }
    tiers.add({t.name, human(t.capacity.value(), "B"),
               human(machine.resources()[static_cast<std::size_t>(t.resource)].capacity, "B/s"),
               over});
  }
  page.heading("Memories");
  page.table(std::move(tiers));
  Grid engines;
  engines.columns = {{"resource", false}, {"capacity", true}, {"what it is", false}};
  for (const Resource& r : machine.resources())
    engines.add({r.name, human(r.capacity, r.unit + "/s"), r.meaning});
  page.heading("Resources");
  page.table(std::move(engines));
  return page;
}

// The least time each resource would need for one of these steps; the largest is the roofline.
Page budget_page(const Machine& machine, const std::vector<Workload::Sample>& samples) {
  Page page;
  page.heading("Budget of a step, and its roofline");
  Grid grid;
  grid.columns = {{"step", false},  {"FLOP", true},      {"bytes", true},
                  {"FLOP/B", true}, {"bound by", false}, {"least time", true}};
  for (const Workload::Sample& sample : samples) {
    Accounts accounts(machine);
    const FlowNetwork network(machine.capacities());
    std::vector<double> times(boost::num_vertices(sample.step.graph), 1.0);
    for (const Repeat& r : sample.step.repeats)
      for (OpVertex v = r.first; v < r.last; ++v) times[v] = static_cast<double>(r.times);
    for (OpVertex v = 0; v < times.size(); ++v) {
      const Op& op = sample.step.graph[v];
      OpPlan plan;
      machine.engines()[static_cast<std::size_t>(op.engine)].engine->plan(op, machine, plan);
      accounts.work(op, accounts.label(op), plan, network, static_cast<std::int64_t>(times[v]));
    }
    const WorkTotals sum = totals(sample.step, machine.tiers().size());
    double bytes = 0;
    for (double b : sum.read_bytes) bytes += b;
    for (double b : sum.written_bytes) bytes += b;
    const std::vector<Tally> used = accounts.tallies();
    std::size_t worst = 0;
    double least = 0;
    for (std::size_t r = 0; r < used.size(); ++r) {
      const double seconds = static_cast<double>(used[r].moved) / machine.resources()[r].capacity;
      if (seconds > least) {
        least = seconds;
        worst = r;
      }
    }
    grid.add({sample.name, human(sum.flops, "FLOP"), human(bytes, "B"),
              fmt::format("{:.1f}", bytes > 0 ? sum.flops / bytes : 0),
              machine.resources()[worst].name, human(least, "s")});
  }
  page.table(std::move(grid));
  return page;
}

void explain(const std::string& file, const std::vector<std::string>& sets, bool markdown,
             bool canonical) {
  const Scenario scenario = Scenario::from_yaml(file, parse_sets(sets));
  if (canonical) {
    fmt::print("{}\n", scenario.canonical());
    return;
  }
  const std::unique_ptr<Machine> machine = scenario.build_machine();
  const std::unique_ptr<Workload> workload = scenario.build_workload(*machine);
  Page page;
  page.title(scenario.params().name);
  if (!scenario.params().about.empty()) page.line(scenario.params().about);
  page.line("hash " + scenario.hash());
  page.append(machine_page(*machine));
  page.heading("Workload");
  Grid facts;
  facts.columns = {{"what", false}, {"value", true}, {"meaning", false}};
  for (const Stat& s : workload->facts()) facts.add({s.name, human(s.value, s.unit), s.meaning});
  page.table(std::move(facts));
  page.append(budget_page(*machine, workload->samples()));
  fmt::print("{}", markdown ? page.markdown("terrace explain " + file) : page.text());
}

}  // namespace

void add_explain(CLI::App& app) {
  struct Arguments {
    std::string file;
    std::vector<std::string> sets;
    bool markdown = false, canonical = false;
  };
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "explain", "what a scenario resolves to, its budget and roofline, without running it");
  command->add_option("FILE", args->file, "scenario YAML")->required()->type_name("");
  command->add_option("--set", args->sets, "change the scenario: path=value")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->take_all();
  command->add_flag("--canonical", args->canonical,
                    "print the whole scenario, defaults filled in, as JSON");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->callback([args] { explain(args->file, args->sets, args->markdown, args->canonical); });
}

}  // namespace terrace
