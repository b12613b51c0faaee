// Runs commands in child processes, a few at a time: parallelism, crash isolation, time limits.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace terrace {

struct Finished {
  std::size_t job = 0;
  int exit_code = 0;       // 128 + signal when it was killed
  std::string error_text;  // what it wrote to stderr, at most 64 KiB
};

// Starts job i as command(i), at most `at_once` together; calls `finished` for each, in order of
// ending. When `stop` is set the children get SIGTERM and false is returned once all have gone.
bool run_processes(std::size_t jobs, std::size_t at_once,
                   const std::function<std::vector<std::string>(std::size_t)>& command,
                   const std::function<void(const Finished&)>& finished,
                   const std::atomic<bool>& stop);

std::string own_executable();  // path of this program

}  // namespace terrace
