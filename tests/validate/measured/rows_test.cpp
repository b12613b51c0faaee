// How measured rows are expressed: every source of e2e.csv has a rule, and ops are what was timed.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "validate/measured/e2e_row.h"
#include "validate/measured/measured_set.h"
#include "validate/measured/op_bench.h"
#include "validate/measured/requests_replayed.h"

using namespace terrace;
using namespace terrace::validate;

namespace {

// The folder of measurements, or "" where the whole shared folder is absent.
std::string measurements() {
  const char* told = std::getenv("TERRACE_SHARED");
  const std::string shared = std::string(TERRACE_SOURCE_DIR) + "/../shared";
  if (told != nullptr) return std::string(told) + "/measured/";
  return std::filesystem::is_directory(shared) ? shared + "/data/measured/" : "";
}

E2eRow batch_row(const std::string& source, const std::string& metric, double in, double out) {
  E2eRow row;
  row.source = source;
  row.hardware = "A100-SXM-80G";
  row.model = "llama2-7b";
  row.dtype = "fp16";
  row.input_tokens = in;
  row.output_tokens = out;
  row.load = "batch=4";
  row.what = metric;
  row.unit = "ms";
  row.value = 1;
  return row;
}

Expressed express(const E2eRow& row) {
  for (const SourceRule& rule : batch_rules())
    if (row.source.rfind(rule.source, 0) == 0) return rule.express(row);
  return not_expressed("no rule");
}

}  // namespace

TEST_CASE("a static batch is prefilled in one step and has no more positions than it needs",
          "[validate][measured]") {
  const Expressed e = express(batch_row("FasterTransformer", "e2e_latency", 32, 8));
  REQUIRE(e.reason.empty());
  const std::string text = e.run.text();
  CHECK(text.find("max_num_batched_tokens=128") != std::string::npos);  // 4 x 32
  CHECK(text.find("max_model_len=40") != std::string::npos);
  CHECK(text.find("max_num_seqs=4") != std::string::npos);
}

TEST_CASE("metrics of a static batch add up: first token, then the others, then the end",
          "[validate][measured]") {
  const double in = 32, out = 8;
  RunBench bench;
  const auto ask = [&](const char* metric) {
    const Expressed e = express(batch_row("LMDeploy", metric, in, out));
    const RunResult& result = bench.run(e.run);
    INFO(result.why);
    REQUIRE(result.record);
    return e.value(*result.record);
  };
  const double ttft = ask("ttft"), tpot = ask("tpot"), whole = ask("e2e_latency");
  CHECK(whole == Approx(ttft + (out - 1) * tpot).epsilon(1e-6));
  CHECK(ask("output_throughput") == Approx(4 * out / (whole * 1e-3)).epsilon(1e-6));
  CHECK(ask("decode_throughput") == Approx(4 / (tpot * 1e-3)).epsilon(1e-6));
  CHECK(ask("prefill_throughput") == Approx(4 * in / (ttft * 1e-3)).epsilon(1e-6));
  // Bound: each step reads 6.74e9 fp16 numbers less the embedding, at 2039 GB/s at most.
  CHECK(tpot * 1e-3 > (6.738e9 - 32000.0 * 4096) * 2 / 2039e9);
}

TEST_CASE("a scenario that cannot run says why and stops nothing", "[validate][measured]") {
  RunBench bench;
  const RunResult& result =
      bench.run({"scenarios/measured/static_batch.yaml", {{"workload.parallel", "{tp: 3}"}}});
  CHECK(!result.record);
  CHECK(!result.why.empty());
}

TEST_CASE("an all-reduce of many bytes takes twice its buffer over the ring",
          "[validate][measured]") {
  // Bound: 2 (n - 1) / n of the buffer at NVLink's 300 GB/s a direction.
  CollectiveBench bench("systems/a100_80g_x8.yaml");
  const double bytes = 1 << 28, seconds = bench.seconds(Collective::all_reduce, 8, bytes, false);
  CHECK(seconds > 2.0 * 7 / 8 * bytes / 300e9);
  CHECK(seconds < 2 * 2.0 * 7 / 8 * bytes / 300e9);
}

TEST_CASE("every row of e2e.csv is expressed, or its rule says why not",
          "[validate][measured][shared]") {
  const std::string data = measurements();
  if (data.empty()) {
    WARN("skipped: no shared data");
    return;
  }
  std::vector<SourceRule> rules;
  for (auto& some : {offload_rules(), batch_rules(), serving_rules(data), left_out_rules()})
    rules.insert(rules.end(), some.begin(), some.end());
  Table table(data + "e2e.csv", e2e_columns());
  std::size_t expressed = 0, named = 0;
  for (const E2eRow& row : read_e2e(table, "e2e.csv")) {
    INFO(row.name());
    const SourceRule* rule = nullptr;
    for (const SourceRule& r : rules)
      if (rule == nullptr && row.source.rfind(r.source, 0) == 0) rule = &r;
    REQUIRE(rule != nullptr);
    const Expressed e = rule->express(row);
    (e.reason.empty() ? expressed : named) += 1;
    if (e.reason.empty()) CHECK(e.value);
  }
  CHECK(expressed + named == 2318);  // its lines but the header
  CHECK(expressed > 1200);
}

TEST_CASE("every row of ops_sample.csv is compared, or named with the reason why not",
          "[validate][measured][shared]") {
  const std::string data = measurements();
  if (data.empty()) {
    WARN("skipped: no shared data");
    return;
  }
  Errors errors;
  RunBench runs;
  Choice<MeasuredSet>::of("ops_sample").make({})->compare({data, 1, errors, runs});
  std::size_t named = 0;
  for (const LeftOut& left : errors.left_out()) {
    CHECK(!left.reason.empty());
    named += left.rows;
  }
  CHECK(errors.rows() + named == 1083);  // its lines but the header
  CHECK(errors.rows() >= 250);
  CHECK(sums_of(errors.by(Errors::By::op).at("gemm")).median < 0.12);
}

TEST_CASE("operator tables are compared row by row", "[validate][measured][shared]") {
  const std::string data = measurements();
  if (data.empty()) {
    WARN("skipped: no shared data");
    return;
  }
  Errors errors;
  RunBench runs;
  for (const char* set : {"gemm_tables", "attention_tables", "collective_tables", "memory_benches"})
    Choice<MeasuredSet>::of(set).make({})->compare({data, 200, errors, runs});
  CHECK(errors.rows() > 4000);
  for (const auto& [op, all] : errors.by(Errors::By::op)) {
    INFO(op << ": median " << sums_of(all).median);
    CHECK(sums_of(all).median < 0.5);
  }
}
