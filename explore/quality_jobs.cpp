// Policies by name, at budgets, measured.
#include "explore/quality_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "sim/scenario.h"
#include "sim/simulate.h"
#include "sim/suggest.h"
#include "workloads/capture/workers.h"
#include "workloads/kv/budget/budget_size.h"

namespace terrace {
namespace {

// A file, or the name of a preset in kv/ of the configs.
std::string preset_file(const std::string& policy) {
  if (std::filesystem::is_regular_file(policy)) return policy;
  std::vector<std::string> presets;
  for (const std::string& directory : config_search_path()) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory + "/kv", none))
      if (entry.path().extension() == ".yaml") {
        if (entry.path().stem() == policy) return entry.path().string();
        presets.push_back(entry.path().stem().string());
      }
  }
  throw InputError("no preset and no file \"" + policy + "\"" + did_you_mean(policy, presets));
}

// The policy with this share under `family`, written to `root`; nothing where that has no share.
std::optional<KvPolicy> at_share(Node& root, const char* family, double share) {
  Node changed = root;
  Node* member = changed.find(family);
  if (member == nullptr) return std::nullopt;
  if (member->is_mapping()) member->take("tokens");
  Mistakes unknown;
  set(changed, fmt::format("{}.share={}", family, share), unknown);
  Reader reader(unknown);
  KvPolicy policy = read<KvPolicy>(changed, reader);
  if (!unknown.empty()) return std::nullopt;
  root = std::move(changed);
  return policy;
}

// What a step reads at this share; where everything is read, what is kept. Nothing that is read may
// be given up before.
std::optional<KvPolicy> at_budget(Node root, const KvPolicy& as_written, double share) {
  std::optional<KvPolicy> reads = at_share(root, "place", share);
  if (!reads) return at_share(root, "budget", share);
  const auto* size = as_written.budget.params_as<BudgetSize>();
  if (root.find("budget") == nullptr || size == nullptr || size->share >= share) return reads;
  return at_share(root, "budget", share);
}

// The policy as it is, or at a budget; nothing where it has no share to set.
std::optional<QualityJob> job_of(const std::string& file, const QualityArguments& args,
                                 std::optional<double> budget) {
  Mistakes mistakes;
  Node root = load_config(file, mistakes);
  mistakes.raise();
  for (const std::string& each : args.sets) set(root, each, mistakes);
  Reader reader(mistakes);
  QualityJob job;
  job.policy = read<KvPolicy>(root, reader);
  mistakes.raise();
  if (budget) {
    const std::optional<KvPolicy> policy = at_budget(root, job.policy, *budget / 100);
    if (!policy) return std::nullopt;
    job.policy = *policy;
    job.budget = budget;
  }
  job.name = std::filesystem::path(file).stem().string();
  job.hash = policy_hash(job.policy);
  return job;
}

std::vector<double> own_budgets(const std::string& argument, const std::string& list) {
  std::vector<double> budgets;
  std::istringstream in(list);
  for (std::string each; std::getline(in, each, ',');) {
    char* end = nullptr;
    const double percent = std::strtod(each.c_str(), &end);
    if (end == each.c_str() || *end != '\0' || !(percent > 0 && percent <= 100))
      throw InputError("\"" + argument + "\": a budget is a number of percent, as in h2o@20");
    budgets.push_back(percent);
  }
  return budgets;
}

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw InputError(file + ": cannot be read");
  return text.str();
}

QualitySubject::Text text_of(const std::string& file, const LlamaModel& model,
                             const QualityArguments& args) {
  QualitySubject::Text text;
  text.name = std::filesystem::path(file).filename().string();
  const std::vector<std::int32_t> all = model.tokenizer->encode(contents(file));
  const auto have = static_cast<std::int64_t>(all.size());
  if (args.offset + args.tokens > have)
    throw InputError(fmt::format("{}: has {} tokens, not the {} that are asked for", file, have,
                                 args.offset + args.tokens));
  text.tokens.assign(all.begin() + args.offset, all.begin() + args.offset + args.tokens);
  const auto prompt = static_cast<std::int64_t>(std::llround(args.prompt * double(args.tokens)));
  text.full = std::make_unique<FullPredictions>(model, text.tokens, prompt);
  return text;
}

template <class Get>
double mean_over_steps(const std::vector<InLoopQuality>& texts, Get get) {
  double sum = 0, steps = 0;
  for (const InLoopQuality& q : texts) {
    sum += get(q) * double(q.steps);
    steps += double(q.steps);
  }
  return sum / steps;
}

