// Runs the program itself, in the source folder so that names in its messages are relative. Tests
// taken to another machine find both by TERRACE_TEST_PROGRAM and TERRACE_TEST_FOLDER.
#pragma once

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace terrace::tests {

struct Outcome {
  static constexpr int not_prepared = 99;  // `before` returned false
  int code = 0;                            // exit code, or 128 and the signal that ended it
  std::string output, errors;
};

inline std::string moved(const char* variable, const char* built) {
  const char* there = std::getenv(variable);
  return there != nullptr ? there : built;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return lines;
}

// A mount namespace of this process alone; false where that is not allowed.
inline bool own_mounts() {
  return ::unshare(::getuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Root, but not above the permissions of files; takes effect when a program is started.
inline bool bound_by_permissions() {
  return ::geteuid() != 0 || (::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) == 0 &&
                              ::prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH) == 0);
}

// `before` is called in the child, just before the program starts in `folder`. A minute, then it is
// ended.
inline Outcome run_program(std::vector<std::string> words, const std::function<bool()>& before = {},
                           const std::string& folder = moved("TERRACE_TEST_FOLDER",
                                                             TERRACE_SOURCE_DIR)) {
  int out[2], err[2];
  REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
  words.insert(words.begin(), moved("TERRACE_TEST_PROGRAM", TERRACE_EXE));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    if (std::getenv("TERRACE_TEST_FOLDER") == nullptr) ::unsetenv("TERRACE_CONFIGS");
    ::unsetenv("TERRACE_DB");
    if ((before && !before()) || ::chdir(folder.c_str()) != 0) ::_exit(Outcome::not_prepared);
    ::alarm(60);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  Outcome outcome;
  pollfd ends[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* texts[2] = {&outcome.output, &outcome.errors};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    ::poll(ends, 2, -1);
    for (int i = 0; i < 2; ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t n = ::read(ends[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      ::close(ends[i].fd);
      ends[i].fd = -1;
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace terrace::tests
