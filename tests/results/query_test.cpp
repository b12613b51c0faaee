// Asking the results database in SQL.
#include "results/query.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "results/schema.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

std::string refusal(const Database& db, const std::string& sql) {
  try {
    query(db, sql);
  } catch (const QueryError& error) {
    return error.what();
  }
  return "(no error)";
}

Database filled() {
  Database db = Database::open(":memory:");
  for (std::uint64_t seed = 1; seed <= 3; ++seed) db.insert(sample_record(seed));
  return db;
}

}  // namespace

TEST_CASE("a query gives columns and rows with their types", "[results][query]") {
  const Database db = filled();
  const Answer answer = query(db, "SELECT id, name, 0.5 AS half, NULL AS none, x'00ff' FROM run");
  CHECK(answer.columns[2] == "half");
  REQUIRE(answer.rows.size() == 3);
  CHECK(std::get<std::int64_t>(answer.rows[1][0]) == 2);
  CHECK(std::get<std::string>(answer.rows[1][1]) == "sample2");
  CHECK(std::get<double>(answer.rows[1][2]) == 0.5);
  CHECK(std::holds_alternative<std::monostate>(answer.rows[1][3]));
  CHECK(std::get<std::string>(answer.rows[1][4]) == "00ff");
}

TEST_CASE("a query may use views, functions, virtual tables and harmless pragmas",
          "[results][query]") {
  const Database db = filled();
  for (const char* sql : {
           "SELECT * FROM run_wide",
           "SELECT * FROM pareto",
           R"(WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5)
              SELECT sum(i), sqrt(4) FROM n;  -- with a comment after it)",
           "SELECT scenario ->> '$.machine.gpu' FROM run",
           "SELECT key FROM run, json_each(run.scenario)",
           "SELECT avg(value) OVER (PARTITION BY name) FROM stat",
           "PRAGMA table_info(run)",
           "PRAGMA user_version",
           "SELECT name FROM pragma_table_info('stat')",
           "EXPLAIN QUERY PLAN SELECT * FROM run",
           "VALUES (1, 2)",
       }) {
    INFO(sql);
    CHECK_NOTHROW(query(db, sql));
  }
}

TEST_CASE("a query cannot change anything, even where the database is open to write",
          "[results][query]") {
  const Database db = filled();
  const std::vector<std::pair<std::string, std::string>> harmful = {
      {"DELETE FROM run", "DELETE is refused"},
      {"INSERT INTO doc VALUES ('a', 'b', 'c')", "INSERT is refused"},
      {"UPDATE run SET name = 'x'", "UPDATE is refused"},
      {"WITH a AS (SELECT 1) DELETE FROM stat", "DELETE is refused"},
      {"CREATE TABLE t (a)", "is refused"},
      {"CREATE TEMP TABLE t (a)", "is refused"},
      {"DROP VIEW pareto", "is refused"},
      {"ALTER TABLE run ADD COLUMN x", "is refused"},
      {"ATTACH 'other.db' AS o", "ATTACH is refused"},
      {"PRAGMA user_version = 9", "PRAGMA is refused"},
      {"PRAGMA journal_mode = DELETE", "PRAGMA is refused"},
      {"PRAGMA writable_schema = 1", "PRAGMA is refused"},
      {"BEGIN", "a transaction is refused"},
      {"VACUUM", "is refused"},
      {"VACUUM INTO 'copy.db'", "is refused"},
      {"REINDEX", "is refused"},
      {"ANALYZE", "is refused"},
      {"SELECT load_extension('x')", "load_extension is refused"},
  };
  for (const auto& [sql, what] : harmful) {
    const std::string said = refusal(db, sql);
    INFO(sql << " -> " << said);
    CHECK(said.find("a query only reads") != std::string::npos);
    CHECK(said.find(what) != std::string::npos);
  }
  CHECK(db.size() == 3);
  CHECK(db.connection().integer("PRAGMA user_version") == database_version);
  CHECK(db.check().empty());
}

