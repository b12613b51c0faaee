// Runs scenarios one after another in this process: what a measured run is compared with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sim/record.h"
#include "sim/scenario.h"

namespace terrace::validate {

struct RunSpec {
  std::string base;  // scenario below configs/
  Point sets;        // what is changed in it
  std::string text() const;
};

struct RunResult {
  std::shared_ptr<const Record> record;  // null: it cannot run
  std::string why;                       // then: the first mistake, without its place
  std::optional<std::int64_t> run;       // its number, where it was stored
};

class RunBench {
 public:
  using Store = std::function<std::int64_t(const Record&)>;
  using Tell = std::function<void(std::size_t done, const std::string& what)>;
  explicit RunBench(Store store = {}, Tell tell = {})
      : store_(std::move(store)), tell_(std::move(tell)) {}

  const RunResult& run(const RunSpec& spec);  // the same one only once

 private:
  Store store_;
  Tell tell_;
  std::map<std::string, RunResult> done_;
};

// The scenario's record, as `terrace run` makes it. No SystemC: many fit in a process.
Record record_of(const Scenario& scenario);

}  // namespace terrace::validate
