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

}  // namespace

void create_schema(const Connection& connection) {
  if (!is_fresh(connection)) return check_schema(connection);
  Transaction transaction(connection);
  if (!is_fresh(connection)) return check_schema(connection);
  for (const DatabaseTable& t : database_tables()) {
    connection.execute(fmt::format("CREATE TABLE {} (  -- {}\n{}) STRICT", t.name, t.meaning,
                                   list_of(t.columns, false, t.constraints)));
  }
  for (const DatabaseView& v : database_views()) {
    connection.execute(fmt::format("CREATE VIEW {} AS  -- {}\n{}SELECT\n{}{}", v.name, v.meaning,
                                   v.with, list_of(v.columns, true, {}), v.from));
  }
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
  if (connection.integer("PRAGMA application_id") != database_application) {
    connection.raise("is an SQLite database of another program", "name another file with --db");
  }
  const std::int64_t version = connection.integer("PRAGMA user_version");
  if (version > database_version) {
    connection.raise(fmt::format("was made by a newer Terrace (schema {}, this one knows {})",
                                 version, database_version),
                     "use that Terrace, or name another file with --db");
  }
}

}  // namespace terrace
