// fork, exec and poll.
#include "explore/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace terrace {
namespace {

constexpr std::size_t most_text = 65536;

struct Child {
  pid_t pid = -1;
  int errors = -1;  // read end of its stderr
  Finished result;
};

Child start(std::size_t job, const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0)
    throw std::runtime_error(std::string("cannot start a process: ") + std::strerror(errno));
  if (pid == 0) {
    setpgid(0, 0);  // Ctrl-C is ours to hand on
    const int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    dup2(ends[1], 2);
    execv(words[0], words.data());
    _exit(127);
  }
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  Child child;
  child.pid = pid;
  child.errors = ends[0];
  child.result.job = job;
  return child;
}

// True once the child closed its stderr.
bool drain(Child& child) {
  char buffer[4096];
  while (true) {
    const ssize_t n = read(child.errors, buffer, sizeof buffer);
    if (n > 0) {
      if (child.result.error_text.size() < most_text)
        child.result.error_text.append(buffer, static_cast<std::size_t>(n));
      continue;
    }
    return n == 0 || (errno != EAGAIN && errno != EINTR);
  }
}

void reap(Child& child) {
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(child.errors);
  child.result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

bool run_processes(std::size_t jobs, std::size_t at_once,
                   const std::function<std::vector<std::string>(std::size_t)>& command,
                   const std::function<void(const Finished&)>& finished,
                   const std::atomic<bool>& stop) {
  std::vector<Child> running;
  std::size_t next = 0;
  bool stopping = false;
  while (next < jobs || !running.empty()) {
    if (stop.load() && !stopping) {
      stopping = true;
      for (const Child& child : running) kill(child.pid, SIGTERM);
    }
    if (stopping && running.empty()) break;
    while (!stopping && next < jobs && running.size() < at_once) {
      running.push_back(start(next, command(next)));
      ++next;
    }
    std::vector<pollfd> waits;
    waits.reserve(running.size());
    for (const Child& child : running) waits.push_back({child.errors, POLLIN, 0});
    poll(waits.data(), waits.size(), 200);
    for (std::size_t i = running.size(); i-- > 0;) {
      if (waits[i].revents == 0 || !drain(running[i])) continue;
      reap(running[i]);
      const Finished result = running[i].result;
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      if (!stopping) finished(result);
    }
  }
  return !stopping;
}

std::string own_executable() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace terrace
