// A writer that is killed leaves a readable database in which every run is whole.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "results/database.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

// Stores runs first, first + 1, … and tells each through the pipe once insert() has returned.
[[noreturn]] void write_until_killed(const std::string& file, std::uint64_t first, int pipe) {
  try {
    Database db = Database::open(file);
    for (std::uint64_t seed = first;; ++seed) {
      db.insert(sample_record(seed, 300), R"({"seed": 1})");
      if (::write(pipe, &seed, sizeof seed) != sizeof seed) break;
    }
  } catch (...) {
  }
  ::_exit(1);
}

}  // namespace

TEST_CASE("kill -9 at any moment loses no finished run and leaves no half one",
          "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("killed.db");
  std::mt19937_64 random(20);
  std::uniform_int_distribution<int> microseconds(0, 60'000);
  constexpr int kills = 25;
  std::uint64_t told = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const std::uint64_t first = 1'000'000 * static_cast<std::uint64_t>(kill + 1);
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) write_until_killed(file, first, pipe[1]);
    ::close(pipe[1]);
    // The first ones die while the file itself is being made.
    std::this_thread::sleep_for(
        std::chrono::microseconds(kill < 8 ? kill * 700 : microseconds(random)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    INFO("kill " << kill);
    CHECK(WIFSIGNALED(status));

    const Database db = Database::open(file);
    std::uint64_t seed = 0;
    while (::read(pipe[0], &seed, sizeof seed) == sizeof seed) {
      ++told;
      const Record whole = sample_record(seed, 300);
      const auto run = db.find(whole.scenario_hash, whole.code_version, seed);
      REQUIRE(run.has_value());
      CHECK(db.load(*run).to_json() == whole.to_json());
    }
    ::close(pipe[0]);
    REQUIRE(db.check().empty());
    CHECK(db.connection().integer("SELECT count(*) FROM run WHERE id NOT IN (SELECT run FROM "
                                  "point)") == 0);
  }
  const Database db = Database::open(file);
  INFO(told << " runs told as stored, " << db.size() << " found after " << kills << " kills");
  CHECK(db.size() >= static_cast<std::int64_t>(told));
  CHECK(db.size() <= static_cast<std::int64_t>(told) + kills);  // at most the one in flight
  CHECK(told > 0);
}

}  // namespace terrace::tests
