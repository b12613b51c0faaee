// From a YAML file to checked parameters, and from those to a machine and a workload.
#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/uuid/detail/sha1.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/schema.h"
#include "sim/suggest.h"

namespace terrace {

void Scenario::Params::fields(Schema<Params>& s) {
  s.field("name", &Params::name, "name of the scenario, shown in reports").required().not_empty();
  s.field("about", &Params::about, "what the scenario is for");
  s.field("seed", &Params::seed, "seed of every random stream").at_least(0);
  s.field("fold", &Params::fold, "time identical layers once and repeat them; changes no result");
  s.field("system", &Params::system, "the machine: devices and links").required();
  s.field(
      "fidelity", &Params::fidelity,
      "how closely a memory, drive or link is modelled, by its name: burst drives it request by "
      "request");
  s.field("workload", &Params::workload, "what is asked of the machine").required();
}

std::string sha1_hex(const std::string& bytes) {
  boost::uuids::detail::sha1 sha;
  sha.process_bytes(bytes.data(), bytes.size());
  unsigned int digest[5];
  sha.get_digest(digest);
  return fmt::format("{:08x}{:08x}{:08x}{:08x}{:08x}", digest[0], digest[1], digest[2], digest[3],
                     digest[4]);
}

Scenario Scenario::read(Node root, const std::string& file) {
  Mistakes mistakes;
  Scenario scenario;
  Reader reader(mistakes);
  scenario.params_ = terrace::read<Params>(root, reader);
  mistakes.raise();
  scenario.data_files_ = reader.files();
  scenario.root_ = std::move(root);
  scenario.file_ = file;
  return scenario;
}

Scenario Scenario::from_yaml(const std::string& file, const Point& sets) {
  Mistakes mistakes;
  Node root = load_config(file, mistakes);
  if (root.is_mapping())
    for (const auto& [path, value] : sets) set(root, fmt::format("{}={}", path, value), mistakes);
  mistakes.raise();
  return read(std::move(root), file);
}

Scenario Scenario::at(const Point& choices) const {
  Node root = root_;
  Mistakes mistakes;
  for (const auto& [path, value] : choices) set(root, fmt::format("{}={}", path, value), mistakes);
  mistakes.raise();
  return read(std::move(root), file_);
}

std::string Scenario::canonical() const { return write(params_).dump(); }

std::string Scenario::hash() const {
  std::string all = canonical();
  for (const std::string& path : data_files_) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    all += '\0' + sha1_hex(bytes.str());
  }
  return sha1_hex(all);
}

namespace {

void check_fidelity(const Machine& machine, const std::string& name) {
  const std::vector<std::string>& known = machine.detailed();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  std::string all;
  for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
  throw BuildError(
      join_path("fidelity", name),
      fmt::format("nothing named \"{}\" has a burst-level model{}; those that have: {}", name,
                  did_you_mean(name, known), all.empty() ? "none" : all))
      .at_root();
}

}  // namespace

std::unique_ptr<Machine> Scenario::build_machine() const {
  try {
    auto machine = build(params_.system, params_.fidelity);
    for (const auto& [name, fidelity] : params_.fidelity) check_fidelity(*machine, name);
    return machine;
  } catch (BuildError& error) {
    if (!error.absolute)
      error.path = error.path.empty() ? "system" : join_path("system", error.path);
    throw located(error, root_);
  }
}

ConfigError Scenario::mistake(BuildError error) const {
  if (!error.absolute) error.path = join_path("workload", error.path);
  return located(error, root_);
}

std::unique_ptr<Workload> Scenario::build_workload(Machine& machine) const {
  try {
    return params_.workload.make({machine, static_cast<std::uint64_t>(params_.seed)});
  } catch (const BuildError& error) {
    throw located(error, root_);
  }
}

}  // namespace terrace
