// Storing runs, finding them and reading them back.
#include "results/database.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/results/sample_record.h"

namespace terrace::tests {

TEST_CASE("a record comes back from the database with the same bytes", "[results][database]") {
  const TemporaryFolder folder;
  RunId run = 0;
  {
    Database db = Database::open(folder.file("a.db"));
    run = db.insert(sample_record(5));
  }
  const Database db = Database::open(folder.file("a.db"), Database::Mode::read);
  const Record back = db.load(run);
  CHECK(back.to_json() == sample_record(5).to_json());
  CHECK(back.wall_seconds == sample_record(5).wall_seconds);
  CHECK(back.peak_memory_bytes == sample_record(5).peak_memory_bytes);
  CHECK(db.check().empty());
}

TEST_CASE("odd numbers and seeds come back from the database", "[results][database]") {
  Database db = Database::open(":memory:");
  Record r = sample_record(5);
  r.seed = std::numeric_limits<std::uint64_t>::max();
  const double inf = std::numeric_limits<double>::infinity();
  r.stats[0].value = std::nan("");
  r.stats[1].value = inf;
  r.stats[2].value = -inf;
  r.stats[3].value = std::numeric_limits<double>::denorm_min();
  r.stats[4].value = std::numeric_limits<double>::max();
  r.stats[5].value = 9007199254740993.0;  // near 2^53
  r.stats[6].value = -0.0;
  r.ops[0].bound_seconds = std::nan("");
  const RunId run = db.insert(r);
  CHECK(db.load(run).to_json() == r.to_json());
  CHECK(db.find(r.scenario_hash, r.code_version, r.seed) == run);
  CHECK(db.check().empty());
}

TEST_CASE("the same run stored twice is one run", "[results][database]") {
  Database db = Database::open(":memory:");
  const Record r = sample_record(1);
  const Stored first = db.store(r);
  const Stored second = db.store(r, R"({"batch": 8})");
  CHECK_FALSE(first.existed);
  CHECK(second.existed);
  CHECK(second.equal);
  CHECK(first.run == second.run);
  CHECK(db.size() == 1);
  CHECK(db.point(first.run) == R"({"batch":8})");  // the choices are added all the same

  Record other = r;
  other.stats[0].value += 1;
  const Stored changed = db.store(other);
  CHECK(changed.run == first.run);
  CHECK_FALSE(changed.equal);
  CHECK(db.load(first.run).to_json() == r.to_json());  // the first stays
}

TEST_CASE("a run is its scenario, version, seed and backend", "[results][database]") {
  Database db = Database::open(":memory:");
  Record r = sample_record(1);
  const RunId run = db.insert(r);
  CHECK(db.find(r.scenario_hash, "v1", 1) == run);
  CHECK_FALSE(db.find(r.scenario_hash, "v2", 1).has_value());
  CHECK_FALSE(db.find(r.scenario_hash, "v1", 2).has_value());
  CHECK_FALSE(db.find("0", "v1", 1).has_value());
  CHECK_FALSE(db.find(r.scenario_hash, "v1", 1, "execute").has_value());
  r.backend = "execute";
  CHECK(db.insert(r) != run);
  r.code_version = "v2";
  db.insert(r);
  CHECK(db.size() == 3);
}

TEST_CASE("a run can be called by number, name, hash or last", "[results][database]") {
  Database db = Database::open(":memory:");
  for (std::uint64_t seed = 1; seed <= 3; ++seed) db.insert(sample_record(seed));
  CHECK(db.resolve("2") == 2);
  CHECK(db.resolve("last") == 3);
  CHECK(db.resolve("sample2") == 2);
  CHECK(db.resolve(sample_record(1).scenario_hash.substr(0, 8)) == 1);
  CHECK_THROWS_WITH(db.resolve("sampel2"), Catch::Contains("did you mean \"sample2\"?"));
  CHECK_THROWS_AS(db.resolve("17"), DatabaseError);
  CHECK_THROWS_AS(db.resolve(""), DatabaseError);
  CHECK_THROWS_AS(db.load(17), DatabaseError);
}

TEST_CASE("a design point keeps its kinds of values", "[results][database]") {
  Database db = Database::open(":memory:");
  const RunId run = db.insert(
      sample_record(1), R"({"a.b":8,"c":"fp8","d":true,"e":0.5,"f":{"kind":"x"},"g":"64KiB"})");
  CHECK(db.point(run) == R"({"a.b":8,"c":"fp8","d":true,"e":0.5,"f":{"kind":"x"},"g":"64KiB"})");
  CHECK(db.connection().integer("SELECT value FROM point WHERE path = 'd'") == 1);
  CHECK(db.connection().text("SELECT typeof(value) FROM point WHERE path = 'e'") == "real");
  CHECK(db.point(db.insert(sample_record(2))).empty());
  CHECK_THROWS_AS(db.insert(sample_record(3), "[1, 2]"), DatabaseError);
  CHECK_THROWS_AS(db.insert(sample_record(3), "{"), DatabaseError);
  CHECK(db.size() == 2);  // a run with a wrong point is not stored by half
}

TEST_CASE("a measurement made again takes the place of the first", "[results][database]") {
  Database db = Database::open(":memory:");
  const RunId run = db.insert(sample_record(1));
  db.insert(run, std::vector<Measurement>{{"a4090", "ttft.p50", "s", 1}, {"a4090", "x", "1", 2}});
  db.insert(run, std::vector<Measurement>{{"a4090", "ttft.p50", "s", 3}});
  db.insert(std::nullopt, std::vector<Measurement>{{"paper", "ttft.p50", "s", 4}});
  CHECK(db.connection().integer("SELECT count(*) FROM measurement") == 3);
  CHECK(db.connection().integer("SELECT value FROM measurement WHERE subject = 'ttft.p50' AND "
                                "source = 'a4090'") == 3);
  db.insert(run, std::vector<QualityRow>{
                     {"h2o", "0123456789ab", "stories260K", "mass_kept", "1", 0.9, "replay"}});
  db.insert(run, std::vector<QualityRow>{
                     {"h2o", "0123456789ab", "stories260K", "mass_kept", "1", 0.8, "replay"}});
  CHECK(db.connection().integer("SELECT count(*) FROM quality") == 1);
}

TEST_CASE("many processes write to one database at once", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("shared.db");
  constexpr std::uint64_t writers = 8, each = 12;
  std::vector<pid_t> children;
  for (std::uint64_t w = 0; w < writers; ++w) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int code = 0;
      try {  // all make the file; half of what they write is the same
        for (std::uint64_t i = 0; i < each; ++i) {
          Database db = Database::open(file);
          db.insert(sample_record(i % 2 == 0 ? i : 1000 * (w + 1) + i));
        }
      } catch (...) {
        code = 1;
      }
      ::_exit(code);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  const Database db = Database::open(file, Database::Mode::read);
  CHECK(db.size() == static_cast<std::int64_t>(each / 2 + writers * each / 2));
  CHECK(db.check().empty());
}

}  // namespace terrace::tests
