// The schema of the results database and its views.
#include "results/schema.h"

#include <catch2/catch.hpp>
#include <set>

#include "results/query.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

Record priced(const std::string& name, double usd_per_million, double ttft, double joules,
              double requests = 100) {
  Record r;
  r.name = r.scenario_hash = name;
  r.code_version = "v1";
  r.simulated_seconds = 10;
  r.stat("requests.count", requests, "1", "");
  r.stat("tokens.input", 1000, "1", "");
  r.stat("tokens.output", 2000, "1", "");
  r.stat("ttft.p99", ttft, "s", "");
  r.stat("energy.per_output_token", joules, "J", "");
  r.stat("cost.per_million_output_tokens", usd_per_million, "USD", "");
  r.shares = {{"idle", 0.6, 6}, {"gpu.hbm", 0.3, 3}, {"compute", 0.1, 1}};
  return r;
}

std::set<std::string> words(const Answer& answer) {
  std::set<std::string> out;
  for (const auto& row : answer.rows) out.insert(std::get<std::string>(row[0]));
  return out;
}

}  // namespace

TEST_CASE("every table, view and column of the database is documented in it", "[results][schema]") {
  const Database db = Database::open(":memory:");
  const Answer missing = query(db, R"(
      SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
      WHERE m.type IN ('table', 'view') AND NOT EXISTS (
        SELECT 1 FROM doc WHERE object = m.name AND doc.name = c.name AND length(meaning) > 5))");
  CHECK(missing.rows.empty());
  const Answer extra = query(db, R"(
      SELECT object || '.' || name FROM doc WHERE name <> '' AND name NOT IN (
        SELECT c.name FROM pragma_table_info(doc.object) c))");
  CHECK(extra.rows.empty());
  for (const char* name :
       {"run", "point", "stat", "op_breakdown", "tier_traffic", "share", "request", "series",
        "measurement", "quality", "run_wide", "pareto", "points"}) {
    INFO(name);
    const auto sql = fmt::format("SELECT sql FROM sqlite_master WHERE name = '{}'", name);
    REQUIRE(query(db, sql).rows.size() == 1);
    CHECK(std::get<std::string>(query(db, sql).rows[0][0]).find("-- ") != std::string::npos);
  }
}

TEST_CASE("the database tells its schema version and has foreign keys on", "[results][schema]") {
  const TemporaryFolder folder;
  const Database db = Database::open(folder.file("a.db"));
  CHECK(db.connection().integer("PRAGMA user_version") == database_version);
  CHECK(db.connection().integer("PRAGMA foreign_keys") == 1);
  CHECK(db.connection().text("PRAGMA journal_mode") == "wal");
  CHECK_THROWS_AS(db.connection().execute("INSERT INTO remark VALUES (99, 0, 'of no run')"),
                  DatabaseError);
}

TEST_CASE("run_wide has one row per run with the headline numbers", "[results][schema]") {
  Database db = Database::open(":memory:");
  Record r = priced("a", 4, 0.5, 2);
  r.wall_seconds = 0.1;
  db.insert(r);
  db.insert(priced("b", 8, 0.25, 1), R"({"serving.batch": 8, "kv.dtype": "fp8"})");
  const Answer a = query(db,
                         "SELECT ttft_p99, tokens_per_dollar, limited_by, speed, tpot_p50, point "
                         "FROM run_wide WHERE name = 'a'");
  REQUIRE(a.rows.size() == 1);
  CHECK(std::get<double>(a.rows[0][0]) == 0.5);
  CHECK(std::get<double>(a.rows[0][1]) == Approx(250'000));  // 1e6 tokens / 4 USD
  CHECK(std::get<std::string>(a.rows[0][2]) == "gpu.hbm");
  CHECK(std::get<double>(a.rows[0][3]) == Approx(100));  // 10 s in 0.1 s
  CHECK(std::holds_alternative<std::monostate>(a.rows[0][4]));
  CHECK(std::holds_alternative<std::monostate>(a.rows[0][5]));
  const Answer b = query(db, "SELECT name, point ->> '\"serving.batch\"' FROM points");
  REQUIRE(b.rows.size() == 1);
  CHECK(std::get<std::int64_t>(b.rows[0][1]) == 8);
  CHECK(query(db, "SELECT * FROM points").columns == query(db, "SELECT * FROM run_wide").columns);
}

TEST_CASE("pareto keeps the runs that no other run beats at the same work", "[results][schema]") {
  Database db = Database::open(":memory:");
  db.insert(priced("cheap", 1, 2.0, 3));
  db.insert(priced("quick", 4, 0.1, 3));
  db.insert(priced("frugal", 5, 2.5, 0.5));
  db.insert(priced("worse than cheap", 2, 2.0, 3));
  db.insert(priced("as good as cheap", 1, 2.0, 3));
  db.insert(priced("worse, but other work", 9, 9, 9, 500));
  Record unpriced = priced("without energy", 0.1, 0.01, 0);
  unpriced.stats.erase(unpriced.stats.begin() + 4);
  db.insert(unpriced);
  CHECK(words(query(db, "SELECT name FROM pareto")) ==
        std::set<std::string>{"cheap", "quick", "frugal", "as good as cheap",
                              "worse, but other work"});
}

TEST_CASE("removing a run removes all that belongs to it", "[results][schema]") {
  Database db = Database::open(":memory:");
  const RunId run = db.insert(terrace::tests::sample_record(1), R"({"a": 1})");
  db.insert(run, std::vector<Measurement>{{"paper", "ttft.p50", "s", 1.5}});
  db.connection().execute("DELETE FROM run");
  for (const DatabaseTable& table : database_tables()) {
    INFO(table.name);
    if (table.name == "doc") continue;
    CHECK(db.connection().integer("SELECT count(*) FROM " + table.name) == 0);
  }
}

TEST_CASE("a database of an older Terrace keeps its runs and learns what came later",
          "[results][schema]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("old.db");
  {
    Database db = Database::open(file);
    db.insert(sample_record(1));
    const Connection& c = db.connection();  // as the first schema was
    for (const char* view : {"points", "pareto", "run_wide"})
      c.execute(fmt::format("DROP VIEW {}", view));
    c.execute("ALTER TABLE run DROP COLUMN kv_policy");
    c.execute("ALTER TABLE quality DROP COLUMN policy_hash");
    c.execute("DELETE FROM doc WHERE name IN ('kv_policy', 'policy_hash')");
    c.execute("PRAGMA user_version = 1");
  }
  CHECK_THROWS_WITH(Database::open(file, Database::Mode::read),
                    Catch::Contains("made by an older Terrace (schema 1"));
  Database db = Database::open(file);
  CHECK(db.check().empty());
  Record with_policy = sample_record(2);
  with_policy.kv_policy = "0123456789ab";
  const RunId run = db.insert(with_policy);
  CHECK(db.load(run).kv_policy == "0123456789ab");
  CHECK(query(db, "SELECT run FROM run_wide WHERE kv_policy <> ''").rows.size() == 1);
  CHECK(query(db, "SELECT * FROM doc WHERE name = 'policy_hash'").rows.size() == 1);
}

}  // namespace terrace::tests
