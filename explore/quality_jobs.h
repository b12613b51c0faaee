// What `terrace quality` measures: policies at budgets, held against a trace, and against a model
// that reads texts.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/record.h"
#include "workloads/kv/captured_trace.h"
#include "workloads/kv/in_loop.h"
#include "workloads/kv/quality.h"

namespace terrace {

struct QualityArguments {
  std::vector<std::string> policies, sets, texts, comparisons;
  std::vector<double> budgets;
  std::string trace, model, calibration, scenario, profile, database;
  std::int64_t tokens = 2048, offset = 0, needles = 0;
  double prompt = 0.5;
  std::uint64_t seed = 0;
  bool markdown = false, json = false, quiet = false;
};

// A policy, as written or at a budget (percent), and what was found out about it.
struct QualityJob {
  std::string name, hash;
  std::optional<double> budget;
  KvPolicy policy;
  std::optional<TraceQuality> on_trace;
  std::vector<InLoopQuality> in_loop;  // by text
  std::optional<NeedleQuality> needles;
  std::optional<Record> timed;  // by the scenario
  std::string not_timed;        // why not
  std::exception_ptr failed;

  std::string label() const;  // "h2o@20"
  double bytes_per_token() const;
  std::vector<const Losses*> losses() const, full_losses() const;
  MeanDifference above_full() const { return mean_difference(losses(), full_losses()); }
  double perplexity() const, full_perplexity() const;  // over the steps of all texts
  double divergence() const, agreement() const;
};

// "h2o", "h2o@20" or "h2o@20,10": a preset or a file, at its own budgets, else at those of the
// arguments where the policy has a share to set: its budget's, else that of what a step reads.
std::vector<QualityJob> quality_jobs(const QualityArguments& args);

// What policies are judged on.
struct QualitySubject {
  struct Text {
    std::string name;
    std::vector<std::int32_t> tokens;
    std::unique_ptr<FullPredictions> full;
  };
  std::unique_ptr<CapturedTrace> trace, calibration;
  std::string name;  // of model and texts
  LlamaModel model;
  std::vector<Text> texts;
  std::unique_ptr<NeedleText> needles;  // hidden in the first text; null: none

  static QualitySubject of(const QualityArguments& args);
};

// Shares the jobs out among the processors. Jobs that this model cannot have are taken out where
// others remain; returns why, a line each.
std::vector<std::string> measure_all(std::vector<QualityJob>& jobs, const QualitySubject& subject,
                                     const QualityArguments& args);

// Runs the scenario under each policy, two processes at a time; records go to the database.
void time_all(std::vector<QualityJob>& jobs, const QualityArguments& args,
              const std::string& database);

}  // namespace terrace
