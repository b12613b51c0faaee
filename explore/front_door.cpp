// Parses the command line, runs the command, turns exceptions into messages and exit codes.
#include "explore/front_door.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "results/database.h"
#include "results/query.h"
#include "sim/config.h"
#include "sim/simulate.h"
#include "sim/suggest.h"
#include "sim/version.h"
#include "validate/cuda/device.h"

namespace terrace {
namespace {

std::atomic<bool> stop{false};

extern "C" void on_stop(int signal) {
  if (stop.exchange(true)) std::_Exit(128 + signal);  // asked twice: at once
}

// CLI11 names an unknown command as an unexpected argument; say what was meant.
std::string explain_parse_error(const CLI::App& app, const CLI::ParseError& error, int argc,
                                char** argv) {
  std::string text = error.what();
  if (argc < 2) return text;
  std::vector<std::string> known;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(sub->get_name());
  const std::string word = argv[1];
  if (word.empty() || word[0] == '-' ||
      std::find(known.begin(), known.end(), word) != known.end()) {
    for (const CLI::App* sub : app.get_subcommands()) {
      std::vector<std::string> options;
      for (const CLI::Option* o : sub->get_options()) options.push_back(o->get_name());
      for (int i = 2; i < argc; ++i)
        if (const std::string given = argv[i];
            given.rfind("--", 0) == 0 && text.find(given) != std::string::npos)
          if (const std::string near = suggest(given, options); !near.empty() && near != given)
            text += ". did you mean \"" + near + "\"?";
    }
    return text;
  }
  text = "no command \"" + word + "\"";
  const std::string near = suggest(word, known);
  return near.empty() ? text + ". `terrace --help` lists them"
                      : text + ". did you mean \"" + near + "\"?";
}

int run_commands(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    fmt::print("{}", (chosen.empty() ? &app : chosen.front())->help());
    return 0;
  } catch (const CLI::CallForVersion&) {
    fmt::print("terrace {}\n", code_version());
    return 0;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "terrace: {}\n", explain_parse_error(app, error, argc, argv));
    return 2;
  } catch (const ConfigError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  } catch (const InputError& error) {
    fmt::print(stderr, "terrace: {}\n", error.what());
    return 2;
  } catch (const QueryError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  } catch (const DatabaseError& error) {
    fmt::print(stderr, "terrace: {}\n", error.what());
    return 1;
  } catch (const cuda::NoGpu& error) {
    fmt::print(stderr, "terrace: {}\n", error.what());
    return 3;
  } catch (const Stopped& stopped) {
    fmt::print(stderr, "terrace: interrupted; {}\n", stopped.what());
    return 130;
  } catch (const Interrupted&) {
    fmt::print(stderr, "terrace: interrupted; nothing of this run was stored\n");
    return 130;
  } catch (const std::exception& error) {
    fmt::print(stderr, "terrace: {}\n", error.what());
    return 1;
  }
}

}  // namespace

std::string default_database() {
  const char* set = std::getenv("TERRACE_DB");
  return set != nullptr && *set != '\0' ? set : "terrace.db";
}

const std::atomic<bool>& stop_requested() { return stop; }

void handle_stop() {
  struct sigaction action = {};
  action.sa_handler = on_stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int front_door(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `terrace show … | head` ends quietly
  CLI::App app(
      "Terrace simulates the memory system under LLM inference: speed, memory, energy and cost of "
      "a\n"
      "scenario, and of whole design spaces.",
      "terrace");
  app.require_subcommand(1);
  app.set_version_flag("--version", code_version());
  add_run(app);
  add_sweep(app);
  add_query(app);
  add_show(app);
  add_compare(app);
  add_list(app);
  add_schema(app);
  add_explain(app);
  add_calibrate(app);
  add_capture(app);
  add_quality(app);
  add_validate(app);
  add_gpu_bench(app);
  show_calibration();
  return run_commands(app, argc, argv);
}

}  // namespace terrace
