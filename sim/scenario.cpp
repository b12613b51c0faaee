// From a YAML file to checked parameters, and from those to a machine and a workload.
#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/uuid/detail/sha1.hpp>
#include <filesystem>
#include <fstream>
#include <map>
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

namespace {
// Remembered while the file has the same size and time: a sweep asks for every point.
std::string contents_hash(const std::string& path) {
  namespace fs = std::filesystem;
  struct Known {
    std::uintmax_t size;
    fs::file_time_type time;
    std::string hash;
  };
  static std::map<std::string, Known> known;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  const fs::file_time_type time = fs::last_write_time(path, error);
  const auto found = known.find(path);
  if (!error && found != known.end() && found->second.size == size && found->second.time == time)
    return found->second.hash;
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return (known[path] = {size, time, sha1_hex(bytes.str())}).hash;
}
}  // namespace

std::string Scenario::hash() const {
  std::string all = canonical();
  for (const std::string& path : data_files_) all += '\0' + contents_hash(path);
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
