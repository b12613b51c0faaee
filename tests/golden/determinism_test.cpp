// The same scenario, seed and version give the same bytes, wherever and beside whatever they run.
#include <future>

#include "tests/explore/runs.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {
namespace {

const Words chat = {"workload.requests.count=60"};

// All of a record but what a changed key of the scenario must change.
std::string results_of(const std::string& text) {
  Json record = Json::parse(text);
  CHECK(record.erase("scenario") == 1);
  CHECK(record.erase("scenario_hash") == 1);
  return record.dump(1);
}

void check_equal(const std::string& a, const std::string& b) {
  if (a == b) {
    SUCCEED();
    return;
  }
  const std::vector<std::string> left = lines_of(a), right = lines_of(b);
  std::size_t at = 0;
  while (at < left.size() && at < right.size() && left[at] == right[at]) ++at;
  FAIL_CHECK("line " << at + 1 << ": " << (at < left.size() ? left[at].substr(0, 300) : "(ended)")
                     << "\n     against: "
                     << (at < right.size() ? right[at].substr(0, 300) : "(ended)"));
}

void check_folding(const std::string& scenario, const Words& sets) {
  const std::string folded = record_text(scenario, sets);
  const std::string unfolded = record_text(scenario, joined(sets, {"fold=false"}));
  CHECK(Json::parse(folded)["scenario_hash"] != Json::parse(unfolded)["scenario_hash"]);
  check_equal(results_of(folded), results_of(unfolded));
}

}  // namespace

TEST_CASE("Same scenario, seed and version give a byte-equal record", "[golden][determinism]") {
  const std::string first = record_text("chat_h100.yaml", chat);
  check_equal(first, record_text("chat_h100.yaml", chat));
}

TEST_CASE("Another seed gives other requests and other results", "[golden][determinism]") {
  const std::string one = record_text("chat_h100.yaml", chat);
  const std::string two = record_text("chat_h100.yaml", joined(chat, {"seed=2"}));
  const Json a = Json::parse(one), b = Json::parse(two);
  CHECK(a["scenario_hash"] != b["scenario_hash"]);
  CHECK(a["seed"] == 1);
  CHECK(b["seed"] == 2);
  CHECK(a["requests"] != b["requests"]);
  CHECK(a["stats"] != b["stats"]);
  CHECK(a["simulated_seconds"] != b["simulated_seconds"]);
}

TEST_CASE("Folding identical layers changes no byte of a chat service's results",
          "[golden][determinism][fold]") {
  check_folding("chat_h100.yaml", chat);
}

TEST_CASE(
    "Folding identical layers and ranks' layers changes no byte with two GPUs in tensor "
    "parallel",
    "[golden][determinism][fold]") {
  check_folding("chat_h100.yaml", {"workload.requests.count=16", "system=systems/h100_sxm_x8.yaml",
                                   "workload.parallel={tp: 2}"});
}

TEST_CASE("Folds that spilling KV interrupts change no byte of the results",
          "[golden][determinism][fold]") {
  const Words sets = {"workload.requests.count=4", "workload.requests.think.mean=1s",
                      "workload.engine.gpu_memory_utilization=0.45"};
  const Json record = Json::parse(record_text("memory_h100.yaml", sets));
  double spilled = 0;
  for (const Json& s : record["stats"])
    if (s["name"] == "resource.gpu0.to_host.moved") spilled = s["value"];
  CHECK(spilled > 0);
  check_folding("memory_h100.yaml", sets);
}

TEST_CASE("A run from another folder gives the same bytes", "[golden][determinism]") {
  TemporaryFolder folder;
  const std::string source = TERRACE_SOURCE_DIR;
  const Outcome away = run_program(
      joined({"run", source + "/configs/scenarios/chat_h100.yaml", "--no-store", "-q", "--json"},
             set_words(chat)),
      [&] { return ::setenv("TERRACE_CONFIGS", (source + "/configs").c_str(), 1) == 0; },
      folder.path());
  INFO(away.errors);
  REQUIRE(away.code == 0);
  check_equal(record_text("chat_h100.yaml", chat), away.output);
}

TEST_CASE("Runs at the same time do not change each other", "[golden][determinism]") {
  const std::string alone = record_text("chat_h100.yaml", chat);
  TemporaryFolder folder;
  const Words command = joined(
      {"run", "configs/scenarios/chat_h100.yaml", "-q", "--json", "--db", folder.file("both.db")},
      set_words(chat));
  std::vector<std::future<Outcome>> runs;
  for (int i = 0; i < 3; ++i)
    runs.push_back(std::async(std::launch::async, [&] { return run_program(command); }));
  for (auto& run : runs) {
    const Outcome outcome = run.get();
    INFO(outcome.errors);
    CHECK(outcome.code == 0);
    check_equal(alone, outcome.output);
  }
  const Outcome count = run_program({"query", "SELECT count(*) AS n FROM run", "--format", "json",
                                     "--db", folder.file("both.db")});
  INFO(count.errors);
  CHECK(Json::parse(count.output).at(0).at("n") == 1);
}

}  // namespace terrace::tests
