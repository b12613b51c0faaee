// Predicts and executes steps, and lays both beside each other.
#include "explore/run_gpu.h"

#include <fmt/format.h>

#include <cctype>
#include <regex>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "results/human.h"
#include "sim/simulate.h"
#include "sim/version.h"
#include "validate/cuda/execute/predict.h"
#include "validate/cuda/nvml.h"
#include "workloads/serving/serving.h"

namespace terrace {
namespace {

// "decode_32_sequences_of_1000_tokens"
std::string slug(const std::string& name) {
  std::string out;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  return out;
}

void add_prediction(Record& record, const GpuStep& step) {
  const std::string at = slug(step.name);
  record.simulated_seconds += step.predicted.simulated_seconds;
  record.stat(at + ".seconds", step.predicted.simulated_seconds, "s", step.name + ": predicted");
  for (const OpBreakdown& op : step.predicted.ops)
    record.stat(at + "." + op.label + ".seconds", op.seconds, "s",
                fmt::format("{}: predicted, {} times {}", step.name, op.count, op.label));
  for (OpBreakdown op : step.predicted.ops) {
    op.label = at + "." + op.label;
    record.ops.push_back(std::move(op));
  }
  for (const std::string& remark : step.remarks)
    record.remarks.push_back(step.name + ": " + remark);
  if (!step.not_executed.empty())
    record.remarks.push_back(step.name + ": not executed: " + step.not_executed);
}

void add_measurement(std::vector<Measurement>& to, const std::string& source, const GpuStep& step) {
  const std::string at = slug(step.name);
  const auto add = [&](const std::string& subject, double value) {
    to.push_back({source, subject, "s", value});
  };
  add(at + ".seconds", step.measured->step.median);
  add(at + ".seconds.p10", step.measured->step.low);
  add(at + ".seconds.p90", step.measured->step.high);
  add(at + ".seconds.op_by_op", step.measured->eager.median);
  for (const cuda::OpTime& op : step.measured->ops)
    add(at + "." + op.label + ".seconds", op.seconds);
}

std::string source_of(const cuda::DeviceInfo& d, const std::string& library) {
  return fmt::format("terrace {} on {}, driver {}, CUDA {}.{}, {}", code_version(), d.name,
                     d.driver_version.empty() ? std::to_string(d.driver) : d.driver_version,
                     d.runtime / 1000, d.runtime % 1000 / 10, library);
}

std::string deviation(double predicted, double measured) {
  return measured > 0 ? human_signed_percent(predicted / measured - 1) : "–";
}

Grid ops_of(const GpuStep& step) {
  Grid grid;
  grid.columns = {{"op", false}, {"times", true}, {"predicted", true}};
  if (step.measured) {
    grid.columns.push_back({"measured", true});
    grid.columns.push_back({"off by", true});
  }
  for (const OpBreakdown& op : step.predicted.ops) {
    std::vector<std::string> row = {op.label, human_count(static_cast<double>(op.count)),
                                    human(op.seconds, "s")};
    if (step.measured) {
      const cuda::OpTime* found = nullptr;
      for (const cuda::OpTime& m : step.measured->ops)
        if (m.label == op.label) found = &m;
      row.push_back(found != nullptr ? human(found->seconds, "s") : "–");
      row.push_back(found != nullptr ? deviation(op.seconds, found->seconds) : "–");
    }
    grid.add(std::move(row));
  }
  return grid;
}

}  // namespace

std::vector<Workload::Sample> steps_of(Workload& workload, const std::vector<std::string>& texts) {
  if (texts.empty()) return workload.samples();
  auto* serving = dynamic_cast<Serving*>(&workload);
  if (serving == nullptr) throw InputError("--step means something for kind: serving only");
  std::vector<Workload::Sample> out;
  static const std::regex form(R"((\d{1,6})x(\d{1,8})(\+(\d{1,8}))?)");
  for (const std::string& text : texts) {
    std::smatch parts;
    if (!std::regex_match(text, parts, form))
      throw InputError("--step " + text +
                       ": is SEQUENCESxCONTEXT for decode, as 64x2048, or SEQUENCESxCONTEXT+TOKENS "
                       "for prefill, as 1x0+4096");
    const std::int64_t sequences = std::stoll(parts[1]), context = std::stoll(parts[2]);
    const std::int64_t tokens = parts[4].matched ? std::stoll(parts[4]) : 1;
    if (sequences < 1 || tokens < 1) throw InputError("--step " + text + ": nothing to do");
    out.push_back(serving->step_of(sequences, context, tokens));
  }
  return out;
}

GpuRun run_gpu(const Scenario& scenario, const Machine& machine, Workload& workload,
               const GpuRunOptions& options) {
  handle_stop();
  std::optional<cuda::DeviceInfo> device;
  if (options.execute) device = cuda::open_device();
  const auto breathe = [] {
    if (stop_requested()) throw Interrupted();
  };
  GpuRun run;
  Record& record = run.record;
  record.name = scenario.params().name;
  record.scenario = scenario.canonical();
  record.scenario_hash = scenario.hash();
  record.code_version = code_version();
  record.backend = options.execute ? "gpu" : "plan";
  record.seed = static_cast<std::uint64_t>(scenario.params().seed);
  if (!options.steps.empty())  // other steps are another run
    record.backend += fmt::format(" {}", fmt::join(options.steps, " "));
  const std::vector<Workload::Sample> samples = steps_of(workload, options.steps);
  if (samples.empty()) throw Failure("this workload has no representative steps to execute");

  Progress bar(record.name, options.progress ? static_cast<double>(samples.size()) : 0, "steps");
  std::string last_failure;
  bool too_small = false;
  for (const Workload::Sample& sample : samples) {
    breathe();
    GpuStep step;
    step.name = sample.name;
    if (options.progress) bar.update(static_cast<double>(run.steps.size()), sample.name);
    step.predicted = cuda::predict_step(sample.step, machine);
    try {
      cuda::PlanOptions plan_for = device ? cuda::plan_options(*device) : cuda::PlanOptions{};
      plan_for.seed = static_cast<unsigned>(record.seed);
      const cuda::Plan plan = cuda::plan_step(sample.step, machine, plan_for);
      step.device_bytes = plan.device_bytes;
      step.pinned_bytes = plan.pinned_bytes;
      step.remarks = plan.remarks;
      if (device) {
        cuda::ExecuteOptions execute;
        execute.breathe = breathe;
        step.measured = cuda::execute(plan, sample.step, execute);
      }
    } catch (const cuda::NotExecutable& why) {
      step.not_executed = last_failure = why.what();
    } catch (const cuda::NoGpu& why) {  // this step does not fit; others may
      step.not_executed = last_failure = why.what();
      too_small = true;
    } catch (const cuda::OutOfGpuMemory& why) {
      step.not_executed = last_failure = why.what();
      too_small = true;
    } catch (const cuda::NotPossible& why) {  // as the host's memory
      step.not_executed = last_failure = why.what();
      too_small = true;
    } catch (const cuda::GpuError& why) {  // other steps may do without what failed
      step.not_executed = last_failure = run.failure = why.what();
    }
    add_prediction(record, step);
    if (step.measured) {
      const std::string source = source_of(*device, step.measured->gemm_library);
      add_measurement(run.measurements, source, step);
      const cuda::GpuState state = cuda::Nvml(device->pci_bus).state();
      if (state.sm_clock_hz > 0)
        run.measurements.push_back(
            {source, slug(step.name) + ".sm_clock", "Hz", state.sm_clock_hz});
      if (state.power_w > 0)
        run.measurements.push_back({source, slug(step.name) + ".power", "W", state.power_w});
    }
    run.steps.push_back(std::move(step));
  }
  if (options.progress) bar.update(static_cast<double>(samples.size()));
  if (device && run.measurements.empty() && too_small) throw cuda::NoGpu(last_failure);
  if (device && run.measurements.empty())
    throw Failure("none of the steps could be executed: " + last_failure);
  return run;
}

Page GpuRun::page() const {
  Page page;
  page.title(record.name);
  Grid grid;
  grid.columns = {{"step", false},  {"predicted", true},  {"measured", true},
                  {"off by", true}, {"GPU memory", true}, {"host memory", true}};
  for (const GpuStep& s : steps) {
    const double predicted = s.predicted.simulated_seconds;
    const double measured = s.measured ? s.measured->step.median : 0;
    grid.add({s.name, human(predicted, "s"), s.measured ? human(measured, "s") : "–",
              deviation(predicted, measured), human(static_cast<double>(s.device_bytes), "B"),
              human(static_cast<double>(s.pinned_bytes), "B")});
  }
  page.table(std::move(grid));
  for (const GpuStep& s : steps) {
    page.heading(s.name);
    if (!s.not_executed.empty()) page.line("Not executed: " + s.not_executed + ".");
    if (s.measured)
      page.line(fmt::format(
          "{} repeats, {} to {} (10th to 90th percentile); {}; op by op {}; matrices by {}.",
          s.measured->step.repeats, human(s.measured->step.low, "s"),
          human(s.measured->step.high, "s"),
          s.measured->captured ? "replayed from a CUDA graph" : "launched op by op",
          human(s.measured->eager.median, "s"), s.measured->gemm_library));
    for (const std::string& remark : s.remarks) page.item(remark);
    page.table(ops_of(s));
  }
  return page;
}

}  // namespace terrace
