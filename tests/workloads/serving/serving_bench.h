// A serving workload on a machine without physics: a function says how long a step takes, so that
// times have closed forms.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/registry.h"
#include "tests/sim/toy_machine.h"
#include "workloads/serving/serving.h"

namespace terrace::bench {

class NoEngine final : public Engine {
 public:
  void plan(const Op&, const Machine&, OpPlan&) const override {}
};

struct MachineShape {
  int gpus = 1;
  double hbm = 1e9, dram = 1e12, cxl = 1e12;
};

inline void add_device(Machine& machine, const std::string& name, const std::string& kind,
                       const std::string& memory, double bytes, std::vector<const char*> engines) {
  Device device;
  device.name = name;
  device.kind = kind;
  device.facts = {{"sm_count", 1}, {"max_threads_per_sm", 1}, {"capability", 9.0}};
  const DeviceId id = machine.add_device(std::move(device));
  Tier tier;
  tier.name = name + "." + memory;
  tier.device = id;
  tier.resource = machine.add_resource({tier.name, "B", 1e12, 0, ResourceClass::memory, "", id});
  tier.capacity = Bytes(bytes);
  machine.add_tier(std::move(tier));
  for (const char* engine : engines)
    machine.add_engine({name + "." + engine, id, std::make_unique<NoEngine>()});
}

inline std::unique_ptr<Machine> machine_of(const MachineShape& shape = {}) {
  auto machine = std::make_unique<Machine>();
  for (int i = 0; i < shape.gpus; ++i)
    add_device(*machine, "gpu" + std::to_string(i), "gpu", "hbm", shape.hbm,
               {"compute", "copy_in", "copy_out", "driver"});
  add_device(*machine, "host", "host", "dram", shape.dram, {"cpu"});
  add_device(*machine, "cxl", "cxl", "dram", shape.cxl, {"dma"});
  add_device(*machine, "island", "host", "dram", 1e12, {});  // no link leads there
  for (int i = 0; i < shape.gpus; ++i)
    toy::add_link(*machine, "pcie" + std::to_string(i), i, shape.gpus, 1e10);
  toy::add_link(*machine, "cxl_link", shape.gpus, shape.gpus + 1, 1e10);
  return machine;
}

// 2 layers of 2 KV heads of 16 numbers in bf16: 256 B a token, 4 KiB a block of 16.
inline const char* toy_model =
    "{name: toy, layers: 2, hidden: 64, heads: 4, kv_heads: 2, head_dim: 16, intermediate: 128, "
    "vocab: 256, "
    "max_positions: 1048576}";

struct Holder {
  Choice<Workload> workload;
  static void fields(Schema<Holder>& s) {
    s.field("workload", &Holder::workload, "what is tested");
  }
};

inline Choice<Workload> chosen(const std::string& rest) {
  Mistakes mistakes;
  const Node root =
      parse_config("workload: {kind: serving, model: " + std::string(toy_model) + ", " + rest + "}",
                   "test", mistakes);
  Reader reader(mistakes);
  const auto holder = read<Holder>(root, reader);
  mistakes.raise();
  return holder.workload;
}

inline std::unique_ptr<Workload> serving(Machine& machine, const std::string& rest,
                                         std::uint64_t seed = 1) {
  return chosen(rest).make({machine, seed});
}

// HBM with room for about `blocks` blocks of the toy model.
inline MachineShape with_blocks(double blocks) {
  const auto probe = machine_of();
  const auto workload =
      serving(*probe,
              "requests: {kind: static_batch, batch: 1, lengths: {kind: fixed, input: 1, "
              "output: 1}}, engine: {max_model_len: 640}");
  double room = 0;
  for (const Stat& s : workload->facts())
    if (s.name == "memory.kv") room = s.value;
  MachineShape shape;
  shape.hbm -= (room - blocks * 4096) / 0.9;
  return shape;
}

// Plays the workload to its end: the host thread first, then the GPU; steps of a lane one after
// another, copies beside them. `gpu` says how long a step takes there. Returns the time of the last
// event.
inline Time play(Workload& workload, const std::function<Time(const Step&)>& gpu) {
  struct Event {
    Time at;
    std::int64_t order, id;
    bool operator<(const Event& o) const { return at != o.at ? at > o.at : order > o.order; }
  };
  std::priority_queue<Event> events;
  std::map<std::int32_t, Time> gpu_free, host_free;
  std::int64_t order = 0;
  Time now;
  while (true) {
    for (; !events.empty() && events.top().at <= now; events.pop())
      workload.completed(events.top().id, now);
    while (std::optional<Step> step = workload.next(now)) {
      Time end = now;
      if (step->lane >= 0) {
        Time ready = now;
        const Op& first = step->graph[0];
        if (first.kind == OpKind::host_compute)
          ready = host_free[step->lane] = std::max(now, host_free[step->lane]) + first.host_time;
        end = gpu_free[step->lane] = std::max(ready, gpu_free[step->lane]) + gpu(*step);
      } else {
        end = now + gpu(*step);
      }
      events.push({end, order++, step->id});
    }
    if (!events.empty() && events.top().at <= now) continue;
    Time next = workload.wake();
    if (!events.empty()) next = std::min(next, events.top().at);
    if (next == Time::never()) break;
    if (next <= now) throw std::logic_error("woken in the past");
    now = next;
  }
  if (!workload.finished())
    throw std::logic_error("the workload waits for something that never comes");
  return now;
}

inline Time ms(double n) { return Time::nearest(Seconds(n * 1e-3)); }

inline double stat(const Record& record, const std::string& name) {
  const Stat* s = record.find(name);
  if (s == nullptr) throw std::logic_error("no statistic " + name);
  return s->value;
}

}  // namespace terrace::bench
