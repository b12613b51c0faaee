// Reading measured requests and laying a record beside them.
#include "results/measured.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "sim/config.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

std::string shared_folder() {
  const char* given = std::getenv("TERRACE_SHARED");
  return given != nullptr ? given : std::string(TERRACE_SOURCE_DIR) + "/../shared";
}

std::string line(int id, double queued, double first, double last, int out) {
  return fmt::format(
      "{{\"request_id\": \"bench-{}\", \"input_toks\": 100, \"output_toks\": {}, "
      "\"arrival_time\": 1.7e9, \"queued_ts\": {}, \"scheduled_ts\": {}, \"first_token_ts\": {}, "
      "\"last_token_ts\": {}}}\n",
      id, out, queued, queued, first, last);
}

std::string mistakes_of(const std::string& text) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("r.jsonl")) << text;
  try {
    read_measured(folder.file("r.jsonl"));
  } catch (const ConfigError& error) {
    std::string said = error.what();
    for (std::size_t at = 0; (at = said.find(folder.path())) != std::string::npos;) {
      said.erase(at, folder.path().size() + 1);
    }
    return said;
  }
  return "(no error)";
}

MeasuredRun two_requests() {
  const TemporaryFolder folder;
  std::ofstream(folder.file("r.jsonl")) << line(0, 1000, 1002, 1006, 5) << "\n"
                                        << line(1, 1001, 1004, 1004, 1);
  return read_measured(folder.file("r.jsonl"));
}

Record record_of(std::vector<RequestRow> rows) {
  Record r;
  r.name = "replay";
  r.requests = std::move(rows);
  return r;
}

}  // namespace

TEST_CASE("latencies of a request are counted from its arrival", "[results][measured]") {
  const MeasuredRun run = two_requests();
  REQUIRE(run.requests.size() == 2);
  const RequestRow &a = run.requests[0].row, &b = run.requests[1].row;
  CHECK(run.requests[1].name == "bench-1");
  CHECK(a.arrival == 0);
  CHECK(b.arrival == 1);
  CHECK(ttft_of(a) == 2);
  CHECK(tpot_of(a) == 1);  // (6 - 2) s / (5 - 1) tokens
  CHECK(latency_of(a) == 6);
  CHECK(std::isnan(tpot_of(b)));  // a single token has no time per further token
  RequestRow unfinished;
  unfinished.arrival = 3;
  CHECK(std::isnan(ttft_of(unfinished)));
  CHECK(std::isnan(latency_of(unfinished)));
}

TEST_CASE("quantiles lie between neighbours and the mean in the middle", "[results][measured]") {
  const Distribution d = distribution({4, 1, 3, 2});
  CHECK(d.mean == 2.5);
  CHECK(d.p50 == 2.5);          // position 1.5 of 0 … 3
  CHECK(d.p90 == Approx(3.7));  // position 2.7
  CHECK(quantile({1, 2, 3, 4}, 1) == 4);
  CHECK(distribution({5}).p99 == 5);
  CHECK(std::isnan(distribution({}).mean));
  CHECK(correlation({1, 2, 3}, {2, 4, 6}) == Approx(1));
  CHECK(correlation({1, 2, 3}, {3, 2, 1}) == Approx(-1));
  CHECK(correlation({1, 2, 3}, {1, -2, 1}) == Approx(0).margin(1e-12));
  CHECK(std::isnan(correlation({1, 1}, {1, 2})));
}

TEST_CASE("a simulated run is compared request by request", "[results][measured]") {
  // request 0: latency 6 s measured, 9 s simulated; request 1: 3 s and 3 s
  const Record r =
      record_of({{1, 11, 11, 14, 14, 100, 1, 0, 0, 0}, {0, 10, 10, 13, 19, 100, 5, 0, 0, 0}});
  const MeasuredComparison c = compare(r, two_requests());
  CHECK(c.pairs == 2);
  REQUIRE(c.worst.size() == 2);
  CHECK(c.worst[0].name == "bench-0");
  CHECK(c.worst[0].error == Approx(0.5));
  CHECK(c.worst[1].error == Approx(0).margin(1e-12));
  CHECK(c.totals[0].name == "makespan");
  CHECK(c.totals[0].measured == 6);
  CHECK(c.totals[0].simulated == 9);
  CHECK(c.totals[0].difference() == Approx(0.5));
  REQUIRE(c.metrics.size() == 3);
  CHECK(c.metrics[0].measured.mean == 2.5);          // TTFT of 2 s and 3 s
  CHECK(c.metrics[0].simulated.mean == 3);           // 3 s and 3 s
  CHECK(c.metrics[0].median_error == Approx(0.25));  // 50 % and 0 %
  CHECK(c.metrics[0].p90_error == Approx(0.45));
  CHECK(c.metrics[1].measured.count == 1);
  CHECK(c.metrics[1].simulated.mean == 1.5);
  CHECK(c.remarks.empty());
  const std::string text = c.page().text();
  INFO(text);
  CHECK(text.find("+50.0 %") != std::string::npos);
  CHECK(c.measurements().size() == 17);  // 3 x 5 quantiles, makespan and tokens/s
}