void measure(QualityJob& job, const QualitySubject& s, const QualityArguments& args,
             const std::function<void(double)>& progress) {
  const AttentionTrace* calibration = s.calibration ? s.calibration.get() : nullptr;
  if (s.trace) {
    QualityOptions options;
    options.prompt = std::llround(args.prompt * double(s.trace->tokens()));
    options.seed = args.seed;
    options.calibration = calibration;
    job.on_trace = measure_quality(job.policy, *s.trace, options);
  }
  double before = 0;
  for (std::size_t t = 0; t < s.texts.size(); ++t) {
    InLoopOptions options;
    options.seed = args.seed;
    options.calibration = calibration;
    options.progress = [&](std::int64_t steps, std::int64_t all) {
      if (stop_requested()) throw Interrupted();
      const double now = (double(t) + double(steps) / double(all)) / double(s.texts.size());
      progress(now - before);
      before = now;
    };
    job.in_loop.push_back(run_in_loop(s.model, job.policy, *s.texts[t].full, options));
  }
  progress(1 - before);
  if (args.needles == 0) return;
  job.needles = s.needles->under(s.model, job.policy, calibration, job.in_loop.front().full_prompt);
}

}  // namespace

std::string QualityJob::label() const {
  return budget ? fmt::format("{}@{:g}", name, *budget) : name;
}

double QualityJob::bytes_per_token() const {
  return on_trace ? on_trace->bytes_per_token() : in_loop.front().bytes_per_token;
}

std::vector<const Losses*> QualityJob::losses() const {
  std::vector<const Losses*> all;
  for (const InLoopQuality& q : in_loop) all.push_back(&q.losses);
  return all;
}

std::vector<const Losses*> QualityJob::full_losses() const {
  std::vector<const Losses*> all;
  for (const InLoopQuality& q : in_loop) all.push_back(&q.full_losses);
  return all;
}

double QualityJob::perplexity() const {
  return std::exp(mean_over_steps(in_loop, [](const InLoopQuality& q) { return q.nll; }));
}
double QualityJob::full_perplexity() const {
  return std::exp(mean_over_steps(in_loop, [](const InLoopQuality& q) { return q.full_nll; }));
}
double QualityJob::divergence() const {
  return mean_over_steps(in_loop, [](const InLoopQuality& q) { return q.divergence; });
}
double QualityJob::agreement() const {
  return mean_over_steps(in_loop, [](const InLoopQuality& q) { return q.agreement; });
}

std::vector<QualityJob> quality_jobs(const QualityArguments& args) {
  std::vector<QualityJob> jobs;
  for (const std::string& argument : args.policies) {
    const std::size_t at = argument.rfind('@');
    const bool own = at != std::string::npos && !std::filesystem::is_regular_file(argument);
    const std::string file = preset_file(own ? argument.substr(0, at) : argument);
    const std::size_t before = jobs.size();
    for (const double budget : own ? own_budgets(argument, argument.substr(at + 1)) : args.budgets)
      if (std::optional<QualityJob> job = job_of(file, args, budget))
        jobs.push_back(std::move(*job));
    if (jobs.size() == before && own)
      throw InputError("\"" + argument + "\": this policy has no share of tokens to set");
    if (jobs.size() == before) jobs.push_back(std::move(*job_of(file, args, std::nullopt)));
  }
  return jobs;
}

QualitySubject QualitySubject::of(const QualityArguments& args) {
  QualitySubject s;
  if (!args.calibration.empty())
    s.calibration = std::make_unique<CapturedTrace>(KvTrace(args.calibration), true);
  if (!args.trace.empty()) {
    const KvTrace file(args.trace);
    s.trace = std::make_unique<CapturedTrace>(file, true);
    s.name = file.header().model + " on " + file.header().text;
  }
  if (args.model.empty()) return s;
  s.model = load_model(args.model);
  for (const std::string& file : args.texts) {
    s.texts.push_back(text_of(file, s.model, args));
    s.name = s.texts.size() == 1 ? s.model.name + " on " + s.texts.back().name
                                 : s.name + ", " + s.texts.back().name;
  }
  if (args.needles > 0) {
    NeedleOptions needles;
    needles.needles = args.needles;
    needles.tokens = args.tokens;
    s.needles = std::make_unique<NeedleText>(s.model, s.texts.front().tokens, needles);
  }
  return s;
}

std::vector<std::string> measure_all(std::vector<QualityJob>& jobs, const QualitySubject& s,
                                     const QualityArguments& args) {
  Progress bar("quality", static_cast<double>(jobs.size()), "policies");
  std::mutex shown;
  double done = 0;
  share_out(static_cast<std::int64_t>(jobs.size()), [&](std::int64_t i) {
    QualityJob& job = jobs[static_cast<std::size_t>(i)];
    try {
      if (stop_requested()) throw Interrupted();
      measure(job, s, args, [&](double step) {
        const std::lock_guard<std::mutex> lock(shown);
        bar.update(done += step, job.label());
      });
    } catch (...) {
      job.failed = std::current_exception();
    }
  });
  std::vector<std::string> left_out;
  for (const QualityJob& job : jobs)
    if (job.failed) try {
        std::rethrow_exception(job.failed);
      } catch (const BuildError& error) {
        left_out.push_back(job.label() + ": " + error.what());
      }
  if (left_out.size() == jobs.size()) throw InputError(left_out.front());
  jobs.erase(std::remove_if(jobs.begin(), jobs.end(),
                            [](const QualityJob& job) { return job.failed != nullptr; }),
             jobs.end());
  return left_out;
}

}  // namespace terrace
