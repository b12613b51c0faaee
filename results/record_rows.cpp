// One function for each table, writing and reading side by side so that they stay alike.
#include "results/record_rows.h"

#include <fmt/format.h>

namespace terrace {
namespace {

struct Rows {  // the tables of one run
  const Connection& connection;
  std::int64_t run;

  template <class Item, class Bind>
  void write(const char* sql, const std::vector<Item>& items, Bind bind) const {
    if (items.empty()) return;
    Statement statement(connection, sql);
    std::int64_t position = 0;
    for (const Item& item : items) bind(statement, position++, item);
  }
  template <class Item, class Fetch>
  void read(const char* sql, std::vector<Item>& items, Fetch fetch) const {
    Statement statement(connection, sql);
    statement.bind(run);
    while (statement.step()) items.push_back(fetch(statement));
  }
};

void write_stats(const Rows& rows, const Record& record) {
  rows.write("INSERT INTO stat (run, position, name, unit, value, meaning) VALUES (?,?,?,?,?,?)",
             record.stats, [&](Statement& s, std::int64_t at, const Stat& x) {
               s.run(rows.run, at, x.name, x.unit, x.value, x.meaning);
             });
}
void read_stats(const Rows& rows, Record& record) {
  rows.read("SELECT name, unit, value, meaning FROM stat WHERE run = ? ORDER BY position",
            record.stats, [](Statement& s) {
              return Stat{s.text(0), s.text(1), s.text(3), s.real(2)};
            });
}

void write_ops(const Rows& rows, const Record& record) {
  rows.write(
      "INSERT INTO op_breakdown (run, position, label, kind, bottleneck, count, seconds, flops, "
      "read_bytes, written_bytes, bound_seconds) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
      record.ops, [&](Statement& s, std::int64_t at, const OpBreakdown& x) {
        s.run(rows.run, at, x.label, x.kind, x.bottleneck, x.count, x.seconds, x.flops,
              x.read_bytes, x.written_bytes, x.bound_seconds);
      });
}
void read_ops(const Rows& rows, Record& record) {
  rows.read(
      "SELECT label, kind, bottleneck, count, seconds, flops, read_bytes, written_bytes, "
      "bound_seconds FROM op_breakdown WHERE run = ? ORDER BY position",
      record.ops, [](Statement& s) {
        return OpBreakdown{s.text(0), s.text(1), s.text(2), s.integer(3), s.real(4),
                           s.real(5), s.real(6), s.real(7), s.real(8)};
      });
}

void write_tiers(const Rows& rows, const Record& record) {
  rows.write(
      "INSERT INTO tier_traffic (run, position, tier, read_bytes, written_bytes, joules, "
      "busy_fraction, capacity_bytes, peak_bytes) VALUES (?,?,?,?,?,?,?,?,?)",
      record.tiers, [&](Statement& s, std::int64_t at, const TierTraffic& x) {
        s.run(rows.run, at, x.tier, x.read_bytes, x.written_bytes, x.joules, x.busy_fraction,
              x.capacity_bytes, x.peak_bytes);
      });
}
void read_tiers(const Rows& rows, Record& record) {
  rows.read(
      "SELECT tier, read_bytes, written_bytes, joules, busy_fraction, capacity_bytes, peak_bytes "
      "FROM tier_traffic WHERE run = ? ORDER BY position",
      record.tiers, [](Statement& s) {
        return TierTraffic{s.text(0), s.real(1), s.real(2), s.real(3),
                           s.real(4), s.real(5), s.real(6)};
      });
}

void write_shares(const Rows& rows, const Record& record) {
  rows.write("INSERT INTO share (run, position, cause, fraction, seconds) VALUES (?,?,?,?,?)",
             record.shares, [&](Statement& s, std::int64_t at, const Share& x) {
               s.run(rows.run, at, x.cause, x.fraction, x.seconds);
             });
}
void read_shares(const Rows& rows, Record& record) {
  rows.read("SELECT cause, fraction, seconds FROM share WHERE run = ? ORDER BY position",
            record.shares, [](Statement& s) {
              return Share{s.text(0), s.real(1), s.real(2)};
            });
}

void write_requests(const Rows& rows, const Record& record) {
  rows.write(
      "INSERT INTO request (run, position, id, arrival, scheduled, first_token, finished, "
      "input_tokens, output_tokens, cached_tokens, preemptions, replica) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
      record.requests, [&](Statement& s, std::int64_t at, const RequestRow& x) {
        s.run(rows.run, at, x.id, x.arrival, x.scheduled, x.first_token, x.finished, x.input_tokens,
              x.output_tokens, x.cached_tokens, x.preemptions, x.replica);
      });
}
void read_requests(const Rows& rows, Record& record) {
  rows.read(
      "SELECT id, arrival, scheduled, first_token, finished, input_tokens, output_tokens, "
      "cached_tokens, preemptions, replica FROM request WHERE run = ? ORDER BY position",
      record.requests, [](Statement& s) {
        return RequestRow{s.integer(0), s.real(1),
                          s.real(2),    s.real(3),
                          s.real(4),    s.integer(5),
                          s.integer(6), s.integer(7),
                          s.integer(8), static_cast<std::int32_t>(s.integer(9))};
      });
}

void write_series(const Rows& rows, const Record& record) {
  Statement point(rows.connection,
                  "INSERT INTO series_point (series, position, at, value) VALUES (?,?,?,?)");
  rows.write("INSERT INTO series (run, position, name, unit) VALUES (?,?,?,?)", record.series,
             [&](Statement& s, std::int64_t at, const Series& x) {
               s.run(rows.run, at, x.name, x.unit);
               const std::int64_t series = rows.connection.last_row();
               std::int64_t position = 0;
               for (const SeriesPoint& p : x.points) point.run(series, position++, p.at, p.value);
             });
}
void read_series(const Rows& rows, Record& record) {
  Statement point(rows.connection,
                  "SELECT at, value FROM series_point WHERE series = ? ORDER BY position");
  rows.read("SELECT id, name, unit FROM series WHERE run = ? ORDER BY position", record.series,
            [&](Statement& s) {
              Series series{s.text(1), s.text(2), {}};
              point.bind(s.integer(0));
              while (point.step()) series.points.push_back({point.real(0), point.real(1)});
              return series;
            });
}

void write_remarks(const Rows& rows, const Record& record) {
  rows.write("INSERT INTO remark (run, position, text) VALUES (?,?,?)", record.remarks,
             [&](Statement& s, std::int64_t at, const std::string& x) { s.run(rows.run, at, x); });
}
void read_remarks(const Rows& rows, Record& record) {
  rows.read("SELECT text FROM remark WHERE run = ? ORDER BY position", record.remarks,
            [](Statement& s) { return s.text(0); });
}

}  // namespace

std::int64_t write_record(const Connection& connection, const Record& record,
                          const std::string& hash) {
  Statement(
      connection,
      "INSERT INTO run (name, scenario, scenario_hash, code_version, backend, kv_policy, seed, "
      "simulated_seconds, wall_seconds, peak_memory_bytes, record_hash, created_at) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))")
      .run(record.name, record.scenario, record.scenario_hash, record.code_version, record.backend,
           record.kv_policy, static_cast<std::int64_t>(record.seed), record.simulated_seconds,
           record.wall_seconds, record.peak_memory_bytes, hash);
  const Rows rows{connection, connection.last_row()};
  write_stats(rows, record);
  write_ops(rows, record);
  write_tiers(rows, record);
  write_shares(rows, record);
  write_requests(rows, record);
  write_series(rows, record);
  write_remarks(rows, record);
  return rows.run;
}

Record read_record(const Connection& connection, std::int64_t run) {
  Record record;
  Statement s(connection,
              "SELECT name, scenario, scenario_hash, code_version, backend, seed, "
              "simulated_seconds, wall_seconds, peak_memory_bytes, kv_policy FROM run "
              "WHERE id = ?");
  s.bind(run);
  if (!s.step()) {
    connection.raise(fmt::format("there is no run {}", run),
                     "list them with: terrace query \"SELECT run, name FROM run_wide\"");
  }
  record.name = s.text(0);
  record.scenario = s.text(1);
  record.scenario_hash = s.text(2);
  record.code_version = s.text(3);
  record.backend = s.text(4);
  record.seed = static_cast<std::uint64_t>(s.integer(5));
  record.simulated_seconds = s.real(6);
  record.wall_seconds = s.real(7);
  record.peak_memory_bytes = s.real(8);
  record.kv_policy = s.text(9);
  const Rows rows{connection, run};
  read_stats(rows, record);
  read_ops(rows, record);
  read_tiers(rows, record);
  read_shares(rows, record);
  read_requests(rows, record);
  read_series(rows, record);
  read_remarks(rows, record);
  return record;
}

}  // namespace terrace