TEST_CASE("a comparison says what does not match", "[results][measured]") {
  const Record r = record_of({{0, 0, 0, 1, 5, 99, 5, 0, 0, 0}, {7, 0, 0, 1, 5, 100, 5, 0, 0, 0}});
  const MeasuredComparison c = compare(r, two_requests());
  REQUIRE(c.remarks.size() == 3);
  CHECK(c.remarks[0] == "1 requests were only measured");
  CHECK(c.remarks[1] == "1 requests were only simulated");
  CHECK(c.remarks[2].find("1 requests have other lengths") == 0);
  CHECK(compare(record_of({{0, 1, 0, 0, 0, 100, 5, 0, 0, 0}}), two_requests()).remarks[1] ==
        "1 did not finish in time");
  CHECK_THROWS_WITH(compare(record_of({{8, 0, 0, 1, 5, 1, 1, 0, 0, 0}}), two_requests()),
                    Catch::Contains("none of its 2 requests is among the 1 of run replay"));
}

TEST_CASE("every bad line of a measured run is named", "[results][measured]") {
  const std::string good = line(0, 1, 2, 3, 5);
  CHECK(mistakes_of(good + "{\n" + line(0, 1, 2, 3, 5) + line(4, 3, 2, 1, 5)) ==
        "r.jsonl:2:1: not a JSON object\n"
        "r.jsonl:3:1: request 0 is there twice\n"
        "r.jsonl:4:1: the times do not follow each other: queued, scheduled, first token, last "
        "token");
  CHECK(mistakes_of("{\"request_id\": \"x\", \"input_toks\": 1, \"output_toks\": 1, "
                    "\"queued_ts\": \"1\", \"scheduled_ts\": 1, \"first_token_ts\": 1}") ==
        "r.jsonl:1:1: \"request_id\" does not end with a number\n"
        "r.jsonl:1:1: \"queued_ts\" is missing or not a number\n"
        "r.jsonl:1:1: \"last_token_ts\" is missing or not a number");
  CHECK(mistakes_of("").find("there is no request in the file") != std::string::npos);
  CHECK_THROWS_AS(read_measured("/nowhere/r.jsonl"), ConfigError);
}

// Figures printed beside the run, in ms: validation/summary.txt, column vLLM.
TEST_CASE("the measured RTX 4090 run has the latencies published with it",
          "[results][measured][shared]") {
  const std::string shared = shared_folder();
  if (!std::filesystem::exists(shared)) {
    WARN("no " << shared << ": not tested");
    return;
  }
  const MeasuredRun run =
      read_measured(shared + "/data/measured/vllm_runs/rtx4090_llama-3.1-8b/vllm/requests.jsonl");
  CHECK(run.requests.size() == 300);
  CHECK(run.kv_blocks == 2588.0);
  Record twin = record_of({});
  for (const MeasuredRequest& r : run.requests) twin.requests.push_back(r.row);
  const MeasuredComparison c = compare(twin, run);
  const double published[3][5] = {{65456.6, 60110.9, 121121.7, 122739.2, 137356.3},
                                  {32.4, 30.8, 38.1, 48.1, 56.0},
                                  {86578.3, 83413.3, 141600.9, 148977.6, 153627.5}};
  for (std::size_t metric = 0; metric < 3; ++metric) {
    const Distribution& d = c.metrics[metric].measured;
    const double ours[] = {d.mean, d.p50, d.p90, d.p95, d.p99};
    for (std::size_t i = 0; i < 5; ++i) {
      const double deviation = std::abs(ours[i] * 1e3 - published[metric][i]);
      INFO(c.metrics[metric].name << " " << i << ": " << ours[i] * 1e3 << " ms, published "
                                  << published[metric][i] << " ms");
      CHECK(deviation <= 0.05 + 1e-6);  // the last digit printed
    }
    CHECK(c.metrics[metric].p90_error == 0);  // a run beside itself
    CHECK(c.metrics[metric].correlation == Approx(1));
  }
}

}  // namespace terrace::tests
