// A machine as a user writes it: devices, and links between them by name or pattern.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/component.h"
#include "sim/machine.h"
#include "sim/registry.h"

namespace terrace {

struct SystemConfig {
  struct DeviceEntry {
    std::string name;
    std::optional<int> count;  // gives name0 … name(count-1); absent: the name as it is
    Choice<Component> device;
    static void fields(Schema<DeviceEntry>& s);
  };
  // Shell patterns over device names. One to many, many to one, or as many to as many, in order.
  struct LinkEntry {
    std::string from, to;
    Choice<Link> link;
    static void fields(Schema<LinkEntry>& s);
  };
  std::string name;
  std::vector<DeviceEntry> devices;
  std::vector<LinkEntry> links;
  static void fields(Schema<SystemConfig>& s);
  void check(Checker& c) const;  // every mistake in names, patterns and reach
};

// Builds every device in order, then every link. Throws BuildError, its path relative to the system
// (or absolute where a component found the mistake), for what check() would have reported and for
// what only building can find.
std::unique_ptr<Machine> build(const SystemConfig& system,
                               std::map<std::string, Fidelity> fidelity = {});

}  // namespace terrace
