// Runs SQL under an authorizer, and explains what SQLite rejects.
#include "results/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "sim/suggest.h"

namespace terrace {
namespace {

struct Guard {          // told by SQLite what a statement wants
  std::string refused;  // what must not even be compiled
  std::string writes;   // what does no harm until it runs
};

const char* name_of_action(int action) {
  switch (action) {
    case SQLITE_INSERT:
      return "INSERT";
    case SQLITE_UPDATE:
      return "UPDATE";
    case SQLITE_DELETE:
      return "DELETE";
    case SQLITE_ATTACH:
      return "ATTACH";
    case SQLITE_DETACH:
      return "DETACH";
    case SQLITE_PRAGMA:
      return "this PRAGMA";
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      return "a transaction";
    case SQLITE_ANALYZE:
      return "ANALYZE";
    case SQLITE_REINDEX:
      return "REINDEX";
    case SQLITE_FUNCTION:
      return "load_extension";
    default:
      return "changing the schema";
  }
}

int authorize(void* user, int action, const char* first, const char* second, const char*,
              const char*) {
  static const std::vector<std::string> harmless = {
      "table_info",      "table_xinfo",      "table_list",       "index_list",    "index_info",
      "index_xinfo",     "foreign_key_list", "database_list",    "function_list", "compile_options",
      "integrity_check", "quick_check",      "foreign_key_check"};
  static const std::vector<std::string> settings = {"user_version", "application_id",
                                                    "journal_mode", "page_count", "page_size"};
  const auto among = [](const std::vector<std::string>& names, const char* name) {
    return name != nullptr && std::find(names.begin(), names.end(), name) != names.end();
  };
  bool allowed = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE;
  if (action == SQLITE_FUNCTION) {
    allowed = second == nullptr || std::string_view(second) != "load_extension";
  }
  if (action == SQLITE_PRAGMA) {
    allowed = among(harmless, first) || (second == nullptr && among(settings, first));
  }
  if (allowed) return SQLITE_OK;
  // SQLite declares virtual tables such as json_each by changing its own schema, so a change is
  // only noted here; whether the statement itself writes is asked when it is compiled.
  static const std::vector<int> at_once = {SQLITE_PRAGMA,      SQLITE_ATTACH,    SQLITE_DETACH,
                                           SQLITE_TRANSACTION, SQLITE_SAVEPOINT, SQLITE_FUNCTION};
  const bool harmful = std::find(at_once.begin(), at_once.end(), action) != at_once.end();
  auto& guard = *static_cast<Guard*>(user);
  std::string& note = harmful ? guard.refused : guard.writes;
  if (note.empty()) note = name_of_action(action);
  return harmful ? SQLITE_DENY : SQLITE_OK;
}

[[noreturn]] void fail(std::string_view sql, std::ptrdiff_t offset, const std::string& what) {
  if (offset < 0 || static_cast<std::size_t>(offset) > sql.size()) throw QueryError(what);
  const auto at = static_cast<std::size_t>(offset);
  const std::size_t before = sql.substr(0, at).rfind('\n');
  const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
  const std::string_view line = sql.substr(start, sql.find('\n', start) - start);
  const auto number = std::count(sql.begin(), sql.begin() + offset, '\n') + 1;
  std::string mark;  // tabs stay, so that the mark stands where it should
  for (const char c : sql.substr(start, at - start)) {
    if ((c & 0xc0) != 0x80) mark += c == '\t' ? '\t' : ' ';
  }
  throw QueryError(
      fmt::format("{}:{}: {}\n  {}\n  {}^", number, mark.size() + 1, what, line, mark));
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Where `word` stands as a word, in any case; -1 when it does not.
std::ptrdiff_t find_word(std::string_view sql, std::string_view word) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  auto from = sql.begin();
  while (!word.empty()) {
    const auto hit = std::search(from, sql.end(), word.begin(), word.end(), same);
    if (hit == sql.end()) break;
    const auto end = hit + static_cast<std::ptrdiff_t>(word.size());
    const bool starts = hit == sql.begin() || !is_word(*(hit - 1));
    if (starts && (end == sql.end() || !is_word(*end))) return hit - sql.begin();
    from = hit + 1;
  }
  return -1;
}

std::vector<std::string> names(const Connection& connection, const std::string& sql) {
  std::vector<std::string> out;
  Statement statement(connection, sql);
  while (statement.step()) out.push_back(statement.text(0));
  return out;
}

// Columns of the tables that the SQL speaks of; of all tables when it speaks of none.
std::vector<std::string> columns_in_reach(const Connection& connection, std::string_view sql,
                                          const std::vector<std::string>& tables) {
  std::vector<std::string> all, near;
  for (const std::string& table : tables) {
    for (std::string& column :
         names(connection, fmt::format("SELECT name FROM pragma_table_info('{}')", table))) {
      if (find_word(sql, table) >= 0) near.push_back(column);
      all.push_back(std::move(column));
    }
  }
  return near.empty() ? all : near;
}

std::string hint(const std::string& word, const std::vector<std::string>& known) {
  std::string near = did_you_mean(word, known);
  if (!near.empty()) return near;
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  return list.empty() || list.size() > 300 ? "" : ". there is: " + list;
}

[[noreturn]] void explain(const Connection& connection, std::string_view sql) {
  std::string what = sqlite3_errmsg(connection.handle());
  std::ptrdiff_t offset = sqlite3_error_offset(connection.handle());
  const auto rest_after = [&](std::string_view start) -> std::string {
    return what.compare(0, start.size(), start) == 0 ? what.substr(start.size()) : "";
  };
  const std::string table = rest_after("no such table: ");
  const std::string column = rest_after("no such column: ");
  if (!table.empty() || !column.empty()) {
    const std::string wanted = table.empty() ? column : table;
    const std::string bare = wanted.substr(wanted.rfind('.') + 1);
    const auto tables = names(connection,
                              "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND "
                              "name NOT LIKE 'sqlite_%' ORDER BY type DESC, rowid");
    const auto known = table.empty() ? columns_in_reach(connection, sql, tables) : tables;
    const bool there = std::find(known.begin(), known.end(), bare) != known.end();
    what += there ? fmt::format(". no table here is called \"{}\" and has it",
                                wanted.substr(0, wanted.size() - bare.size() - 1))
                  : hint(bare, known);
    if (offset < 0) offset = find_word(sql, bare);
  }
  const std::string function = rest_after("no such function: ");
  if (!function.empty()) {
    what +=
        did_you_mean(function, names(connection, "SELECT DISTINCT name FROM pragma_function_list"));
    if (offset < 0) offset = find_word(sql, function);
  }
  if (offset < 0 && what == "incomplete input") {
    offset = static_cast<std::ptrdiff_t>(sql.size());
  }
  fail(sql, offset, what);
}

// Length of the comments, blanks and semicolons at the start.
std::size_t skip_nothing(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size()) {
    if (std::isspace(static_cast<unsigned char>(sql[at])) != 0 || sql[at] == ';') {
      ++at;
    } else if (sql.compare(at, 2, "--") == 0) {
      at = std::min(sql.size(), sql.find('\n', at));
    } else if (sql.compare(at, 2, "/*") == 0) {
      const std::size_t end = sql.find("*/", at);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      break;
    }
  }
  return at;
}

Answer::Cell cell(sqlite3_stmt* row, int column) {
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL:
      return std::monostate{};
    case SQLITE_INTEGER:
      return static_cast<std::int64_t>(sqlite3_column_int64(row, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(row, column);
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(row, column));
      std::string hex;
      for (std::size_t i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
      return hex;
    }
    default: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
      return std::string(text, size);
    }
  }
}

}  // namespace

