// What `terrace run --backend plan` and `gpu` say, store and leave as exit code.
#include <filesystem>

#include "tests/explore/runs.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {
namespace {

const std::string serving = "configs/scenarios/fidelity/decode.yaml";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
Outcome run_steps(const std::string& scenario, const Words& more) {
  return run_program(joined({"run", scenario, "--set", "fidelity={}"}, more));
}

TEST_CASE("a plan needs no GPU: it says what would run, its memory and its predicted time",
          "[cuda]") {
  const Outcome o =
      run_steps(serving, {"--backend", "plan", "--step", "4x500", "--step", "1x0+512"});
  INFO(o.errors);
  REQUIRE(o.code == 0);
  CHECK(has(o.output, "decode, 4 sequences of 500 tokens"));
  CHECK(has(o.output, "prefill, 512 tokens"));
  CHECK(has(o.output, "qkv_proj"));
  CHECK(has(o.output, "logits_to_fp32 streams its bytes"));
  const Outcome json = run_steps(serving, {"--backend", "plan", "--step", "4x500", "-q", "--json"});
  REQUIRE(json.code == 0);
  const Json record = Json::parse(json.output);
  CHECK(record.at("backend") == "plan 4x500");
}

TEST_CASE("ops written down by hand are planned, too", "[cuda]") {
  for (const char* name : {"gather_4kib", "copies_pcie", "two_kernels", "attention_cpu"}) {
    const Outcome o = run_steps(std::string("configs/scenarios/fidelity/") + name + ".yaml",
                                {"--backend", "plan"});
    INFO(name << ": " << o.errors);
    CHECK(o.code == 0);
  }
}

TEST_CASE("without a GPU, execution ends with code 3, a sentence, and nothing stored", "[cuda]") {
  const TemporaryFolder folder;
  const std::string database = folder.file("gpu.db");
  const Outcome o = run_steps(serving, {"--backend", "gpu", "--step", "1x100", "--db", database});
  if (o.code == 0) {
    WARN("skipped: there is a GPU");
    return;
  }
  INFO(o.errors);
  CHECK(o.code == 3);
  CHECK(lines_of(o.errors).size() == 1);
  CHECK(o.errors.rfind("terrace: ", 0) == 0);
  CHECK(o.output.empty());
  CHECK_FALSE(std::filesystem::exists(database));
}

TEST_CASE("with a GPU, a step's prediction and measurement are stored beside each other",
          "[cuda][gpu][program]") {
  const TemporaryFolder folder;
  const std::string database = folder.file("gpu.db");
  const Outcome o = run_steps(serving, {"--backend", "gpu", "--step", "4x500", "--db", database});
  if (o.code == 3) {
    WARN("skipped: " << o.errors);
    return;
  }
  INFO(o.errors);
  REQUIRE(o.code == 0);
  const Outcome answer = run_program(
      {"query",
       "SELECT count(*) AS n FROM measurement m JOIN stat s ON s.run = m.run AND s.name = "
       "m.subject WHERE m.value > 0",
       "--format", "json", "--db", database});
  INFO(answer.errors);
  REQUIRE(answer.code == 0);
  CHECK(Json::parse(answer.output).at(0).at("n") > 8);
}

TEST_CASE("steps that cannot be meant are refused", "[cuda]") {
  const Outcome form = run_steps(serving, {"--backend", "plan", "--step", "4y500"});
  CHECK(form.code == 2);
  CHECK(has(form.errors, "64x2048"));
  const Outcome place = run_steps(serving, {"--step", "4x500"});
  CHECK(place.code == 2);
  CHECK(has(place.errors, "--step is for --backend gpu or plan"));
  CHECK(run_steps(serving, {"--backend", "cpu"}).code == 2);
}

}  // namespace
}  // namespace terrace::tests
