// What goes wrong with a database file is said in one clear line, and nothing is stored by half.
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>

#include "results/query.h"
#include "results/schema.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DatabaseError& error) {
    return error.what();
  }
  return "(no error)";
}

void check_line(const std::string& line, const std::string& file, const std::string& what) {
  INFO(line);
  CHECK(line.find(file) != std::string::npos);
  CHECK(line.find(what) != std::string::npos);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(line.size() < 250);
}

// Runs `action` in a child, as an ordinary user where we are root; gives what it returned.
std::string in_child(const std::function<std::string()>& action, bool ordinary_user) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (ordinary_user && ::getuid() == 0) {
      constexpr unsigned nobody = 65534;
      if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)
        ::_exit(1);
    }
    std::string said;
    try {
      said = action();
    } catch (const std::exception& error) {
      said = std::string("error: ") + error.what();
    }
    ::_exit(::write(pipe[1], said.data(), said.size()) < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(pipe[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(status == 0);
  return said;
}

}  // namespace

TEST_CASE("a database in a folder that does not exist", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("missing/runs.db");
  check_line(error_of([&] { Database::open(file); }), file, "does not exist");
  CHECK_FALSE(std::filesystem::exists(folder.file("missing")));
}

TEST_CASE("reading a database that does not exist", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("none.db");
  check_line(error_of([&] { Database::open(file, Database::Mode::read); }), file,
             "there is no such database");
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a folder, an empty name and an empty file are no databases to read",
          "[results][database]") {
  const TemporaryFolder folder;
  check_line(error_of([&] { Database::open(folder.path()); }), folder.path(), "is a folder");
  check_line(error_of([] { Database::open(""); }), "", "the name of the database file is empty");
  const std::string file = folder.file("empty.db");
  std::ofstream(file).close();
  check_line(error_of([&] { Database::open(file, Database::Mode::read); }), file,
             "no run was ever stored");
  CHECK(Database::open(file).size() == 0);  // but one may write to an empty file
}

TEST_CASE("a file that is no database is left as it is", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("notes.txt");
  const std::string text = "these are notes, not runs\n" + std::string(5000, 'x');
  std::ofstream(file) << text;
  for (const auto mode : {Database::Mode::write, Database::Mode::read}) {
    check_line(error_of([&] { Database::open(file, mode); }), file, "is not a Terrace database");
  }
  std::ifstream in(file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == text);
}

TEST_CASE("a database of another program is left as it is", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("other.db");
  Connection(file, DatabaseMode::write, 0).execute("CREATE TABLE run (id)");
  for (const auto mode : {Database::Mode::write, Database::Mode::read}) {
    check_line(error_of([&] { Database::open(file, mode); }), file, "of another program");
  }
  CHECK(Connection(file, DatabaseMode::read, 0).text("PRAGMA journal_mode") == "delete");
}

TEST_CASE("a database of a newer schema", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("newer.db");
  Database::open(file).connection().execute("PRAGMA user_version = 7");
  for (const auto mode : {Database::Mode::write, Database::Mode::read}) {
    check_line(error_of([&] { Database::open(file, mode); }), file,
               fmt::format("newer Terrace (schema 7, this one knows {})", database_version));
  }
}

TEST_CASE("a database that was cut short", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("cut.db");
  {
    Database db = Database::open(file);
    for (std::uint64_t seed = 0; seed < 20; ++seed) db.insert(sample_record(seed));
  }
  std::filesystem::resize_file(file, 40 * 1024);
  check_line(error_of([&] {
               const Database db = Database::open(file);
               for (RunId run = 1; run <= 20; ++run) db.load(run);
             }),
             file, "the database is damaged");
}

TEST_CASE("a read-only database file", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("kept.db");
  Database::open(file).insert(sample_record(1));
  ::chmod(file.c_str(), 0444);
  ::chmod(folder.path().c_str(), 0777);
  check_line(in_child([&] { return error_of([&] { Database::open(file); }); }, true), file,
             "the database is read-only");
  CHECK(in_child([&] { return Database::open(file, Database::Mode::read).load(1).name; }, true) ==
        "sample1");
}

TEST_CASE("a read-only folder", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("kept.db");
  Database::open(file).insert(sample_record(1));
  ::chmod(file.c_str(), 0666);
  ::chmod(folder.path().c_str(), 0555);
  const std::string fresh = folder.file("new.db");
  check_line(in_child([&] { return error_of([&] { Database::open(fresh); }); }, true), fresh,
             "cannot be made. check the permissions of");
  const std::string line = in_child(
      [&] { return error_of([&] { Database::open(file).insert(sample_record(2)); }); }, true);
  check_line(line, file, "the database is read-only");
  CHECK(in_child([&] { return Database::open(file, Database::Mode::read).load(1).name; }, true) ==
        "sample1");  // reading needs no place for a log
}

TEST_CASE("a full database says so and stays as it was", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("full.db");
  Database db = Database::open(file);
  db.insert(sample_record(1));
  const auto pages = db.connection().integer("PRAGMA page_count");
  db.connection().execute(fmt::format("PRAGMA max_page_count = {}", pages + 3));
  check_line(error_of([&] { db.insert(sample_record(2, 5000)); }), file, "the disk is full");
  CHECK(db.size() == 1);
  CHECK(db.check().empty());
  db.connection().execute("PRAGMA max_page_count = 100000");
  CHECK(db.insert(sample_record(2, 5000)) > 1);  // and goes on once there is room
  CHECK(db.check().empty());
}

TEST_CASE("a file system without room says so and keeps the runs it has", "[results][database]") {
  const TemporaryFolder folder;
  const std::string said = in_child(
      [&]() -> std::string {  // a small tmpfs in a mount namespace of its own
        if (::unshare(::getuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
          return "cannot mount";
        }
        std::string error;
        RunId stored = 0;
        try {
          Database db = Database::open(folder.file("small.db"));
          for (std::uint64_t seed = 1; seed < 1000; ++seed)
            stored = db.insert(sample_record(seed, 300));
        } catch (const DatabaseError& full) {
          error = full.what();
        }
        const Database db = Database::open(folder.file("small.db"), Database::Mode::read);
        return fmt::format("{}|{} kept, {} stored, {} wrong", error, db.size(), stored,
                           db.check().size());
      },
      false);
  if (said == "cannot mount") {
    WARN("no right to mount a tmpfs here: not tested");
    return;
  }
  INFO(said);
  check_line(said.substr(0, said.find('|')), "small.db", "the disk is full");
  const std::string counts = said.substr(said.find('|') + 1);
  const int kept = std::stoi(counts);
  CHECK(kept > 2);
  CHECK(counts == fmt::format("{} kept, {} stored, 0 wrong", kept, kept));
}

TEST_CASE("a database that another process does not let go", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("busy.db");
  Database holder = Database::open(file);
  const Transaction held(holder.connection());
  Database other = Database::open(file, Database::Mode::write, 50);
  check_line(error_of([&] { other.insert(sample_record(1)); }), file,
             "another process has held the database for 0.05 s");
  CHECK(query(other, "SELECT count(*) FROM run").rows.size() == 1);  // reading goes on
}

TEST_CASE("a database opened to read cannot be written", "[results][database]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("a.db");
  Database::open(file).insert(sample_record(1));
  Database db = Database::open(file, Database::Mode::read);
  check_line(error_of([&] { db.insert(sample_record(2)); }), file, "read-only");
}

}  // namespace terrace::tests
