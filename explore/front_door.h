// The command line: one file per command, one place that prints and decides the exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <string>

namespace terrace {

// 0 done, 1 could not be done, 2 the input is wrong (nothing was written), 3 there is no GPU to
// work with, 130 interrupted.
int front_door(int argc, char** argv);

// Each adds its command; the command's work is its callback, which throws or returns normally.
void add_run(CLI::App& app);
void add_sweep(CLI::App& app);
void add_query(CLI::App& app);
void add_show(CLI::App& app);
void add_compare(CLI::App& app);
void add_list(CLI::App& app);
void add_schema(CLI::App& app);
void add_explain(CLI::App& app);
void add_calibrate(CLI::App& app);
void add_capture(CLI::App& app);
void add_quality(CLI::App& app);
void add_validate(CLI::App& app);
void add_gpu_bench(CLI::App& app);
void add_accuracy(CLI::App& validate);  // below `terrace validate`
void show_calibration();  // progress and warnings of curves that are measured at first use

struct InputError : std::runtime_error {  // exit code 2, printed as it is
  using std::runtime_error::runtime_error;
};
struct Stopped : std::runtime_error {  // exit code 130: what an interrupted command leaves behind
  using std::runtime_error::runtime_error;
};
struct Failure : std::runtime_error {  // exit code 1, printed as it is
  using std::runtime_error::runtime_error;
};

std::string default_database();  // $TERRACE_DB, else terrace.db
const std::atomic<bool>&
stop_requested();  // set by Ctrl-C and SIGTERM once handle_stop() was called
void handle_stop();

}  // namespace terrace
