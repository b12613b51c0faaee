// The SystemC side of a run: one process that wakes at every event of the executor and of the
// workload.
#include "sim/simulate.h"

#include <exception>
#include <stdexcept>
#include <systemc>

namespace terrace {
namespace {

Time now_of(const sc_core::sc_time& t) { return Time::ps(static_cast<std::int64_t>(t.value())); }

class Stage : public sc_core::sc_module {
 public:
  Stage(sc_core::sc_module_name name, Workload& workload, Executor& executor,
        const SimulateOptions& options)
      : sc_module(name), workload_(workload), executor_(executor), options_(options) {
    SC_HAS_PROCESS(Stage);
    SC_METHOD(tick);
  }

  std::exception_ptr failure() const { return failure_; }
  Time last() const { return last_; }

 private:
  void tick() {
    try {
      run();
    } catch (...) {  // must not unwind through the SystemC kernel
      failure_ = std::current_exception();
      sc_core::sc_stop();
    }
  }

  void run() {
    const Time now = now_of(sc_core::sc_time_stamp());
    while (true) {
      done_.clear();
      if (executor_.next_event() <= now) executor_.advance(now, done_);
      for (const Executor::Done& d : done_) workload_.completed(d.step, now);
      bool submitted = false;
      while (std::optional<Step> step = workload_.next(now)) {
        executor_.submit(std::move(*step), now);
        submitted = true;
      }
      if (!submitted && executor_.next_event() > now) break;
    }
    if (!done_.empty()) last_ = now;
    if ((++ticks_ & 0xfff) == 0) {
      if (options_.stop != nullptr && options_.stop->load()) throw Interrupted();
      if (options_.progress) options_.progress(workload_.progress(), now);
    }
    const Time next = std::min(executor_.next_event(), workload_.wake());
    if (next != Time::never()) {
      if (next <= now) throw std::runtime_error("the workload asked to be woken in the past");
      last_ = now;
      next_trigger(sc_core::sc_time::from_value(static_cast<sc_dt::uint64>((next - now).ps())));
      return;
    }
    last_ = now;
    if (!workload_.finished())
      throw std::runtime_error("the workload waits for something that never comes");
    sc_core::sc_stop();
  }

  Workload& workload_;
  Executor& executor_;
  const SimulateOptions& options_;
  std::vector<Executor::Done> done_;
  std::exception_ptr failure_;
  Time last_;
  std::uint64_t ticks_ = 0;
};

}  // namespace

void simulate(const Machine& machine, Workload& workload, const SimulateOptions& options,
              Record& record) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
  Executor executor(machine, options.executor);
  Stage stage("stage", workload, executor, options);
  sc_core::sc_start();
  if (stage.failure()) std::rethrow_exception(stage.failure());
  const Time end = stage.last();
  record.simulated_seconds = end.seconds();
  executor.accounts().report(record, end);
  workload.report(record, end);
}

}  // namespace terrace
