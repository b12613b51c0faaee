// terrace quality POLICY…: what KV-cache policies do to a real model's attention (on a captured
// trace) and to its predictions (with the model in the loop), at several budgets, and what they are
// worth on a scenario's machine.
#include <fmt/format.h>

#include <memory>

#include "explore/front_door.h"
#include "explore/quality_page.h"
#include "sim/simulate.h"
#include "workloads/capture/capture_error.h"

namespace terrace {
namespace {

void check(const QualityArguments& args) {
  if (args.trace.empty() && (args.model.empty() || args.texts.empty()))
    throw InputError("quality: needs --trace, or --model with --text");
  if (args.model.empty() && (!args.comparisons.empty() || args.needles > 0))
    throw InputError("quality: --compare and --needles need --model with --text");
}

void run_quality(const QualityArguments& args) {
  check(args);
  std::vector<QualityJob> jobs = quality_jobs(args);
  handle_stop();
  try {
    const std::string file = args.database.empty() ? default_database() : args.database;
    // Before the work, so that a file that cannot be written is known at once.
    Database database = Database::open(file);
    const QualitySubject subject = QualitySubject::of(args);
    const std::vector<std::string> left_out = measure_all(jobs, subject, args);
    database.insert(std::nullopt, rows_of(jobs, subject));
    if (!args.scenario.empty()) time_all(jobs, args, file);
    if (args.quiet) return;
    if (args.json) {
      fmt::print("{}\n", json_of(jobs, subject));
      return;
    }
    const Page page = quality_page(jobs, subject, args, left_out);
    fmt::print("{}\n", args.markdown ? page.markdown(command_of(args)) : page.text());
  } catch (const CaptureError& error) {
    throw InputError(error.what());
  }
}

}  // namespace

void add_quality(CLI::App& app) {
  auto args = std::make_shared<QualityArguments>();
  CLI::App* command = app.add_subcommand(
      "quality", "what KV-cache policies do to a real model's attention and predictions");
  command
      ->add_option("POLICY", args->policies,
                   "presets by name, or files; h2o@20,10: at budgets of its own")
      ->required()
      ->type_name("");
  command->add_option("--trace", args->trace, "a captured trace: attention-output error")
      ->type_name("FILE");
  command->add_option("--model", args->model, "a model, run with the policy in the loop")
      ->type_name("FILE");
  command->add_option("--text", args->texts, "what the model reads; may be given again")
      ->allow_extra_args(false)
      ->type_name("FILE");
  command->add_option("--tokens", args->tokens, "of each text (else 2048)")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 20))
      ->type_name("N");
  command->add_option("--offset", args->offset, "tokens of the text to leave out in front")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_option("--prompt", args->prompt, "share that is prefilled (else 0.5)")
      ->check(CLI::Range(0.001, 0.999))
      ->type_name("X");
  command->add_option("--budgets", args->budgets, "percent of the tokens that are kept or read")
      ->delimiter(',')
      ->check(CLI::Range(0.01, 100.0))
      ->type_name("LIST");
  command->add_option("--needles", args->needles, "facts hidden in the text and asked for")
      ->check(CLI::Range(0, 16))
      ->type_name("N");
  command->add_option("--calibration", args->calibration, "a trace that policies may learn from")
      ->type_name("FILE");
  command
      ->add_option("--scenario", args->scenario,
                   "also run this scenario under each policy: what it is worth in tokens/s")
      ->type_name("FILE");
  command
      ->add_option("--profile", args->profile,
                   "the trace on which the scenario's work is measured (else --trace, else "
                   "--calibration)")
      ->type_name("FILE");
  command
      ->add_option("--compare", args->comparisons,
                   "A:B: is A better than B? With confidence; may be given again")
      ->allow_extra_args(false)
      ->type_name("A:B");
  command->add_option("--set", args->sets, "path=value in every policy")->type_name("a.b=c");
  command->add_option("--seed", args->seed, "of random members")->type_name("N");
  command->add_option("--db", args->database, "where figures are stored")->type_name("FILE");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->add_flag("--json", args->json, "as JSON");
  command->add_flag("-q,--quiet", args->quiet, "store only");
  command->callback([args] { run_quality(*args); });
}

}  // namespace terrace
