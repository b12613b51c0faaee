// The test program: Catch2, and `--ctest FILE DIR`, which lists the tests for CTest by their tags.
#define CATCH_CONFIG_RUNNER
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

namespace {

bool tagged(const Catch::TestCase& test, const std::string& tag) {
  return std::find(test.tags.begin(), test.tags.end(), tag) != test.tags.end();
}

std::string escaped(const std::string& name) {  // as Catch reads a test's name on its command line
  std::string out;
  for (const char c : name) {
    if (std::strchr(",[]\\\"*~", c) != nullptr) out += '\\';
    out += c;
  }
  return out;
}

// [long] runs last, [serial] runs alone, [.hidden] is not listed.
int list_for_ctest(const Catch::Session& session, const std::string& program,
                   const std::string& file, const std::string& directory) {
  std::ofstream out(file);
  auto tests = Catch::getAllTestCasesSorted(const_cast<Catch::Session&>(session).config());
  std::stable_partition(tests.begin(), tests.end(),
                        [](const Catch::TestCase& t) { return !tagged(t, "long"); });
  for (const Catch::TestCase& test : tests) {
    if (test.isHidden()) continue;
    std::string labels = tagged(test, "long") ? "" : "unit;";
    for (const std::string& tag : test.tags) labels += tag + ";";
    const std::string name = "[==[" + test.name + "]==]";
    out << "add_test(" << name << " [==[" << program << "]==] [==[" << escaped(test.name)
        << "]==] -w NoTests)\nset_tests_properties(" << name << " PROPERTIES WORKING_DIRECTORY [==["
        << directory << "]==] LABELS [==[" << labels << "]==] COST "
        << (tagged(test, "long") ? 1 : 1000) << (tagged(test, "serial") ? " RUN_SERIAL ON" : "")
        << ")\n";
  }
  out.close();
  if (!out) std::cerr << file << ": cannot be written\n";
  return out ? 0 : 1;
}

}  // namespace

int main(int argc, char* argv[]) {
  Catch::Session session;
  if (argc == 4 && std::strcmp(argv[1], "--ctest") == 0) {
    return list_for_ctest(session, argv[0], argv[2], argv[3]);
  }
  return session.run(argc, argv);
}
