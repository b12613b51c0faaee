// A run as a Chrome/Perfetto trace: engines and their ops, resources in use, requests.
#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "sim/record.h"
#include "sim/trace.h"

namespace terrace {

// Trace Event Format (Google, "Trace Event Format", 2016): complete events "X", times in
// microseconds. Rounds of a folded repeat are written out up to `most_rounds`, the rest as one
// event that says so.
class Perfetto final : public TraceSink {
 public:
  Perfetto(const std::string& path, const Machine& machine);  // throws std::runtime_error
  ~Perfetto() override;
  void op(const OpSpan& span) override;
  void step(const Step& step, Time started, Time ended) override;
  void close(
      const Record& record);  // adds the requests; throws std::runtime_error when the disk is full

 private:
  static constexpr std::int64_t most_rounds = 128;
  void name(int process, std::int64_t thread, const std::string& what, const char* kind);
  void event(int process, std::int64_t thread, const std::string& what, Time start, Time span,
             const std::string& args);
  void put(const std::string& text);

  std::string path_;
  const Machine& machine_;
  std::FILE* file_ = nullptr;
  std::map<std::int32_t, std::vector<Time>> rows_;  // by lane: when the last step drawn there ends
  bool first_ = true, failed_ = false;
};

}  // namespace terrace
