// Whole runs of the program, read back as JSON.
#pragma once

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/explore/program.h"

namespace terrace::tests {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

inline Words set_words(const Words& sets) {
  Words words;
  for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
  return words;
}

inline Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// What `terrace run FILE --json` prints, nothing stored.
inline std::string record_text(const std::string& scenario, const Words& sets) {
  const Outcome run = run_program(joined(
      {"run", "configs/scenarios/" + scenario, "--no-store", "-q", "--json"}, set_words(sets)));
  INFO(scenario << ": " << run.errors);
  REQUIRE(run.code == 0);
  return run.output;
}

inline std::string text_in(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Waits up to 30 s in a process of its own until `reached`, then sends the program the signal. For
// `before` of run_program: the caller becomes the program.
template <class Reached>
bool signal_when(int signal, Reached reached) {
  const pid_t program = ::getpid();
  const pid_t watcher = ::fork();
  if (watcher != 0) return watcher > 0;
  ::setpgid(0, 0);
  for (int i = 0; i < 3000 && !reached(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ::kill(program, signal);
  ::_exit(0);
}

}  // namespace terrace::tests
