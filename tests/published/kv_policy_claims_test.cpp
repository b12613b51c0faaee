// What papers of KV-cache policies claim: the rows that hold are held.
#include "tests/validate/check_rows.h"

using namespace terrace::validate;
using namespace terrace::validate::test;

namespace {

Rows part_of(const std::string& name) {
  const auto comparison = terrace::Choice<Comparison>::of("kv_policy_claims").make({});
  for (const Part& part : comparison->parts())
    if (part.name == name) return part.run();
  FAIL("no part " << name);
  return {};
}

}  // namespace

TEST_CASE("SnapKV's 1,024 of 16,384 tokens give the generation speed of its paper",
          "[kv][published]") {
  const Rows rows = part_of("SnapKV");
  REQUIRE(rows.size() == 1);
  INFO(rows[0].deviation_text());
  CHECK(rows[0].met());
}

TEST_CASE("MiniCache and ThinK hold about as much as their papers say", "[kv][published]") {
  const Rows rows = part_of("compression");
  for (const char* name :
       {"MiniCache with 4 bits, compression", "ThinK, less memory than a cache without it"}) {
    INFO(name << ' ' << row_of(rows, name).deviation_text());
    CHECK(row_of(rows, name).met());
  }
}

TEST_CASE("KIVI's and GEAR's peak memory is that of their papers", "[kv][published]") {
  for (const char* name : {"KIVI", "GEAR"})
    for (const Row& row : part_of(name)) {
      INFO(row.what << ' ' << row.deviation_text());
      CHECK((row.met() || row.what.find("throughput") != std::string::npos));
    }
}
