// terrace quality POLICY…: what KV-cache policies do to a real model's attention (on a captured
// trace) and to its predictions (with the model in the loop), at several budgets.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "results/database.h"
#include "results/human.h"
#include "results/page.h"
#include "sim/scenario.h"
#include "sim/simulate.h"
#include "sim/suggest.h"
#include "workloads/capture/capture_error.h"
#include "workloads/capture/workers.h"
#include "workloads/kv/captured_trace.h"
#include "workloads/kv/in_loop.h"
#include "workloads/kv/quality.h"

namespace terrace {
namespace {

struct QualityArguments {
  std::vector<std::string> policies, sets;
  std::vector<double> budgets;
  std::string trace, model, text, calibration, database;
  std::int64_t tokens = 2048, offset = 0, needles = 0;
  double prompt = 0.5;
  std::uint64_t seed = 0;
  bool markdown = false, json = false, quiet = false;
};

struct Job {
  std::string name, hash;
  std::optional<double> budget;
  KvPolicy policy;
  std::optional<TraceQuality> on_trace;
  std::optional<InLoopQuality> in_loop;
  std::optional<NeedleQuality> needles;
  std::exception_ptr failed;
};

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

// The policy as it is, or at a budget; nothing where its budget knows no share.
std::optional<Job> job_of(const std::string& file, const QualityArguments& args,
                          std::optional<double> budget) {
  Mistakes mistakes;
  Node root = load_config(file, mistakes);
  mistakes.raise();
  for (const std::string& each : args.sets) set(root, each, mistakes);
  Reader reader(mistakes);
  Job job;
  job.policy = read<KvPolicy>(root, reader);
  mistakes.raise();
  if (budget) {
    Node* of_tokens = root.find("budget");
    if (of_tokens == nullptr) return std::nullopt;
    if (of_tokens->is_mapping()) of_tokens->take("tokens");
    Mistakes unknown;
    set(root, fmt::format("budget.share={}", *budget / 100), unknown);
    Reader again(unknown);
    job.policy = read<KvPolicy>(root, again);
    if (!unknown.empty()) return std::nullopt;
    job.budget = budget;
  }
  job.name = std::filesystem::path(file).stem().string();
  job.hash = sha1_hex(write(job.policy).dump()).substr(0, 12);
  return job;
}

void add_jobs(const std::string& policy, const QualityArguments& args, std::vector<Job>& jobs) {
  const std::string file = preset_file(policy);
  const std::size_t before = jobs.size();
  for (const double budget : args.budgets)
    if (std::optional<Job> job = job_of(file, args, budget)) jobs.push_back(std::move(*job));
  if (jobs.size() == before) jobs.push_back(std::move(*job_of(file, args, std::nullopt)));
}

// What policies are judged on.
struct Subject {
  std::unique_ptr<CapturedTrace> trace, calibration;
  std::string name;  // of model and text
  LlamaModel model;
  std::vector<std::int32_t> text;
  std::unique_ptr<FullPredictions> full;
  std::optional<NeedleQuality> full_needles;
};

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw InputError(file + ": cannot be read");
  return text.str();
}

Subject subject_of(const QualityArguments& args) {
  Subject s;
  if (!args.calibration.empty())
    s.calibration = std::make_unique<CapturedTrace>(KvTrace(args.calibration), true);
  if (!args.trace.empty()) {
    const KvTrace file(args.trace);
    s.trace = std::make_unique<CapturedTrace>(file, true);
    s.name = file.header().model + " on " + file.header().text;
  }
  if (args.model.empty()) return s;
  s.model = load_model(args.model);
  s.text = s.model.tokenizer->encode(contents(args.text));
  const auto have = static_cast<std::int64_t>(s.text.size());
  if (args.offset + args.tokens > have)
    throw InputError(fmt::format("{}: has {} tokens, not the {} that are asked for", args.text,
                                 have, args.offset + args.tokens));
  s.text.erase(s.text.begin() + static_cast<std::ptrdiff_t>(args.offset + args.tokens),
               s.text.end());
  s.text.erase(s.text.begin(), s.text.begin() + static_cast<std::ptrdiff_t>(args.offset));
  s.name = s.model.name + " on " + std::filesystem::path(args.text).filename().string();
  const auto prompt = static_cast<std::int64_t>(std::llround(args.prompt * double(args.tokens)));
  s.full = std::make_unique<FullPredictions>(s.model, s.text, prompt);
  if (args.needles > 0) {
    NeedleOptions needles;
    needles.needles = args.needles;
    needles.tokens = args.tokens;
    s.full_needles = find_needles(s.model, nullptr, s.text, needles);
  }
  return s;
}

void measure(Job& job, const Subject& s, const QualityArguments& args,
             const std::function<void(double)>& progress) {
  const AttentionTrace* calibration = s.calibration ? s.calibration.get() : nullptr;
  if (s.trace) {
    QualityOptions options;
    options.prompt = std::llround(args.prompt * double(s.trace->tokens()));
    options.seed = args.seed;
    options.calibration = calibration;
    job.on_trace = measure_quality(job.policy, *s.trace, options);
  }
  if (!s.full) return progress(1);
  InLoopOptions options;
  options.seed = args.seed;
  options.calibration = calibration;
  double before = 0;
  options.progress = [&](std::int64_t steps, std::int64_t all) {
    if (stop_requested()) throw Interrupted();
    const double now = double(steps) / double(all);
    progress(now - before);
    before = now;
  };
  job.in_loop = run_in_loop(s.model, job.policy, *s.full, options);
  progress(1 - before);
  if (args.needles == 0) return;
  NeedleOptions needles;
  needles.needles = args.needles;
  needles.tokens = args.tokens;
  needles.calibration = calibration;
  job.needles = find_needles(s.model, &job.policy, s.text, needles);
}

std::vector<std::string> measure_all(std::vector<Job>& jobs, const Subject& s,
                                     const QualityArguments& args) {
  Progress bar("quality", static_cast<double>(jobs.size()), "policies");
  std::mutex shown;
  double done = 0;
  share_out(static_cast<std::int64_t>(jobs.size()), [&](std::int64_t i) {
    Job& job = jobs[static_cast<std::size_t>(i)];
    try {
      if (stop_requested()) throw Interrupted();
      measure(job, s, args, [&](double step) {
        const std::lock_guard<std::mutex> lock(shown);
        bar.update(done += step, job.name);
      });
    } catch (...) {
      job.failed = std::current_exception();
    }
  });
  // A policy that this model cannot have is left out where others are left.
  std::vector<std::string> left_out;
  for (const Job& job : jobs)
    if (job.failed) try {
        std::rethrow_exception(job.failed);
      } catch (const BuildError& error) {
        left_out.push_back(job.name + ": " + error.what());
      }
  if (left_out.size() == jobs.size()) throw InputError(left_out.front());
  jobs.erase(std::remove_if(jobs.begin(), jobs.end(),
                            [](const Job& job) { return job.failed != nullptr; }),
             jobs.end());
  return left_out;
}

std::vector<QualityFigure> figures(const Job& job, const Subject& s) {
  std::vector<QualityFigure> all;
  const auto add = [&](const std::string& metric, const std::string& unit, double value) {
    all.push_back({metric, unit, value, -1, -1});
  };
  if (job.on_trace) all = job.on_trace->rows();
  if (job.in_loop) {
    add("perplexity", "1", job.in_loop->perplexity());
    add("perplexity, full cache", "1", job.in_loop->full_perplexity());
    add("nll above full", "nat", job.in_loop->nll - job.in_loop->full_nll);
    add("nll above full, standard error", "nat", job.in_loop->nll_error);
    add("KL from full", "nat", job.in_loop->divergence);
    add("same first token", "1", job.in_loop->agreement);
    if (!job.on_trace) add("bytes per token", "B", job.in_loop->bytes_per_token);
  }
  if (job.needles) {
    add("needle recall", "1", job.needles->recall);
    add("needle recall, full cache", "1", s.full_needles->recall);
  }
  return all;
}

Grid table_of(const std::vector<Job>& jobs) {
  Grid grid;
  grid.columns = {{"policy", false}, {"budget", true}, {"B per token", true}};
  const bool trace = jobs.front().on_trace.has_value(), loop = jobs.front().in_loop.has_value(),
             needles = jobs.front().needles.has_value();
  if (trace)
    for (const char* name : {"output error", "mass kept", "top-k recall"})
      grid.columns.push_back({name, true});
  if (loop)
    for (const char* name : {"perplexity", "nll above full", "KL", "same token"})
      grid.columns.push_back({name, true});
  if (needles) grid.columns.push_back({"needles", true});
  const auto percent = [](double x) { return fmt::format("{:.1f} %", 100 * x); };
  for (const Job& job : jobs) {
    std::vector<std::string> row = {
        job.name, job.budget ? fmt::format("{:g} %", *job.budget) : "as written",
        fmt::format("{:.1f}",
                    job.on_trace ? job.on_trace->bytes_per_token() : job.in_loop->bytes_per_token)};
    if (trace) {
      const HeadQuality all = job.on_trace->total();
      row.push_back(fmt::format("{:.4f}", all.relative_error()));
      row.push_back(percent(all.mass / std::max(1.0, all.steps)));
      row.push_back(percent(all.recall / std::max(1.0, all.recalls)));
    }
    if (loop) {
      const InLoopQuality& q = *job.in_loop;
      row.push_back(fmt::format("{:.3f}", q.perplexity()));
      row.push_back(fmt::format("{:+.4f} ± {:.4f}", q.nll - q.full_nll, 1.96 * q.nll_error));
      row.push_back(fmt::format("{:.4f}", q.divergence));
      row.push_back(percent(q.agreement));
    }
    if (needles) row.push_back(percent(job.needles->recall));
    grid.add(std::move(row));
  }
  return grid;
}

void store(const std::vector<Job>& jobs, const Subject& s, Database& database) {
  std::vector<QualityRow> rows;
  for (const Job& job : jobs)
    for (const QualityFigure& f : figures(job, s))
      rows.push_back({fmt::format("{}{} {}", job.name,
                                  job.budget ? fmt::format(" {:g} %", *job.budget) : "", job.hash),
                      s.name, f.metric, f.unit, f.value, "terrace quality"});
  database.insert(std::nullopt, rows);
}

void print_json(const std::vector<Job>& jobs, const Subject& s) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Job& job : jobs) {
    nlohmann::ordered_json row = {{"policy", job.name}, {"hash", job.hash}};
    if (job.budget) row["budget_percent"] = *job.budget;
    for (const QualityFigure& f : figures(job, s)) row["figures"][f.metric] = f.value;
    all.push_back(std::move(row));
  }
  fmt::print("{}\n", all.dump(2));
}

