// Makes and checks the schema.
#include "results/schema.h"

#include <fmt/format.h>

namespace terrace {
namespace {

std::string list_of(const std::vector<DatabaseColumn>& columns, bool view,
                    const std::vector<std::string>& constraints) {
  std::string out;
  const std::size_t lines = columns.size() + constraints.size();
  for (std::size_t i = 0; i < lines; ++i) {
    const char* comma = i + 1 < lines ? "," : "";
    if (i < columns.size()) {
      const DatabaseColumn& c = columns[i];
      out += view ? fmt::format("  {} AS {}{}  -- {}\n", c.type, c.name, comma, c.meaning)
                  : fmt::format("  {} {}{}  -- {}\n", c.name, c.type, comma, c.meaning);
    } else {
      out += fmt::format("  {}{}\n", constraints[i - columns.size()], comma);
    }
  }
  return out;
}

void document(Statement& insert, const std::string& object, const std::string& meaning,
              const std::vector<DatabaseColumn>& columns) {
  insert.run(object, "", meaning);
  for (const DatabaseColumn& c : columns) insert.run(object, c.name, c.meaning);
}

bool is_fresh(const Connection& connection) {
  return connection.integer("PRAGMA user_version") == 0 &&
         connection.integer("SELECT count(*) FROM sqlite_master") == 0;
}

void make_table(const Connection& connection, const DatabaseTable& t) {
  connection.execute(fmt::format("CREATE TABLE {} (  -- {}\n{}) STRICT", t.name, t.meaning,
                                 list_of(t.columns, false, t.constraints)));
}

// An older Terrace's tables have fewer columns; each that came later has a default.
void complete_table(const Connection& connection, const DatabaseTable& t) {
  Statement has(connection, "SELECT 1 FROM pragma_table_info(?) WHERE name = ? OR ? = ''");
  has.bind(t.name, "", "");
  if (!has.step()) return make_table(connection, t);
  for (const DatabaseColumn& c : t.columns) {
    has.bind(t.name, c.name, c.name);
    if (!has.step())
      connection.execute(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", t.name, c.name, c.type));
  }
}

void make_views(const Connection& connection) {
  for (const DatabaseView& v : database_views()) {
    connection.execute(fmt::format("DROP VIEW IF EXISTS {}", v.name));
    connection.execute(fmt::format("CREATE VIEW {} AS  -- {}\n{}SELECT\n{}{}", v.name, v.meaning,
                                   v.with, list_of(v.columns, true, {}), v.from));
  }
}

bool is_current(const Connection& connection) {
  return connection.integer("PRAGMA user_version") == database_version;
}

}  // namespace

void check_owner(const Connection& connection) {
  if (connection.integer("PRAGMA application_id") != database_application)
    connection.raise("is an SQLite database of another program", "name another file with --db");
  const std::int64_t version = connection.integer("PRAGMA user_version");
  if (version > database_version)
    connection.raise(fmt::format("was made by a newer Terrace (schema {}, this one knows {})",
                                 version, database_version),
                     "use that Terrace, or name another file with --db");
}

void create_schema(const Connection& connection) {
  if (!is_fresh(connection)) check_owner(connection);
  if (is_current(connection)) return;
  Transaction transaction(connection);
  if (is_current(connection)) return;
  for (const DatabaseTable& t : database_tables()) complete_table(connection, t);
  make_views(connection);
  connection.execute("DELETE FROM doc");
  Statement insert(connection, "INSERT INTO doc VALUES (?, ?, ?)");
  for (const DatabaseTable& t : database_tables()) document(insert, t.name, t.meaning, t.columns);
  for (const DatabaseView& v : database_views()) document(insert, v.name, v.meaning, v.columns);
  connection.execute(fmt::format("PRAGMA application_id = {}", database_application));
  connection.execute(fmt::format("PRAGMA user_version = {}", database_version));
  transaction.commit();
}

void check_schema(const Connection& connection) {
  if (is_fresh(connection)) {
    connection.raise("the database is empty: no run was ever stored in it", "run a scenario first");
  }
  check_owner(connection);
  if (!is_current(connection)) {
    connection.raise(fmt::format("was made by an older Terrace (schema {}, this one has {})",
                                 connection.integer("PRAGMA user_version"), database_version),
                     "any run that is stored in it brings it up to date");
  }
}

}  // namespace terrace
