// A sweep runs each point once, survives what happens to it, and goes on where it was interrupted.
#include <sqlite3.h>

#include <cstdio>

#include "tests/explore/runs.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {
namespace {

// -1: no readable database yet.
int stored_runs(const std::string& file, const std::string& sql = "SELECT count(*) FROM run") {
  sqlite3* database = nullptr;
  int count = -1;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
      sqlite3_busy_timeout(database, 5000) == SQLITE_OK &&
      sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW)
    count = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return count;
}

std::string write_space(const TemporaryFolder& folder, int requests, const std::string& axes) {
  const std::string file = folder.file("space.yaml");
  std::ofstream(file) << "name: small\nscenario: " << TERRACE_SOURCE_DIR
                      << "/configs/scenarios/chat_h100.yaml\naxes:\n"
                      << "  - {name: size, set: [workload.requests.count], values: [" << requests
                      << "]}\n"
                      << axes;
  return file;
}

const std::string four = R"(  - {name: batch, set: [workload.engine.max_num_seqs], values: [4, 8]}
  - {name: kv, set: [workload.kv.format], values: [bf16, fp8]}
)";
const std::string six = "  - {name: seed, set: [seed], values: [1, 2, 3, 4, 5, 6]}\n";

struct Counts {
  int run = -1, already = -1, unbuilt = -1, failed = -1;
};

Counts counts_of(const Outcome& sweep) {
  Counts c;
  INFO(sweep.output << sweep.errors);
  REQUIRE(std::sscanf(sweep.output.c_str(),
                      "small: %d points run, %d already in %*[^,], %d cannot be built, %d failed",
                      &c.run, &c.already, &c.unbuilt, &c.failed) == 4);
  return c;
}

Outcome sweep(const std::string& space, const std::string& db, const std::string& at_once,
              const std::function<bool()>& before = {}) {
  return run_program({"sweep", space, "--db", db, "-j", at_once}, before);
}

// The sweep is sent the signal as soon as its first run is stored.
std::function<bool()> after_first_run(int signal, const std::string& db) {
  return [signal, db] { return signal_when(signal, [&] { return stored_runs(db) >= 1; }); };
}

}  // namespace

TEST_CASE("A sweep of four points stores four runs, and again runs nothing", "[explore][sweep]") {
  TemporaryFolder folder;
  const std::string space = write_space(folder, 8, four), db = folder.file("sweep.db");
  const Outcome first = sweep(space, db, "2");
  CHECK(first.code == 0);
  CHECK(counts_of(first).run == 4);
  CHECK(stored_runs(db) == 4);
  CHECK(stored_runs(db, "SELECT count(DISTINCT scenario_hash) FROM run") == 4);
  CHECK(stored_runs(db, "SELECT count(DISTINCT run) FROM point") == 4);
  const Outcome second = sweep(space, db, "2");
  CHECK(second.code == 0);
  CHECK(counts_of(second).run == 0);
  CHECK(counts_of(second).already == 4);
  CHECK(stored_runs(db) == 4);
  const Outcome dry = run_program({"sweep", space, "--db", db, "--dry-run"});
  CHECK(dry.code == 0);
  CHECK(counts_of(dry).already == 4);
}

TEST_CASE("One point at a time or two give equal records", "[explore][sweep]") {
  TemporaryFolder folder;
  const std::string space = write_space(folder, 8, four);
  const std::string one = folder.file("one.db"), two = folder.file("two.db");
  REQUIRE(sweep(space, one, "1").code == 0);
  REQUIRE(sweep(space, two, "2").code == 0);
  const Outcome hashes =
      run_program({"query", "SELECT scenario_hash AS h FROM run", "--format", "json", "--db", one});
  const Json rows = Json::parse(hashes.output);
  REQUIRE(rows.size() == 4);
  for (const Json& row : rows) {
    const std::string hash = row["h"];
    const Outcome a = run_program({"show", hash, "--json", "--db", one});
    const Outcome b = run_program({"show", hash, "--json", "--db", two});
    INFO(hash << a.errors << b.errors);
    CHECK(a.code == 0);
    CHECK(a.output == b.output);
  }
}

TEST_CASE("A sweep that is interrupted keeps what is finished; a second call does the rest",
          "[explore][sweep]") {
  TemporaryFolder folder;
  const std::string space = write_space(folder, 900, six), db = folder.file("sweep.db");
  const Outcome cut = sweep(space, db, "1", after_first_run(SIGINT, db));
  const int kept = stored_runs(db);
  INFO(cut.output << cut.errors);
  CHECK(cut.code == 130);
  CHECK(kept >= 1);
  CHECK(kept < 6);
  CHECK(cut.errors.find(std::to_string(kept) + " of 6 points are stored") != std::string::npos);
  const Outcome rest = sweep(space, db, "2");
  CHECK(rest.code == 0);
  CHECK(counts_of(rest).already == kept);
  CHECK(counts_of(rest).run == 6 - kept);
  CHECK(stored_runs(db) == 6);
}

TEST_CASE("kill -9 of a sweep leaves a readable database that a second call completes",
          "[explore][sweep]") {
  TemporaryFolder folder;
  const std::string space = write_space(folder, 900, six), db = folder.file("sweep.db");
  const Outcome cut = sweep(space, db, "2", after_first_run(SIGKILL, db));
  CHECK(cut.code == 128 + SIGKILL);
  CHECK(stored_runs(db) >= 1);
  CHECK(stored_runs(
            db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1);
  const Outcome rest = sweep(space, db, "2");
  INFO(rest.output << rest.errors);
  CHECK(rest.code == 0);
  CHECK(stored_runs(db) == 6);
  CHECK(stored_runs(db, "SELECT count(DISTINCT scenario_hash) FROM run") == 6);
}

TEST_CASE("A point that cannot be built is named and does not stop the others",
          "[explore][sweep]") {
  TemporaryFolder folder;
  const std::string space =
      write_space(folder, 4,
                  "  - {name: model, set: [workload.model], values: [llm/llama-3.2-1b.yaml, "
                  "llm/llama-3.1-70b.yaml, llm/llama-3.1-8b.yaml]}\n");
  const std::string db = folder.file("sweep.db");
  const Outcome outcome = sweep(space, db, "2");
  INFO(outcome.output << outcome.errors);
  CHECK(outcome.code == 0);
  CHECK(counts_of(outcome).run == 2);
  CHECK(counts_of(outcome).unbuilt == 1);
  CHECK(counts_of(outcome).failed == 0);
  CHECK(stored_runs(db) == 2);
  bool named = false;
  for (const std::string& line : lines_of(outcome.output))
    named = named || (line.find("llama-3.1-70b.yaml") != std::string::npos &&
                      line.find("gpu0.hbm") != std::string::npos);
  CHECK(named);
}

}  // namespace terrace::tests
