// An SQLite connection, its statements and transactions, and the one line that says what went
// wrong.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace terrace {

// One line: the file, what is the matter, and what to do about it.
class DatabaseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class DatabaseMode { read, write };  // write: the file is made when there is none

class Connection {
 public:
  // Opens a file or ":memory:". Another process's lock is waited for up to `patience_ms`.
  Connection(const std::string& path, DatabaseMode mode, int patience_ms);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  sqlite3* handle() const { return db_; }
  const std::string& path() const { return path_; }
  bool in_memory() const { return path_ == ":memory:"; }

  void execute(const std::string& sql) const;
  std::int64_t integer(const std::string& sql) const;  // the first column of the first row
  std::string text(const std::string& sql) const;
  std::int64_t last_row() const { return sqlite3_last_insert_rowid(db_); }

  // Throws the DatabaseError for the last thing that failed here.
  [[noreturn]] void raise() const;
  [[noreturn]] void raise(const std::string& what, const std::string& advice) const;

 private:
  void open(const std::string& name, int flags);

  std::string path_;
  DatabaseMode mode_;
  int patience_ms_;
  sqlite3* db_ = nullptr;
};

// A prepared statement. Parameters and columns count from 0; NULL stands for NaN in both
// directions.
class Statement {
 public:
  Statement(const Connection& connection, std::string_view sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Values>
  Statement& bind(const Values&... values) {
    sqlite3_reset(statement_);
    int index = 0;
    (put(++index, values), ...);
    return *this;
  }
  template <class... Values>
  void run(const Values&... values) {  // for statements that give no rows
    bind(values...);
    while (step()) {
    }
  }
  bool step();  // true: a row is ready

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  void put(int index, std::int64_t value) { check(sqlite3_bind_int64(statement_, index, value)); }
  void put(int index, std::int32_t value) { check(sqlite3_bind_int64(statement_, index, value)); }
  void put(int index, double value) { check(sqlite3_bind_double(statement_, index, value)); }
  void put(int index, std::string_view value);
  void put(int index, const std::string& value) { put(index, std::string_view(value)); }
  void put(int index, const char* value) { put(index, std::string_view(value)); }
  void put(int index, const std::optional<std::int64_t>& value);
  void check(int code) const {
    if (code != SQLITE_OK) connection_.raise();
  }

  const Connection& connection_;
  sqlite3_stmt* statement_ = nullptr;
};

// Holds the write lock from the start; rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(const Connection& connection) : connection_(connection) {
    connection_.execute("BEGIN IMMEDIATE");
  }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Connection& connection_;
};

}  // namespace terrace
