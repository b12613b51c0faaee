// Where the executor tells what ran when; the front door turns it into a Perfetto file.
#pragma once

#include "sim/machine.h"

namespace terrace {

struct OpSpan {
  const Op* op = nullptr;
  const OpPlan* plan = nullptr;
  std::int64_t step = 0;
  std::int32_t lane = 0;
  Time started, flows_at, ended;  // of the first of `times` rounds
  std::int64_t times = 1;         // folded: the same again every `period`
  Time period;
};

class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void op(const OpSpan& span) = 0;
  virtual void step(const Step& step, Time started, Time ended) = 0;
};

}  // namespace terrace
