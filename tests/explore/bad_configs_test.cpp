// What a user can get wrong is said line by line, with exit code 2, and leaves nothing behind.
// Each file of tests/bad_configs begins with what the program must say about it, a comment a
// mistake; "…" stands for any text. `# with: --set a=b` adds an argument. spaces/ are swept.
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "results/database.h"
#include "tests/explore/program.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {
namespace {

namespace fs = std::filesystem;

const std::string folder_of_mistakes = "tests/bad_configs";

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct BadConfig {
  std::vector<std::string> expected, arguments;
};

BadConfig read_bad_config(const std::string& file) {
  BadConfig bad;
  for (const std::string& line : lines_of(contents(std::string(TERRACE_SOURCE_DIR) + "/" + file))) {
    const std::string with = "# with: ";
    if (line.rfind(with, 0) == 0) {
      const std::string words = line.substr(with.size());
      const std::size_t space = words.find(' ');
      bad.arguments.push_back(words.substr(0, space));
      bad.arguments.push_back(words.substr(space + 1));
    } else if (line.rfind("# ", 0) == 0) {
      bad.expected.push_back(line.substr(2));
    } else {
      break;
    }
  }
  return bad;
}

bool is_like(const std::string& line, const std::string& expected) {
  const std::string any = "…";
  std::size_t at = 0;  // in the line
  for (std::size_t from = 0;;) {
    const std::size_t to = expected.find(any, from);
    const std::string part = expected.substr(from, to - from);
    if (from == 0 ? line.compare(0, part.size(), part) != 0
                  : (at = line.find(part, at)) == std::string::npos)
      return false;
    at += part.size();
    if (to == std::string::npos)
      return at == line.size() || (from > 0 && line.size() >= part.size() &&
                                   line.compare(line.size() - part.size(), part.size(), part) == 0);
    from = to + any.size();
  }
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(std::string(TERRACE_SOURCE_DIR) + "/" + folder))
    if (entry.is_regular_file()) files.push_back(folder + "/" + entry.path().filename().string());
  std::sort(files.begin(), files.end());
  return files;
}

void check_lines(const Outcome& outcome, const std::vector<std::string>& expected) {
  const std::vector<std::string> said = lines_of(outcome.errors);
  INFO("it said:\n" << outcome.errors.substr(0, 5000));
  CHECK(outcome.code == 2);
  CHECK(outcome.output.empty());
  CHECK(said.size() == expected.size());
  for (std::size_t i = 0; i < std::min(said.size(), expected.size()); ++i) {
    INFO("expected: " << expected[i]);
    CHECK(is_like(said[i], expected[i]));
  }
}

void check_refused(const std::vector<std::string>& words,
                   const std::vector<std::string>& expected) {
  const TemporaryFolder folder;
  std::vector<std::string> all = words;
  all.insert(all.end(), {"--db", folder.file("runs.db")});
  check_lines(run_program(all), expected);
  CHECK(fs::is_empty(folder.path()));
}

// The one line of a run of a good scenario that cannot store its record.
void check_not_stored(const std::string& database, const std::string& expected,
                      const std::function<bool()>& before = {}) {
  const Outcome outcome =
      run_program({"run", "--quiet", "configs/scenarios/chat_h100.yaml", "--db", database}, before);
  if (outcome.code == Outcome::not_prepared) {
    WARN("cannot be prepared here: not tested");
    return;
  }
  INFO(outcome.errors);
  CHECK(outcome.code == 1);
  CHECK(outcome.output.empty());
  REQUIRE(lines_of(outcome.errors).size() == 1);
  CHECK(is_like(lines_of(outcome.errors)[0], expected));
}

void write(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

std::string noise(std::size_t bytes, int low, int high) {
  std::mt19937 random(2);
  std::string text(bytes, ' ');
  for (char& c : text)
    c = static_cast<char>(low + static_cast<int>(random() % static_cast<unsigned>(high - low)));
  return text;
}

}  // namespace

TEST_CASE("every mistake of a scenario is said at once, and nothing is stored",
          "[explore][bad_configs]") {
  const std::vector<std::string> files = files_in(folder_of_mistakes);
  CHECK(files.size() >= 40);
  for (const std::string& file : files) {
    INFO(file);
    const BadConfig bad = read_bad_config(file);
    REQUIRE_FALSE(bad.expected.empty());
    std::vector<std::string> words = {"run", "--quiet", file};
    words.insert(words.end(), bad.arguments.begin(), bad.arguments.end());
    check_refused(words, bad.expected);
  }
}

TEST_CASE("every mistake of a design space is said before a point is run",
          "[explore][bad_configs]") {
  const std::vector<std::string> files = files_in(folder_of_mistakes + "/spaces");
  CHECK(files.size() >= 8);
  for (const std::string& file : files) {
    INFO(file);
    const BadConfig bad = read_bad_config(file);
    REQUIRE_FALSE(bad.expected.empty());
    check_refused({"sweep", "-j", "1", file}, bad.expected);
  }
}