Answer query(const Database& database, std::string_view sql) {
  const Connection& connection = database.connection();
  sqlite3* db = connection.handle();
  if (skip_nothing(sql) == sql.size()) throw QueryError("there is no SQL in the query");
  Guard guard;
  sqlite3_stmt* prepared = nullptr;
  const char* tail = nullptr;
  sqlite3_set_authorizer(db, authorize, &guard);
  const int code =
      sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &prepared, &tail);
  sqlite3_set_authorizer(db, nullptr, nullptr);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared, sqlite3_finalize);
  if (guard.refused.empty() && prepared != nullptr && sqlite3_stmt_readonly(prepared) == 0) {
    guard.refused = guard.writes.empty() ? "writing" : guard.writes;
  }
  if (!guard.refused.empty()) {
    fail(sql, static_cast<std::ptrdiff_t>(skip_nothing(sql)),
         fmt::format("a query only reads; {} is refused", guard.refused));
  }
  if (code == SQLITE_ERROR) explain(connection, sql);
  if (code != SQLITE_OK) connection.raise();
  const auto used = static_cast<std::size_t>(tail - sql.data());
  const std::size_t more = used + skip_nothing(sql.substr(used));
  if (more < sql.size()) {
    fail(sql, static_cast<std::ptrdiff_t>(more), "one statement at a time; a second starts here");
  }
  Answer answer;
  const int columns = sqlite3_column_count(prepared);
  for (int c = 0; c < columns; ++c) answer.columns.emplace_back(sqlite3_column_name(prepared, c));
  int state = SQLITE_ROW;
  while ((state = sqlite3_step(prepared)) == SQLITE_ROW) {
    auto& row = answer.rows.emplace_back();
    for (int c = 0; c < columns; ++c) row.push_back(cell(prepared, c));
  }
  if (state == SQLITE_ERROR) explain(connection, sql);
  if (state != SQLITE_DONE) connection.raise();
  return answer;
}

}  // namespace terrace
