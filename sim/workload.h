// What an LLM asks of the machine, step by step. Told when each step ended; never sees a device
// model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/op_graph.h"
#include "sim/record.h"

namespace terrace {

class Machine;

class Workload {
 public:
  // What every workload is told when it is made. Throws BuildError (sim/registry.h) where the
  // scenario cannot run on this machine: a model that does not fit, a tier that does not exist.
  struct Context {
    Machine& machine;  // tiers, engines and groups; a workload may add rank groups
    std::uint64_t seed = 0;
  };
  static constexpr const char* family = "workload";
  static constexpr const char* meaning = "what is asked of the machine";

  virtual ~Workload() = default;
  virtual std::optional<Step> next(
      Time now) = 0;  // a step that may start now; nothing: ask again at wake() or a completion
  virtual Time wake()
      const = 0;  // the next time something can happen by itself; never(): only completions matter
  virtual bool finished() const = 0;
  virtual void completed(std::int64_t step_id, Time now) = 0;
  virtual void report(Record& record,
                      Time end) const = 0;  // statistics, request rows, series, headline
  virtual double progress() const = 0;      // 0 … 1, for a progress bar

  // What can be said before anything runs, for `terrace explain`: predicted KV blocks, weights, a
  // few typical steps.
  struct Sample {
    std::string name;  // "decode, 64 sequences of 1,000 tokens"
    Step step;
  };
  virtual std::vector<Stat> facts() const { return {}; }
  virtual std::vector<Sample> samples() { return {}; }
};

}  // namespace terrace