TEST_CASE("an error in SQL names its place and what was probably meant", "[results][query]") {
  const Database db = filled();
  CHECK(refusal(db, "SELECT ttft_p5O FROM run_wide") ==
        "1:8: no such column: ttft_p5O. did you mean \"ttft_p50\"?\n"
        "  SELECT ttft_p5O FROM run_wide\n"
        "         ^");
  CHECK(refusal(db, "SELECT *\nFROM run_wides\nWHERE 1") ==
        "2:6: no such table: run_wides. did you mean \"run_wide\"?\n"
        "  FROM run_wides\n"
        "       ^");
  CHECK(refusal(db, "SELECT r.scenaro FROM run AS r").find("did you mean \"scenario\"?") !=
        std::string::npos);
  CHECK(refusal(db, "SELECT x.name FROM run AS r").find("no table here is called \"x\"") !=
        std::string::npos);
  CHECK(refusal(db, "SELECT sqroot(2)").find("did you mean \"sqrt\"?") != std::string::npos);
  CHECK(refusal(db, "SELECT 1\n\tFORM run") ==
        "2:7: near \"run\": syntax error\n"
        "  \tFORM run\n"
        "  \t     ^");
  CHECK(refusal(db, "SELECT 'ü', wrong FROM remark").find("1:13: no such column: wrong") == 0);
  CHECK(refusal(db, "SELECT (1") == "1:10: incomplete input\n  SELECT (1\n           ^");
  CHECK(refusal(db, "SELECT nothing_like_it FROM remark").find("there is: run, position, text") !=
        std::string::npos);
  CHECK(refusal(db, "").find("no SQL") != std::string::npos);
  CHECK(refusal(db, " ; -- nothing\n /* here */").find("no SQL") != std::string::npos);
  CHECK(refusal(db, "SELECT 1; SELECT 2") ==
        "1:11: one statement at a time; a second starts here\n"
        "  SELECT 1; SELECT 2\n"
        "            ^");
  CHECK(refusal(db, "SELECT json('{')").find("malformed JSON") != std::string::npos);
}

TEST_CASE("an answer as a table", "[results][query]") {
  const Database db = filled();
  CHECK(text_of(query(db, "SELECT 'a' AS word, 1.5 AS x UNION ALL SELECT 'be', 10.25").grid()) ==
        "word      x\n"
        "────  ─────\n"
        "a       1.5\n"
        "be    10.25\n");
  CHECK(text_of(query(db, "SELECT NULL AS a, 'two' || char(10) || 'lines' AS b").grid()) ==
        "a  b\n"
        "─  ──────────\n"
        "–  two\\nlines\n");
  const Answer wide = query(db, "SELECT 1 AS n, printf('%.500c', 'x') AS long, 2 AS m");
  for (const std::size_t width : {40, 100}) {
    const std::string text = text_of(wide.grid(), {width, false});
    CHECK(text.find("…") != std::string::npos);
    CHECK(text.size() < 3 * (width + 1) * 3);
  }
}

TEST_CASE("an answer as CSV follows RFC 4180", "[results][query]") {
  const Database db = filled();
  CHECK(query(db,
              "SELECT 'plain' AS a, 'with, comma' AS \"b,c\", 'say \"hi\"' AS d, "
              "'two' || char(10) || 'lines' AS e, '' AS f, NULL AS g, 1 AS h, 0.1 AS i")
            .csv() ==
        "a,\"b,c\",d,e,f,g,h,i\r\n"
        "plain,\"with, comma\",\"say \"\"hi\"\"\",\"two\nlines\",\"\",,1,0.1\r\n");
}

TEST_CASE("an answer as JSON keeps every digit and tells columns of one name apart",
          "[results][query]") {
  const Database db = filled();
  const Answer answer = query(db,
                              "SELECT value, name, 1 AS x, 2 AS x, 9e999 AS big, NULL AS none FROM "
                              "stat ORDER BY run, position");
  const auto json = nlohmann::json::parse(answer.json());
  REQUIRE(json.size() == 36);
  CHECK(json[0]["value"].get<double>() == sample_record(1).stats[0].value);
  CHECK(json[0]["x"] == 1);
  CHECK(json[0]["x_2"] == 2);
  CHECK(json[0]["big"] == "inf");
  CHECK(json[0]["none"].is_null());
  CHECK(nlohmann::json::parse(query(db, "SELECT 1 WHERE 0").json()).empty());
}

}  // namespace terrace::tests
