// What one YAML file says: checked and complete, with nothing built yet.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/registry.h"
#include "sim/system.h"
#include "sim/workload.h"

namespace terrace {

// Choices made on top of a scenario: path in the file, value as YAML text.
using Point = std::vector<std::pair<std::string, std::string>>;

template <>
struct EnumNames<Fidelity> {
  static constexpr std::pair<const char*, Fidelity> values[] = {{"flow", Fidelity::flow},
                                                                {"burst", Fidelity::burst}};
};

class Scenario {
 public:
  struct Params {
    std::string name, about;
    std::int64_t seed = 1;
    bool fold = true;
    SystemConfig system;
    std::map<std::string, Fidelity> fidelity;
    Choice<Workload> workload;
    static void fields(Schema<Params>& s);
  };

  // Both throw ConfigError with every mistake as file:line:column: path: what.
  static Scenario from_yaml(const std::string& file, const Point& sets = {});
  Scenario at(const Point& choices) const;

  const Params& params() const { return params_; }
  const std::string& file() const { return file_; }
  std::string canonical()
      const;  // JSON: defaults filled in, keys sorted, values that are not the scenario left out
  std::string hash() const;  // SHA-1 of canonical() and of every file it names

  std::unique_ptr<Machine> build_machine() const;                    // throws ConfigError
  std::unique_ptr<Workload> build_workload(Machine& machine) const;  // throws ConfigError
  ConfigError mistake(BuildError error) const;  // found by the workload at run time, located

 private:
  static Scenario read(Node root, const std::string& file);
  Node root_;
  std::string file_;
  Params params_;
  std::vector<std::string> data_files_;
};

std::string sha1_hex(const std::string& bytes);

}  // namespace terrace
