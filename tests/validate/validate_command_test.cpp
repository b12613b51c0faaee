// The command `terrace validate`: what it prints, and what it says to a name it does not know.
#include "tests/explore/program.h"

using namespace terrace::tests;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a comparison that does not exist is a mistake, and the near name is told",
          "[validate]") {
  const Outcome outcome = run_program({"validate", "systolic_scale_sim", "ethernet_rock"});
  CHECK(outcome.code == 2);
  CHECK(outcome.output.empty());
  CHECK(outcome.errors ==
        "terrace: no comparison \"ethernet_rock\". did you mean \"ethernet_roce\"?\n");
}

TEST_CASE("a comparison is a table with its sources and one line that sums it up", "[validate]") {
  const Outcome page = run_program({"validate", "systolic_scale_sim", "--markdown"});
  INFO(page.errors);
  CHECK(page.code == 0);
  CHECK(has(page.output, "Made by `terrace validate systolic_scale_sim`"));
  CHECK(
      has(page.output, "| 14304 cycles | 14303 cycles | +0.0 % | ≥ 14304 cycles | ± 1 % | yes |"));
  CHECK(has(page.output, "SCALE-Sim v3"));
  CHECK(has(page.output, "1 row, 1 within the target"));
}

TEST_CASE("a report with rows that miss ends well", "[validate]") {
  const Outcome page = run_program({"validate", "dram_silicon"});
  INFO(page.errors);
  CHECK(page.code == 0);
  CHECK(has(page.output, "A100 80 GB read"));
  CHECK(has(page.output, "  no"));
}

TEST_CASE("the list of comparisons simulates nothing", "[validate]") {
  const Outcome page = run_program({"validate", "--list"});
  CHECK(page.code == 0);
  CHECK(has(page.output, "l2_staircase"));
  CHECK_FALSE(has(page.output, "within the target"));
}
