// Expanding names and patterns of a system, checking that all of it hangs together, and building
// it.
#include "sim/system.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <numeric>

namespace terrace {
namespace {

constexpr int max_count = 4096;

struct Named {
  std::string name;
  std::size_t entry;
};
struct Joined {
  std::size_t from, to;  // into the list of names
  std::size_t entry;
};
struct Plan {
  std::vector<Named> devices;
  std::vector<Joined> links;
};
using Report = std::function<void(const std::string& path, const std::string& what)>;

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

bool is_name(const std::string& text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

void name_devices(const SystemConfig& system, Plan& plan, const Report& report) {
  std::map<std::string, std::size_t> first;
  if (system.devices.empty()) report("devices", "a system needs a device");
  for (std::size_t i = 0; i < system.devices.size(); ++i) {
    const SystemConfig::DeviceEntry& entry = system.devices[i];
    const std::string path = join_path("devices", i);
    if (!is_name(entry.name)) {
      report(path + ".name",
             fmt::format("\"{}\" is no name: letters, digits, _ and - only", entry.name));
      continue;
    }
    if (entry.device.empty()) report(path + ".device", "no component is chosen");
    for (int k = 0; k < entry.count.value_or(1); ++k) {
      const std::string name = entry.count ? fmt::format("{}{}", entry.name, k) : entry.name;
      const auto [earlier, fresh] = first.emplace(name, i);
      if (fresh)
        plan.devices.push_back({name, i});
      else
        report(path + ".name",
               fmt::format("device \"{}\" is already given by devices[{}]", name, earlier->second));
    }
  }
}

std::vector<std::size_t> match(const Plan& plan, const std::string& pattern,
                               const std::string& path, const Report& report) {
  std::vector<std::size_t> found;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan.devices.size(); ++i) {
    names.push_back(plan.devices[i].name);
    const bool same = is_pattern(pattern) ? fnmatch(pattern.c_str(), names.back().c_str(), 0) == 0
                                          : pattern == names.back();
    if (same) found.push_back(i);
  }
  if (found.empty())
    report(path,
           is_pattern(pattern)
               ? fmt::format("\"{}\" matches no device{}", pattern, did_you_mean(pattern, names))
               : fmt::format("there is no device \"{}\"{}", pattern, did_you_mean(pattern, names)));
  return found;
}

void join_devices(const SystemConfig& system, Plan& plan, const Report& report) {
  for (std::size_t i = 0; i < system.links.size(); ++i) {
    const SystemConfig::LinkEntry& entry = system.links[i];
    const std::string path = join_path("links", i);
    if (entry.link.empty()) report(path + ".link", "no link is chosen");
    const auto from = match(plan, entry.from, path + ".from", report);
    const auto to = match(plan, entry.to, path + ".to", report);
    if (from.empty() || to.empty()) continue;
    if (from.size() != to.size() && from.size() != 1 && to.size() != 1) {
      report(path, fmt::format("\"{}\" matches {} devices and \"{}\" {}; write one to many, or as "
                               "many to as many",
                               entry.from, from.size(), entry.to, to.size()));
      continue;
    }
    for (std::size_t k = 0; k < std::max(from.size(), to.size()); ++k) {
      const std::size_t a = from[from.size() == 1 ? 0 : k], b = to[to.size() == 1 ? 0 : k];
      if (a == b)
        report(path, fmt::format("links \"{}\" to itself", plan.devices[a].name));
      else
        plan.links.push_back({a, b, i});
    }
  }
}

void check_reach(const Plan& plan, const Report& report) {
  std::vector<std::size_t> island(plan.devices.size());
  std::iota(island.begin(), island.end(), 0);
  const std::function<std::size_t(std::size_t)> find = [&](std::size_t i) {
    return island[i] == i ? i : island[i] = find(island[i]);
  };
  std::vector<bool> linked(plan.devices.size());
  for (const Joined& l : plan.links) {
    island[std::max(find(l.from), find(l.to))] = std::min(find(l.from), find(l.to));
    linked[l.from] = linked[l.to] = true;
  }
  for (std::size_t i = 1; i < plan.devices.size(); ++i) {
    if (find(i) == find(0)) continue;
    const std::string path = join_path("devices", plan.devices[i].entry);
    if (!linked[i])
      report(path, fmt::format("nothing links to \"{}\": what it holds cannot be reached",
                               plan.devices[i].name));
    else if (find(i) == i)
      report(path, fmt::format("no way leads from \"{}\" to \"{}\"", plan.devices[0].name,
                               plan.devices[i].name));
  }
}

Plan lay_out(const SystemConfig& system, const Report& report) {
  Plan plan;
  bool whole = true;
  const Report noted = [&](const std::string& path, const std::string& what) {
    whole = false;
    report(path, what);
  };
  name_devices(system, plan, noted);
  join_devices(system, plan, noted);
  if (whole) check_reach(plan, report);  // a dangling link is one mistake, not two
  return plan;
}

}  // namespace

void SystemConfig::DeviceEntry::fields(Schema<DeviceEntry>& s) {
  s.field("name", &DeviceEntry::name, "what the device is called").required();
  s.field("count", &DeviceEntry::count, "how many: name0, name1, …; none: one, called as it is")
      .between(1, max_count);
  s.field("device", &DeviceEntry::device, "what it is").required();
}

void SystemConfig::LinkEntry::fields(Schema<LinkEntry>& s) {
  s.field("from", &LinkEntry::from, "a device or a pattern of devices").required();
  s.field("to", &LinkEntry::to, "a device or a pattern of devices").required();
  s.field("link", &LinkEntry::link, "what joins them").required();
}

void SystemConfig::fields(Schema<SystemConfig>& s) {
  s.field("name", &SystemConfig::name, "what the machine is called").required();
  s.field("devices", &SystemConfig::devices, "what it is made of").required().not_empty();
  s.field("links", &SystemConfig::links, "what joins the devices");
}

void SystemConfig::check(Checker& c) const {
  lay_out(*this, [&](const std::string& path, const std::string& what) { c.fail(path, what); });
}

namespace {

// What a member finds only while building keeps its path in the config.
template <class Family>
void build_member(const Choice<Family>& choice, const typename Family::Context& context,
                  Machine& machine) {
  const auto member = choice.make(context);
  try {
    member->build(machine);
  } catch (BuildError& e) {
    if (e.absolute) throw;
    throw BuildError(join_paths(choice.path(), e.path), e.problem).at_root();
  }
}

}  // namespace

std::unique_ptr<Machine> build(const SystemConfig& system,
                               std::map<std::string, Fidelity> fidelity) {
  const Plan plan = lay_out(system, [](const std::string& path, const std::string& what) {
    throw BuildError(path, what);
  });
  auto machine = std::make_unique<Machine>();
  machine->set_fidelity(std::move(fidelity));
  std::vector<DeviceId> ids;
  for (const Named& named : plan.devices) {
    build_member(system.devices[named.entry].device, {named.name}, *machine);
    ids.push_back(machine->find_device(named.name));
    if (ids.back() == none)
      throw std::logic_error("component of " + named.name + " added no device of that name");
  }
  for (const Joined& l : plan.links) {
    const std::string name = plan.devices[l.from].name + "-" + plan.devices[l.to].name;
    build_member(system.links[l.entry].link, {name, ids[l.from], ids[l.to]}, *machine);
  }
  return machine;
}

}  // namespace terrace
