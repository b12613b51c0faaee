// The engine loop in time: what a request waits for, what overlaps, what queues obey.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/serving_bench.h"

namespace terrace {
namespace {

using bench::machine_of;
using bench::ms;
using bench::play;
using bench::serving;
using bench::stat;

// 10 ms a prefill or mixed step, 4 ms a decode step.
Time plain(const Step& step) { return ms(std::string(step.label) == "decode" ? 4 : 10); }

Record run(const std::string& yaml, const std::function<Time(const Step&)>& gpu = plain,
           std::uint64_t seed = 1, bench::MachineShape shape = {}) {
  const auto machine = machine_of(shape);
  const auto workload = serving(*machine, yaml, seed);
  Record record;
  const Time end = play(*workload, gpu);
  record.simulated_seconds = end.seconds();
  workload->report(record, end);
  return record;
}

const char* one_request =
    "requests: {kind: static_batch, batch: 1, lengths: {kind: fixed, input: 100, output: 11}}";

}  // namespace

TEST_CASE(
    "alone on an idle engine a request waits for the host thread once, then the GPU is never "
    "idle") {
  const Record r = run(std::string(one_request) + ", engine: {host: {step: 1ms, request: 500us}}");
  REQUIRE(stat(r, "ttft.mean") == Approx(1.5e-3 + 10e-3));
  REQUIRE(stat(r, "tpot.mean") == Approx(4e-3));
  REQUIRE(stat(r, "latency.mean") == Approx(1.5e-3 + 10e-3 + 10 * 4e-3));
}

TEST_CASE("without async scheduling the host thread is in every step") {
  const Record r = run(std::string(one_request) +
                       ", engine: {async_scheduling: false, host: {step: 1ms, request: 500us}}");
  REQUIRE(stat(r, "ttft.mean") == Approx(11.5e-3));
  REQUIRE(stat(r, "tpot.mean") == Approx(5.5e-3));
}

TEST_CASE("a host thread slower than the GPU sets the pace, async or not") {
  const std::string host = "host: {step: 20ms, request: 0s}}";
  // The second token follows a prefill of 10 ms by a decode step of 4: 6 ms less.
  REQUIRE(stat(run(std::string(one_request) + ", engine: {" + host), "tpot.mean") ==
          Approx((9 * 20e-3 + 14e-3) / 10));
  REQUIRE(stat(run(std::string(one_request) + ", engine: {async_scheduling: false, " + host),
               "tpot.mean") == Approx(24e-3));
}

TEST_CASE("who arrives during step k is polled at its end and runs after step k+1") {
  // The second arrives 12 ms after the first; steps of the first end at 10, 14, 18, 22 … ms.
  const std::string arrivals =
      "requests: {kind: synthetic, arrival: {kind: constant, rate: 83.333333333333333/s}, "
      "count: 2, lengths: {kind: fixed, input: 100, output: 11}}";
  const std::string host = "host: {step: 0s, request: 0s}}";
  Record r = run(arrivals + ", engine: {" + host);
  const double first = r.requests.at(0).arrival, second = r.requests.at(1).arrival;
  REQUIRE(second - first == Approx(12e-3));
  REQUIRE(r.requests[1].scheduled - first == Approx(14e-3));
  REQUIRE(r.requests[1].first_token - first ==
          Approx(18e-3 + 10e-3));  // one more decode step, then its own
  r = run(arrivals + ", engine: {async_scheduling: false, " + host);
  REQUIRE(r.requests[1].first_token - first == Approx(14e-3 + 10e-3));
}

TEST_CASE("the time to the first token counts from the poll, the other one from the arrival") {
  const Record r = run(
      "requests: {kind: synthetic, arrival: {kind: constant, rate: 83.333333333333333/s}, count: "
      "2, "
      "lengths: {kind: fixed, input: 100, output: 11}}, engine: {host: {step: 0s, request: 0s}}");
  REQUIRE(stat(r, "ttft.mean") == Approx((10e-3 + 14e-3) / 2));
  REQUIRE(stat(r, "ttft_from_arrival.mean") == Approx((10e-3 + 16e-3) / 2));
}

TEST_CASE("M/D/1: one request at a time with constant service waits as Pollaczek and Khinchine say",
          "[long]") {
  // W = rho T / (2 (1 - rho)).
  const double service = 10e-3;
  for (const double rate : {40.0, 70.0}) {
    const Record r =
        run("requests: {kind: synthetic, arrival: {kind: poisson, rate: " + std::to_string(rate) +
                "/s}, count: 1000000, lengths: {kind: fixed, input: 16, output: 1}}, "
                "engine: {max_num_seqs: 1, prefix_caching: false, async_scheduling: false, "
                "host: {step: 0s, request: 0s}}, record: {requests: false, series_interval: 0s}",
            plain, 3);
    const double rho = rate * service, expected = rho * service / (2 * (1 - rho));
    const double wait = stat(r, "queue.mean_wait");
    INFO("rho " << rho << ": waits " << wait * 1e3 << " ms, formula rho T / (2 (1 - rho)) = "
                << expected * 1e3 << " ms, deviation " << 100 * (wait / expected - 1) << " %");
    REQUIRE(wait == Approx(expected).epsilon(0.01));
  }
}

TEST_CASE("Little's law holds: mean number waiting = arrival rate x mean wait") {
  for (const char* engine : {"{max_num_seqs: 4}", "{max_num_seqs: 4, async_scheduling: false}",
                             "{max_num_seqs: 64, max_model_len: 640}"}) {
    bench::MachineShape shape;
    if (std::string(engine).find("640") != std::string::npos) shape = bench::with_blocks(100);
    const Record r =
        run("requests: {kind: synthetic, arrival: {kind: gamma, rate: 30/s, cv: 3}, count: 2000, "
            "lengths: "
            "{kind: separate, input: {kind: uniform, low: 1, high: 400}, output: {kind: uniform, "
            "low: 1, "
            "high: 50}}}, engine: " +
                std::string(engine),
            plain, 5, shape);
    const double number = stat(r, "queue.mean_waiting");
    const double law = stat(r, "queue.arrival_rate") * stat(r, "queue.mean_wait");
    INFO(engine << ": " << number << " waiting, law " << law << ", " << stat(r, "preemptions")
                << " preemptions");
    REQUIRE(number == Approx(law).epsilon(1e-9));
  }
}

TEST_CASE("tokens are conserved, and every statistic of the contract is there") {
  const Record r = run(
      "requests: {kind: synthetic, arrival: {kind: gamma, rate: 30/s, cv: 3}, count: 500, lengths: "
      "{kind: separate, input: {kind: uniform, low: 1, high: 400}, output: {kind: uniform, low: 1, "
      "high: 50}}}, slo: {ttft: 100ms, tpot: 5ms}");
  double input = 0, output = 0;
  for (const RequestRow& row : r.requests) {
    input += static_cast<double>(row.input_tokens);
    output += static_cast<double>(row.output_tokens);
    REQUIRE(row.arrival <= row.scheduled);
    REQUIRE(row.scheduled < row.first_token);
    REQUIRE(row.first_token <= row.finished);
  }
  REQUIRE(r.requests.size() == 500);
  REQUIRE(stat(r, "tokens.input") == input);
  REQUIRE(stat(r, "tokens.output") == output);
  for (const char* name : {"requests.count",
                           "requests.completed",
                           "requests.per_second",
                           "tokens.output_per_second",
                           "tokens.total_per_second",
                           "tokens.output_per_second_per_gpu",
                           "goodput.requests_per_second",
                           "goodput.fraction",
                           "slo.ttft",
                           "slo.tpot",
                           "kv.blocks",
                           "kv.block_tokens",
                           "kv.capacity_bytes",
                           "kv.occupancy.mean",
                           "kv.occupancy.peak",
                           "kv.hit_rate.hbm",
                           "kv.hit_rate.total",
                           "kv.tokens_reused.hbm",
                           "preemptions",
                           "engine.steps.decode",
                           "engine.steps.prefill",
                           "engine.steps.mixed",
                           "gpus",
                           "queue.mean_waiting",
                           "queue.mean_wait",
                           "queue.arrival_rate"})
    REQUIRE(r.find(name) != nullptr);
  for (const char* name : {"ttft", "tpot", "itl", "latency", "ttft_from_arrival"})
    for (const char* which : {"mean", "p50", "p90", "p95", "p99"})
      REQUIRE(r.find(std::string(name) + "." + which) != nullptr);
}

TEST_CASE("the tokens of the series add up to the tokens of the run") {
  const Record r =
      run("requests: {kind: synthetic, arrival: {kind: poisson, rate: 20/s}, count: 300, lengths: "
          "{kind: "
          "fixed, input: 50, output: 20}}, record: {series_interval: 500ms}");
  double out = 0;
  for (const Series& s : r.series)
    if (s.name == "tokens.output_per_second")
      for (const SeriesPoint& p : s.points) out += p.value * 0.5;
  // What came after the last point is in none.
  REQUIRE(out <= stat(r, "tokens.output"));
  REQUIRE(out > stat(r, "tokens.output") - 0.5 * 20 * 300);
  REQUIRE(r.series.size() == 5);
}

TEST_CASE("the same scenario and seed give the same record, another seed another one") {
  const std::string yaml =
      "requests: {kind: synthetic, arrival: {kind: gamma, rate: 30/s, cv: 3}, count: 300, lengths: "
      "sharegpt}, engine: {max_num_seqs: 8}";
  REQUIRE(run(yaml, plain, 4).to_json() == run(yaml, plain, 4).to_json());
  REQUIRE(run(yaml, plain, 4).to_json() != run(yaml, plain, 5).to_json());
}

TEST_CASE("two replicas halve a batch of equal requests") {
  const std::string yaml =
      "requests: {kind: static_batch, batch: 64, lengths: {kind: fixed, input: 16, output: 11}}, "
      "engine: {max_num_seqs: 4, host: {step: 0s, request: 0s}}";
  bench::MachineShape two;
  two.gpus = 2;
  const double one = stat(run(yaml), "makespan");
  for (const char* router : {"round_robin", "least_loaded"}) {
    const Record r = run(yaml + ", parallel: {dp: 2}, router: " + router, plain, 1, two);
    REQUIRE(stat(r, "makespan") == Approx(one / 2));
    REQUIRE(stat(r, "gpus") == 2);
  }
}

TEST_CASE("pipeline stages have their own batches: a request is in one of them at a time") {
  bench::MachineShape two;
  two.gpus = 2;
  const Record r = run(
      "requests: {kind: static_batch, batch: 40, lengths: {kind: fixed, input: 16, output: 21}}, "
      "engine: {max_num_seqs: 8}, parallel: {pp: 2}",
      plain, 1, two);
  REQUIRE(stat(r, "requests.completed") == 40);
  REQUIRE(stat(r, "tokens.output") == 40 * 21);
}

TEST_CASE("a request longer than max_model_len is a mistake that names it") {
  REQUIRE_THROWS_WITH(
      run("requests: {kind: static_batch, batch: 1, lengths: {kind: fixed, input: 90, output: "
          "20}}, "
          "engine: {max_model_len: 100}"),
      Catch::Contains("engine.max_model_len: request 0 has 90 prompt and 20 output tokens, "
                      "more than 100"));
}

}  // namespace terrace
