// terrace quality: policies, budgets, what they do on the shipped trace and on a scenario's
// machine.
#include <cmath>

#include "results/database.h"
#include "results/query.h"
#include "tests/explore/runs.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {
namespace {

const std::string trace = "configs/traces/smollm2_grimm.trace";
const std::string scenario = "configs/scenarios/long_context_h100.yaml";

Outcome quality(const Words& policies, const Words& options) {
  return run_program(joined(joined({"quality"}, policies), options));
}

}  // namespace

TEST_CASE("quality and speed of a policy are one SQL query apart", "[explore][quality]") {
  const TemporaryFolder folder;
  const std::string db = folder.file("q.db");
  const Outcome run = quality({"h2o@50,20", "full"},
                              {"--trace", trace, "--scenario", scenario, "--db", db, "--json"});
  INFO(run.errors);
  REQUIRE(run.code == 0);
  const Json jobs = Json::parse(run.output);
  REQUIRE(jobs.size() == 3);
  const auto timing = [&](int i, const char* what) {
    return jobs[static_cast<std::size_t>(i)]["timing"][what].get<double>();
  };
  // Fewer tokens: more sequences at once, and more tokens a second.
  CHECK(timing(1, "decode_batch") / timing(2, "decode_batch") == Approx(5).epsilon(0.1));
  CHECK(timing(1, "decode_tokens_per_second") > timing(0, "decode_tokens_per_second"));
  CHECK(timing(0, "decode_tokens_per_second") > timing(2, "decode_tokens_per_second"));

  const Database stored = Database::open(db, Database::Mode::read);
  const Answer joined = query(stored,
                              "SELECT q.policy, q.value, r.decode_tokens_per_second, "
                              "r.energy_per_token, r.cost_per_million_tokens FROM quality q JOIN "
                              "run_wide r ON r.kv_policy = q.policy_hash WHERE "
                              "q.metric = 'attention output error' ORDER BY q.value");
  REQUIRE(joined.rows.size() == 3);
  CHECK(std::get<std::string>(joined.rows[0][0]) == "full");
  CHECK(std::get<std::string>(joined.rows[1][0]) == "h2o@50");
  CHECK(std::get<std::string>(joined.rows[2][0]) == "h2o@20");

  const Outcome again = quality({"h2o@50,20", "full"},
                                {"--trace", trace, "--scenario", scenario, "--db", db, "--json"});
  CHECK(again.output == run.output);
  CHECK(query(stored, "SELECT * FROM run").rows.size() == 3);
}

TEST_CASE("a run measures its policy's quality beside its speed", "[explore][quality]") {
  const Json record = Json::parse(record_text(
      "long_context_h100.yaml",
      {"workload.requests.batch=2", "workload.kv.policy=kv/h2o.yaml", "workload.kv.quality=true",
       "workload.kv.trace=" + std::string(TERRACE_CONFIG_DIR) + "/traces/smollm2_grimm.trace"}));
  const Outcome alone = quality({"h2o"}, {"--trace", trace, "--json", "--db", ":memory:"});
  INFO(alone.errors);
  REQUIRE(alone.code == 0);
  const Json figures = Json::parse(alone.output)[0];
  CHECK(record["kv_policy"] == figures["hash"]);
  double error = std::nan("");
  for (const Json& stat : record["stats"])
    if (stat["name"] == "kv.quality.attention_output_error") error = stat["value"];
  CHECK(error == figures["figures"]["attention output error"].get<double>());
}

TEST_CASE("mistakes in policies, budgets and comparisons are named", "[explore][quality]") {
  const Words on_trace = {"--trace", trace, "--db", ":memory:"};
  const auto said = [&](const Words& policies, const Words& options) {
    const Outcome run = quality(policies, options);
    CHECK(run.code == 2);
    return run.errors;
  };
  CHECK(said({"h20"}, on_trace).find("did you mean \"h2o\"?") != std::string::npos);
  CHECK(said({"h2o@x"}, on_trace).find("a number of percent") != std::string::npos);
  CHECK(said({"h2o@120"}, on_trace).find("a number of percent") != std::string::npos);
  CHECK(said({"fp8@20"}, on_trace).find("no share of tokens") != std::string::npos);
  CHECK(said({"h2o"}, joined(on_trace, {"--compare", "h2o:full"})).find("need --model") !=
        std::string::npos);
  CHECK(said({"h2o"}, {"--model", "a.gguf"}).find("--model with --text") != std::string::npos);
}

}  // namespace terrace::tests