// What makes the same page again.
std::string command_of(const QualityArguments& a) {
  std::string line = "terrace quality";
  for (const std::string& each : a.policies) line += " " + each;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) line += std::string(" ") + option + " " + value;
  };
  add("--trace", a.trace);
  add("--model", a.model);
  add("--text", a.text);
  if (!a.model.empty()) {
    add("--tokens", std::to_string(a.tokens));
    if (a.offset > 0) add("--offset", std::to_string(a.offset));
    if (a.needles > 0) add("--needles", std::to_string(a.needles));
  }
  if (a.prompt != 0.5) add("--prompt", fmt::format("{:g}", a.prompt));
  add("--budgets", fmt::format("{:g}", fmt::join(a.budgets, ",")));
  add("--calibration", a.calibration);
  for (const std::string& each : a.sets) add("--set", "'" + each + "'");
  if (a.seed != 0) add("--seed", std::to_string(a.seed));
  return line;
}

void run_quality(const QualityArguments& args, const std::string& command) {
  if (args.trace.empty() && (args.model.empty() || args.text.empty()))
    throw InputError("quality: needs --trace, or --model with --text");
  std::vector<Job> jobs;
  for (const std::string& policy : args.policies) add_jobs(policy, args, jobs);
  handle_stop();
  try {
    const Subject subject = subject_of(args);
    // Before the work, so that a file that cannot be written is known at once.
    Database database = Database::open(args.database.empty() ? default_database() : args.database);
    const std::vector<std::string> left_out = measure_all(jobs, subject, args);
    store(jobs, subject, database);
    if (args.quiet) return;
    if (args.json) return print_json(jobs, subject);
    Page page;
    page.title("KV-cache policies: " + subject.name);
    if (subject.full)
      page.line(fmt::format("Full cache: perplexity {:.3f} over {} tokens after a prompt of {}{}",
                            jobs.front().in_loop->full_perplexity(), jobs.front().in_loop->steps,
                            subject.full->prompt(),
                            subject.full_needles ? fmt::format("; needles {:.1f} %",
                                                               100 * subject.full_needles->recall)
                                                 : ""));
    page.table(table_of(jobs));
    for (const std::string& each : left_out) page.item("left out: " + each);
    fmt::print("{}\n", args.markdown ? page.markdown(command) : page.text());
  } catch (const CaptureError& error) {
    throw InputError(error.what());
  }
}

}  // namespace

