// The results database: one file that many processes may write to, in which a run is stored whole
// or not at all. database.insert(record) and it is there, whatever happens to the process
// afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/connection.h"
#include "sim/record.h"

namespace terrace {

using RunId = std::int64_t;  // as in run.id; from 1

struct Stored {
  RunId run = 0;
  bool existed = false;  // the database had this run already and kept it
  bool equal = true;     // false: that run has other results, so the code changed under its version
};

struct Measurement {   // a number from real hardware
  std::string source;  // file, paper or machine
  std::string subject, unit;
  double value = 0;
};

// A row of somebody's table of measurements beside what Terrace predicts for it.
struct PredictedMeasurement {
  std::optional<RunId> run;  // that predicted it
  Measurement measured;
  double predicted = 0;
  std::string family, hardware, model, dtype, shape, citation;
  std::int64_t gpus = 1;
};

struct AccuracyRow {  // errors over many such rows
  std::string grouping, name;
  std::int64_t rows = 0;
  double median = 0, p90 = 0, bias = 0, within_10 = 0, within_20 = 0;
  std::string code_version;
};

struct QualityRow {  // output quality of a cache policy
  std::string policy, policy_hash, trace, metric, unit;
  double value = 0;
  std::string source;
};

// Everything here throws DatabaseError. A database for writing is in WAL mode, every commit synced.
class Database {
 public:
  using Mode = DatabaseMode;
  static constexpr int patience_ms = 60'000;  // for which other writers are waited for

  // Mode::write makes the file (not its folder) when there is none; Mode::read never writes.
  static Database open(const std::string& path, Mode mode = Mode::write, int wait_ms = patience_ms);

  // Stores a run, unless there is one of the same scenario hash, version, seed and backend: then
  // that one stays. `point_json`: its choices in a design space, an object of scenario path to
  // value, added to the run in either case, as are `measurements`, all in one transaction.
  Stored store(const Record& record, const std::string& point_json = "",
               const std::vector<Measurement>& measurements = {});
  RunId insert(const Record& record, const std::string& point_json = "") {
    return store(record, point_json).run;
  }
  void insert(std::optional<RunId> run, const std::vector<Measurement>& measurements);
  void insert(std::optional<RunId> run, const std::vector<QualityRow>& rows);
  // In place of all there were.
  void replace(const std::vector<PredictedMeasurement>& rows, const std::vector<AccuracyRow>& sums);

  std::optional<RunId> find(const std::string& scenario_hash, const std::string& code_version,
                            std::uint64_t seed, const std::string& backend = "simulate") const;
  // What people call a run: its number, "last", the start of its scenario hash, or its name (the
  // last of that name).
  RunId resolve(const std::string& text) const;
  Record load(RunId run) const;
  std::string point(RunId run) const;  // JSON object; "" when it belongs to no sweep
  std::int64_t size() const;           // number of runs

  // What is wrong with the file, a line each: SQLite's own checks, then every run read and hashed.
  std::vector<std::string> check() const;

  const Connection& connection() const { return connection_; }

 private:
  explicit Database(Connection connection) : connection_(std::move(connection)) {}
  void add_point(RunId run, const std::string& point_json);
  void add_measurements(std::optional<RunId> run, const std::vector<Measurement>& measurements);

  Connection connection_;
};

std::string record_hash(const Record& record);  // 16 hexadecimal digits of all that to_json() says

}  // namespace terrace
