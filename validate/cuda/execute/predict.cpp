// One step through the executor, without a workload around it.
#include "validate/cuda/execute/predict.h"

#include "sim/executor.h"

namespace terrace::cuda {

Record predict_step(const Step& step, const Machine& machine) {
  Executor executor(machine, {});
  executor.submit(step, Time());
  std::vector<Executor::Done> done;
  Time now;
  while (done.empty()) {
    now = executor.next_event();
    executor.advance(now, done);
  }
  Record record;
  record.simulated_seconds = now.seconds();
  executor.accounts().report(record, now);
  return record;
}

}  // namespace terrace::cuda
