// Opens SQLite files and turns its error codes into what a person can do about them.
#include "results/connection.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

namespace terrace {
namespace {

namespace fs = std::filesystem;

// A database that was closed cleanly is one file; where nothing may be written beside it, SQLite
// opens it only as immutable.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

bool has_log(const std::string& path) {
  std::error_code ignored;
  const auto size = fs::file_size(path + "-wal", ignored);
  return !ignored && size > 0;
}

struct Trouble {
  std::string what, advice;
};

Trouble cannot_open(const std::string& path, bool writing, int system_error) {
  std::error_code error;
  const fs::path folder = fs::absolute(path, error).parent_path();
  if (fs::is_directory(path, error)) return {"is a folder, not a database", "name a file in it"};
  if (!fs::is_directory(folder, error)) {
    return {fmt::format("the folder {} does not exist", folder.string()), "make it first"};
  }
  if (!fs::exists(path, error)) {
    if (!writing) {
      return {"there is no such database", "run a scenario to make it, or name another with --db"};
    }
    return {"cannot be made", fmt::format("check the permissions of {}", folder.string())};
  }
  return {fmt::format("cannot be opened ({})",
                      system_error != 0 ? std::strerror(system_error) : "no access"),
          "check the permissions of the file and of its folder"};
}

const Trouble disk_full = {"the disk is full, nothing was stored",
                           "free some space, or name a file elsewhere with --db"};

Trouble diagnose(sqlite3* db, const std::string& path, bool writing, int patience_ms) {
  const int code = sqlite3_errcode(db);
  const int system_error = sqlite3_system_errno(db);
  if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG) return disk_full;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return disk_full;
    case SQLITE_READONLY:
      return {"the database is read-only, nothing was stored",
              "allow writing to the file and its folder, or name another with --db"};
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return cannot_open(path, writing, system_error);
    case SQLITE_NOTADB:
      return {"is not a Terrace database (nor any SQLite one)", "name another file with --db"};
    case SQLITE_CORRUPT:
      return {fmt::format("the database is damaged ({})", sqlite3_errmsg(db)),
              "save what can be read with: sqlite3 OLD .recover | sqlite3 NEW"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {fmt::format("another process has held the database for {} s", patience_ms * 1e-3),
              "wait for it to finish, or end it"};
    case SQLITE_IOERR:
      return {fmt::format("reading or writing failed ({})",
                          system_error != 0 ? std::strerror(system_error) : sqlite3_errmsg(db)),
              "check the disk"};
    default:
      return {fmt::format("{} (SQLite code {})", sqlite3_errmsg(db), code), ""};
  }
}

std::string one_line(const std::string& path, const Trouble& trouble) {
  return fmt::format("{}: {}{}{}", path, trouble.what, trouble.advice.empty() ? "" : ". ",
                     trouble.advice);
}

}  // namespace

Connection::Connection(const std::string& path, DatabaseMode mode, int patience_ms)
    : path_(path), mode_(mode), patience_ms_(patience_ms) {
  if (path.empty()) throw DatabaseError("the name of the database file is empty");
  try {
    if (mode == DatabaseMode::write) {
      open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    } else {
      try {
        open(path, SQLITE_OPEN_READONLY);
      } catch (const DatabaseError&) {
        std::error_code error;
        const bool readable = fs::is_regular_file(path, error) && !has_log(path);
        const int code = sqlite3_errcode(db_) & 0xff;
        if (!readable || (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)) throw;
        open(immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
      }
    }
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

void Connection::open(const std::string& name, int flags) {
  sqlite3_close(db_);
  db_ = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &db_, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  if (db_ == nullptr) throw std::bad_alloc();
  if (code != SQLITE_OK) raise();
  sqlite3_busy_timeout(db_, patience_ms_);
  execute("PRAGMA foreign_keys = ON");
  integer("SELECT count(*) FROM sqlite_master");  // SQLite looks into the file only now
}

Connection::~Connection() { sqlite3_close(db_); }

Connection::Connection(Connection&& other) noexcept
    : path_(std::move(other.path_)),
      mode_(other.mode_),
      patience_ms_(other.patience_ms_),
      db_(other.db_) {
  other.db_ = nullptr;
}

void Connection::execute(const std::string& sql) const {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) raise();
}

std::int64_t Connection::integer(const std::string& sql) const {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::text(const std::string& sql) const {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : "";
}

void Connection::raise() const {
  throw DatabaseError(
      one_line(path_, diagnose(db_, path_, mode_ == DatabaseMode::write, patience_ms_)));
}

void Connection::raise(const std::string& what, const std::string& advice) const {
  throw DatabaseError(one_line(path_, {what, advice}));
}

Statement::Statement(const Connection& connection, std::string_view sql) : connection_(connection) {
  check(sqlite3_prepare_v2(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                           &statement_, nullptr));
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    connection_.raise();
  }
  return false;
}

double Statement::real(int column) const {
  return is_null(column) ? std::numeric_limits<double>::quiet_NaN()
                         : sqlite3_column_double(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

void Statement::put(int index, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();  // a null pointer would be NULL
  check(sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::put(int index, const std::optional<std::int64_t>& value) {
  check(value ? sqlite3_bind_int64(statement_, index, *value)
              : sqlite3_bind_null(statement_, index));
}

Transaction::~Transaction() {
  if (sqlite3_get_autocommit(connection_.handle()) == 0) {
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() { connection_.execute("COMMIT"); }

}  // namespace terrace
