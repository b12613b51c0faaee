// `terrace capture`: a model, a text, and what passes through the model's attention as a trace.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "results/human.h"
#include "sim/simulate.h"
#include "workloads/capture/capture.h"
#include "workloads/capture/workers.h"

namespace terrace {
namespace {

struct CaptureArguments {
  std::string model, text, out, tokenizer, layers, storage = "int8", tensors = "q,k,v,x";
  std::int64_t tokens = 0, offset = 0;
  int threads = 0;
  bool quiet = false;
};

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

// What makes the same file again, without this machine's folders.
std::string command_of(const CaptureArguments& a, std::int64_t tokens) {
  std::string line = fmt::format("terrace capture {} {} --out {} --tokens {}", file_name(a.model),
                                 file_name(a.text), file_name(a.out), tokens);
  if (a.offset > 0) line += fmt::format(" --offset {}", a.offset);
  if (!a.layers.empty()) line += " --layers " + a.layers;
  return line + " --tensors " + a.tensors + " --storage " + a.storage;
}

template <class Parse>
auto parsed(const char* option, Parse parse) {
  try {
    return parse();
  } catch (const std::invalid_argument& error) {
    throw InputError(std::string(option) + ": " + error.what());
  }
}

void run_capture(const CaptureArguments& args) {
  CaptureOptions options;
  options.tokens = args.tokens;
  options.offset = args.offset;
  options.storage = parsed("--storage", [&] { return parse_storage(args.storage); });
  options.tensors = parsed("--tensors", [&] { return parse_tensors(args.tensors); });
  if (args.threads > 0) compute_threads(args.threads);
  LlamaModel model;
  KvTraceHeader header;
  try {
    const MappedFile file(args.model);
    model = load_model(file, args.tokenizer);
    if (!args.layers.empty())
      options.layers =
          parsed("--layers", [&] { return parse_layers(args.layers, model.shape.layers); });
    const MappedFile text(args.text);
    header = plan_capture(model, text, options);
    header.model_hash = file.sha1();
    header.text = file_name(args.text);
    header.command = command_of(args, header.tokens());
  } catch (const CaptureError& error) {
    throw InputError(error.what());
  }
  handle_stop();
  double nats = 0;
  {
    Progress progress("capturing " + model.name, static_cast<double>(header.tokens()), "tokens");
    nats = capture(model, header, options.chunk, args.out, [&](std::int64_t done) {
      if (stop_requested()) throw Interrupted();
      progress.update(static_cast<double>(done));
    });
  }
  if (args.quiet) return;
  const auto bytes = static_cast<double>(std::filesystem::file_size(args.out));
  fmt::print("{}: {} of {} layers of {}, {} tokens, {} (perplexity {:.3f})\n", args.out,
             header.layers.size(), model.shape.layers, model.name, header.tokens(),
             human(bytes, "B"), std::exp(nats));
}

}  // namespace

void add_capture(CLI::App& app) {
  auto args = std::make_shared<CaptureArguments>();
  CLI::App* command = app.add_subcommand(
      "capture", "run a real model over a text and keep its Q, K, V and layer inputs as a trace");
  command->add_option("MODEL", args->model, "GGUF of the Llama architecture, or llama2.c's .bin")
      ->required()
      ->type_name("");
  command->add_option("TEXT", args->text, "UTF-8 text")->required()->type_name("");
  command->add_option("--out", args->out, "the trace")->required()->type_name("FILE");
  command->add_option("--tokens", args->tokens, "how many (else up to 2048)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24))
      ->type_name("N");
  command->add_option("--offset", args->offset, "tokens of the text to leave out in front")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_option("--storage", args->storage, "int8 or fp16; int8,k=fp16 for one tensor")
      ->type_name("S");
  command
      ->add_option("--tensors", args->tensors,
                   "of q, k, v, x, q_raw, k_raw, residual, wq, wk, wv (else q,k,v,x)")
      ->type_name("LIST");
  command->add_option("--layers", args->layers, "0..3,7 (else all)")->type_name("LIST");
  command->add_option("--tokenizer", args->tokenizer, "llama2.c's tokenizer.bin")
      ->type_name("FILE");
  command->add_option("--threads", args->threads, "else one for each processor")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command->add_flag("-q,--quiet", args->quiet, "no report");
  command->callback([args] { run_capture(*args); });
}

}  // namespace terrace