void add_quality(CLI::App& app) {
  auto args = std::make_shared<QualityArguments>();
  CLI::App* command = app.add_subcommand(
      "quality", "what KV-cache policies do to a real model's attention and predictions");
  command->add_option("POLICY", args->policies, "presets by name, or files")
      ->required()
      ->type_name("");
  command->add_option("--trace", args->trace, "a captured trace: attention-output error")
      ->type_name("FILE");
  command->add_option("--model", args->model, "a model, run with the policy in the loop")
      ->type_name("FILE");
  command->add_option("--text", args->text, "what the model reads")->type_name("FILE");
  command->add_option("--tokens", args->tokens, "of the text (else 2048)")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 20))
      ->type_name("N");
  command->add_option("--offset", args->offset, "tokens of the text to leave out in front")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_option("--prompt", args->prompt, "share that is prefilled (else 0.5)")
      ->check(CLI::Range(0.001, 0.999))
      ->type_name("X");
  command->add_option("--budgets", args->budgets, "percent of the tokens that are kept")
      ->delimiter(',')
      ->check(CLI::Range(0.01, 100.0))
      ->type_name("LIST");
  command->add_option("--needles", args->needles, "facts hidden in the text and asked for")
      ->check(CLI::Range(0, 16))
      ->type_name("N");
  command->add_option("--calibration", args->calibration, "a trace that policies may learn from")
      ->type_name("FILE");
  command->add_option("--set", args->sets, "path=value in every policy")->type_name("a.b=c");
  command->add_option("--seed", args->seed, "of random members")->type_name("N");
  command->add_option("--db", args->database, "where figures are stored")->type_name("FILE");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->add_flag("--json", args->json, "as JSON");
  command->add_flag("-q,--quiet", args->quiet, "store only");
  command->callback([args] { run_quality(*args, command_of(*args)); });
}

}  // namespace terrace