TEST_CASE("a refused scenario leaves a database as it was", "[explore][bad_configs]") {
  const TemporaryFolder folder;
  const std::string database = folder.file("runs.db");
  Database::open(database).insert(sample_record(1));
  const std::string before = contents(database);
  for (const char* name : {"unknown_key", "trace_malformed", "model_does_not_fit"}) {
    const std::string file = folder_of_mistakes + "/" + name + ".yaml";
    CHECK(run_program({"run", "--quiet", file, "--db", database}).code == 2);
  }
  CHECK(contents(database) == before);
}

TEST_CASE("files that are no scenarios at all", "[explore][bad_configs]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("scenario.yaml");
  const auto check = [&](const std::string& text, const std::vector<std::string>& expected) {
    write(file, text);
    check_refused({"run", "--quiet", file}, expected);
  };
  SECTION("empty") {
    check("", {"…scenario.yaml:1:1: missing required key \"name\"",
               "…scenario.yaml:1:1: missing required key \"system\"",
               "…scenario.yaml:1:1: missing required key \"workload\""});
  }
  SECTION("2 MB of noise") { check(noise(2 << 20, 0, 256), {"…scenario.yaml:1:…: not …"}); }
  SECTION("2 MB of letters") {
    check(noise(2 << 20, 'a', 'z'), {"…scenario.yaml:1:1: expected a mapping, found \"…...\""});
  }
  SECTION("2 MB of punctuation and letters") {
    check("name: [" + noise(2 << 20, ' ' + 1, 127), {"…scenario.yaml:1:…"});
  }
  SECTION("100,000 brackets") {
    check("name: " + std::string(100'000, '['),
          {"…scenario.yaml:1:…: nested deeper than 100 levels"});
  }
  SECTION("100,000 levels of block lists") {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "- ";
    check(text, {"…scenario.yaml:1:201: nested deeper than 100 levels"});
  }
  SECTION("larger than 16 MiB") {
    write(file, "name: large\n");
    fs::resize_file(file, 17 << 20);
    check_refused({"run", "--quiet", file},
                  {"…scenario.yaml: cannot read \"…scenario.yaml\": larger than 16MiB…"});
  }
}

TEST_CASE("files that cannot be read", "[explore][bad_configs]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("scenario.yaml");
  write(file, "name: here\n");
  SECTION("missing") {
    check_refused({"run", "--quiet", folder.file("scenari.yaml")},
                  {"cannot read \"…scenari.yaml\": No such file…did you mean \"…scenario.yaml\"?"});
  }
  SECTION("a folder") {
    check_refused({"run", "--quiet", folder.path()}, {"…: cannot read \"…\": Is a directory"});
  }
  SECTION("a path through a file") {
    check_refused({"run", "--quiet", file + "/more.yaml"}, {"cannot read \"…/more.yaml\": …"});
  }
  SECTION("no permission") {
    ::chmod(file.c_str(), 0);
    const Outcome outcome =
        run_program({"run", "--quiet", "--no-store", file}, bound_by_permissions);
    if (outcome.code == Outcome::not_prepared) return;
    check_lines(outcome, {"…: cannot read \"…\": Permission denied"});
  }
}

TEST_CASE("mistakes on the command line", "[explore][bad_configs]") {
  check_lines(run_program({"rum", "x.yaml"}),
              {"terrace: no command \"rum\". did you mean \"run\"?"});
  check_lines(run_program({"run"}), {"terrace: FILE is required"});
  check_lines(run_program({"run", "x.yaml", "--sett", "a=b"}),
              {"terrace: …--sett…did you mean \"--set\"?"});
}

TEST_CASE("a database that cannot take a run is one line, before the work",
          "[explore][bad_configs]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("runs.db");
  const auto mount_here = [&](const char* type, unsigned long flags, const char* options) {
    return ::mount(folder.path().c_str(), folder.path().c_str(), type, flags, options) == 0;
  };
  SECTION("of a newer schema") {
    Database::open(file).connection().execute("PRAGMA user_version = 7");
    const std::string before = contents(file);
    check_not_stored(file, "terrace: …runs.db: …newer Terrace…");
    CHECK(contents(file) == before);
  }
  SECTION("read-only") {
    Database::open(file).insert(sample_record(1));
    ::chmod(file.c_str(), 0444);
    check_not_stored(file, "terrace: …runs.db: the database is read-only…", bound_by_permissions);
  }
  SECTION("on a read-only file system") {
    Database::open(file).insert(sample_record(1));
    check_not_stored(file, "terrace: …runs.db: …", [&] {
      return own_mounts() && mount_here(nullptr, MS_BIND, nullptr) &&
             mount_here(nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr);
    });
  }
  SECTION("on a full disk") {
    check_not_stored(file, "terrace: …runs.db: the disk is full…",
                     [&] { return own_mounts() && mount_here("tmpfs", 0, "size=16k"); });
  }
  SECTION("in a folder that does not exist") {
    check_not_stored(folder.file("missing/runs.db"), "terrace: …runs.db: …does not exist…");
    CHECK_FALSE(fs::exists(folder.file("missing")));
  }
  SECTION("that is no database") {
    write(file, "these are notes\n");
    check_not_stored(file, "terrace: …runs.db: …is not a Terrace database…");
    CHECK(contents(file) == "these are notes\n");
  }
}

}  // namespace terrace::tests
