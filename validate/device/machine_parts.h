// What a comparison drives: members chosen from the shipped configs, and small machines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/link/copy_engine.h"
#include "sim/component.h"
#include "sim/executor.h"
#include "sim/registry.h"

namespace terrace::validate {

template <class Family>
struct Holder {
  Choice<Family> member;
  static void fields(Schema<Holder>& s) { s.field("member", &Holder::member, "what is driven"); }
};

// What `yaml` says: a file below configs/, or a mapping in braces; `set` changes keys of it
// ("path=value"). Throws ConfigError.
template <class Family>
Choice<Family> chosen(const std::string& yaml, const std::vector<std::string>& set = {}) {
  Mistakes mistakes;
  Node root = parse_config("member: " + yaml, "validate", mistakes);
  for (const std::string& each : set) terrace::set(root, "member." + each, mistakes);
  Reader reader(mistakes);
  const auto holder = read<Holder<Family>>(root, reader);
  mistakes.raise();
  return holder.member;
}

inline DeviceId add(Machine& machine, const std::string& name, const std::string& yaml) {
  chosen<Component>(yaml).make({name})->build(machine);
  return machine.find_device(name);
}

inline void join(Machine& machine, DeviceId from, DeviceId to, const std::string& yaml) {
  chosen<Link>(yaml)
      .make({"link" + std::to_string(machine.links().size()), from, to})
      ->build(machine);
}

// 3 TB/s of memory "<name>.hbm" without latency, and a copy engine "<name>.copy" that starts at
// once.
inline DeviceId add_gpu(Machine& machine, const std::string& name,
                        Seconds copy_start = Seconds(0)) {
  Device device;
  device.name = name;
  device.kind = "gpu";
  const DeviceId id = machine.add_device(device);
  Tier hbm;
  hbm.name = name + ".hbm";
  hbm.device = id;
  hbm.resource = machine.add_resource({hbm.name, "B", 3e12, 0, ResourceClass::memory, "", id});
  hbm.capacity = Bytes(80e9);
  machine.add_tier(hbm);
  machine.add_engine({name + ".copy", id, std::make_unique<CopyEngine>(copy_start)});
  return id;
}

inline Op copy(const Machine& machine, const std::string& engine, const std::string& from,
               const std::string& to, double bytes, double pieces = 1) {
  Op op;
  op.kind = OpKind::copy;
  op.label = "copy";
  op.engine = machine.find_engine(engine);
  op.pieces = pieces;
  op.reads(machine.find_tier(from), bytes);
  op.writes(machine.find_tier(to), bytes);
  return op;
}

// Seconds until all ops, started together, have ended.
inline double run(const Machine& machine, std::vector<Op> ops) {
  Executor executor(machine, {});
  Step step;
  for (Op& op : ops) append(step.graph, std::move(op));
  executor.submit(std::move(step), Time());
  std::vector<Executor::Done> done;
  Time now;
  while (done.empty()) executor.advance(now = executor.next_event(), done);
  return now.seconds();
}

inline double percent_off(double got, double wanted) { return 100 * (got / wanted - 1); }

}  // namespace terrace::validate
