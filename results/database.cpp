// Storing, finding and checking runs.
#include "results/database.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "results/record_rows.h"
#include "results/schema.h"
#include "sim/suggest.h"

namespace terrace {
namespace {

// SQLite does not wait for the lock it needs to turn WAL on; so this does.
void use_write_ahead_log(const Connection& connection, int wait_ms) {
  using clock = std::chrono::steady_clock;
  const auto give_up = clock::now() + std::chrono::milliseconds(wait_ms);
  while (true) {
    try {
      const std::string mode = connection.text("PRAGMA journal_mode = WAL");
      if (mode == "wal" || connection.in_memory()) break;
      connection.raise("the file system cannot hold a write-ahead log (a network drive?)",
                       "name a file on a local disk with --db");
    } catch (const DatabaseError&) {
      const int code = sqlite3_errcode(connection.handle()) & 0xff;
      if (code != SQLITE_BUSY || clock::now() > give_up) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  connection.execute("PRAGMA synchronous = FULL");
}

std::string run_condition() {
  return "FROM run WHERE scenario_hash = ? AND code_version = ? AND seed = ? AND backend = ?";
}

}  // namespace

std::string record_hash(const Record& record) {  // FNV-1a, 64 bits
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : record.to_json()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return fmt::format("{:016x}", hash);
}

Database Database::open(const std::string& path, Mode mode, int wait_ms) {
  Connection connection(path, mode, wait_ms);
  if (mode == Mode::read) {
    check_schema(connection);
    return Database(std::move(connection));
  }
  if (sqlite3_db_readonly(connection.handle(), "main") == 1) {
    connection.raise("the database is read-only",
                     "allow writing to the file and its folder, or name another with --db");
  }
  if (connection.integer("SELECT count(*) FROM sqlite_master") > 0) check_owner(connection);
  use_write_ahead_log(connection, wait_ms);
  create_schema(connection);
  return Database(std::move(connection));
}

Stored Database::store(const Record& record, const std::string& point_json,
                       const std::vector<Measurement>& measurements) {
  const std::string hash = record_hash(record);
  Transaction transaction(connection_);
  Stored stored;
  Statement same(connection_, "SELECT id, record_hash " + run_condition());
  same.bind(record.scenario_hash, record.code_version, static_cast<std::int64_t>(record.seed),
            record.backend);
  if (same.step()) {
    stored = {same.integer(0), true, same.text(1) == hash};
  } else {
    stored.run = write_record(connection_, record, hash);
  }
  add_point(stored.run, point_json);
  add_measurements(stored.run, measurements);
  same.bind();  // a statement in the middle of its rows would hold the commit up
  transaction.commit();
  return stored;
}

void Database::add_point(RunId run, const std::string& point_json) {
  if (point_json.empty()) return;
  const auto point = nlohmann::json::parse(point_json, nullptr, false);
  if (!point.is_object()) {
    connection_.raise(fmt::format("a design point is not a JSON object: {}", point_json), "");
  }
  Statement insert(connection_, "INSERT OR IGNORE INTO point VALUES (?, ?, ?, ?)");
  for (const auto& [path, value] : point.items()) {
    const std::string json = value.dump();
    if (value.is_boolean()) {
      insert.run(run, path, static_cast<std::int64_t>(value.get<bool>()), json);
    } else if (value.is_number_integer()) {
      insert.run(run, path, value.get<std::int64_t>(), json);
    } else if (value.is_number()) {
      insert.run(run, path, value.get<double>(), json);
    } else {
      insert.run(run, path, value.is_string() ? value.get<std::string>() : json, json);
    }
  }
}

void Database::insert(std::optional<RunId> run, const std::vector<Measurement>& measurements) {
  Transaction transaction(connection_);
  add_measurements(run, measurements);
  transaction.commit();
}

void Database::add_measurements(std::optional<RunId> run,
                                const std::vector<Measurement>& measurements) {
  Statement forget(connection_,
                   "DELETE FROM measurement WHERE run IS ? AND source = ? AND subject = ?");
  Statement insert(
      connection_,
      "INSERT INTO measurement (run, source, subject, unit, value) VALUES (?, ?, ?, ?, ?)");
  for (const Measurement& m : measurements) {
    forget.run(run, m.source, m.subject);
    insert.run(run, m.source, m.subject, m.unit, m.value);
  }
}

void Database::insert(std::optional<RunId> run, const std::vector<QualityRow>& rows) {
  Transaction transaction(connection_);
  Statement forget(connection_,
                   "DELETE FROM quality WHERE run IS ? AND policy_hash = ? AND trace = ? AND "
                   "metric = ? AND source = ?");
  Statement insert(connection_,
                   "INSERT INTO quality (run, policy, policy_hash, trace, metric, unit, value, "
                   "source) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const QualityRow& q : rows) {
    forget.run(run, q.policy_hash, q.trace, q.metric, q.source);
    insert.run(run, q.policy, q.policy_hash, q.trace, q.metric, q.unit, q.value, q.source);
  }
  transaction.commit();
}

std::optional<RunId> Database::find(const std::string& scenario_hash,
                                    const std::string& code_version, std::uint64_t seed,
                                    const std::string& backend) const {
  Statement statement(connection_, "SELECT id " + run_condition());
  statement.bind(scenario_hash, code_version, static_cast<std::int64_t>(seed), backend);
  if (!statement.step()) return std::nullopt;
  return statement.integer(0);
}

RunId Database::resolve(const std::string& text) const {
  const bool number = !text.empty() && text.size() < 19 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  Statement exact(connection_,
                  "SELECT id FROM run WHERE (? AND id = CAST(? AS INTEGER)) OR ? = 'last' OR "
                  "name = ? ORDER BY id DESC LIMIT 1");
  exact.bind(number ? 1 : 0, text, text, text);
  if (exact.step()) return exact.integer(0);
  if (text.size() >= 4) {
    Statement prefix(connection_,
                     "SELECT max(id), count(DISTINCT scenario_hash) FROM run WHERE "
                     "substr(scenario_hash, 1, length(?)) = ?");
    prefix.bind(text, text);
    if (prefix.step() && prefix.integer(1) == 1) return prefix.integer(0);
    if (prefix.integer(1) > 1) {
      connection_.raise(
          fmt::format("{} scenarios have a hash that starts with \"{}\"", prefix.integer(1), text),
          "write more of it");
    }
  }
  std::vector<std::string> names;
  Statement all(connection_, "SELECT DISTINCT name FROM run");
  while (all.step()) names.push_back(all.text(0));
  connection_.raise(fmt::format("there is no run \"{}\"{}", text, did_you_mean(text, names)),
                    names.empty() ? "the database is empty"
                                  : "a run is called by number, name, scenario hash or \"last\"");
}

Record Database::load(RunId run) const { return read_record(connection_, run); }

std::string Database::point(RunId run) const {
  Statement statement(connection_, "SELECT path, json FROM point WHERE run = ? ORDER BY path");
  statement.bind(run);
  std::string out;
  while (statement.step()) {
    out += out.empty() ? "{" : ",";
    out += nlohmann::json(statement.text(0)).dump() + ":" + statement.text(1);
  }
  return out.empty() ? out : out + "}";
}

std::int64_t Database::size() const { return connection_.integer("SELECT count(*) FROM run"); }

std::vector<std::string> Database::check() const {
  std::vector<std::string> wrong;
  Statement integrity(connection_, "PRAGMA integrity_check");
  while (integrity.step()) {
    if (integrity.text(0) != "ok") wrong.push_back(integrity.text(0));
  }
  Statement keys(connection_, "PRAGMA foreign_key_check");
  while (keys.step()) wrong.push_back(fmt::format("a row of {} has no run", keys.text(0)));
  Statement runs(connection_, "SELECT id, record_hash FROM run ORDER BY id");
  while (runs.step()) {
    const std::string hash = record_hash(load(runs.integer(0)));
    if (hash != runs.text(1)) {
      wrong.push_back(fmt::format("run {} was stored with hash {} and now has {}", runs.integer(0),
                                  runs.text(1), hash));
    }
  }
  return wrong;
}

}  // namespace terrace
