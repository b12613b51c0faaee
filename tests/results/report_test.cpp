// The report on a record, and how it writes numbers, tables and shares.
#include "results/report.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

#include "results/human.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

Record served() {
  Record r = tests::sample_record(1);
  r.name = "chat_h100";
  r.simulated_seconds = 183.6;
  r.wall_seconds = 0.25;
  r.peak_memory_bytes = 60 * 1048576.0;
  r.stats.clear();
  const auto stat = [&](const char* name, double value, const char* unit) {
    r.stat(name, value, unit, "meaning of it");
  };
  stat("gpus", 1, "1");
  stat("requests.count", 300, "1");
  stat("requests.completed", 299, "1");
  stat("requests.per_second", 1.634, "requests/s");
  stat("tokens.output", 196123, "tokens");
  stat("tokens.output_per_second", 1068.2, "tokens/s");
  stat("ttft.mean", 65.4566, "s");
  stat("ttft.p50", 60.1109, "s");
  stat("ttft.p99", 137.356, "s");
  stat("tpot.p50", 0.0307593, "s");
  stat("goodput.requests_per_second", 0.5, "requests/s");
  stat("goodput.fraction", 0.306, "1");
  stat("slo.ttft", 1, "s");
  stat("slo.tpot", 0.05, "s");
  stat("kv.blocks", 2588, "1");
  stat("kv.block_tokens", 16, "tokens");
  stat("kv.occupancy.peak", 0.99, "1");
  stat("kv.hit_rate.gpu0.hbm", 0.25, "1");
  stat("kv.hit_rate.total", 0.366, "1");
  stat("energy.per_output_token", 0.31, "J");
  stat("cost.per_million_output_tokens", 0.104, "USD");
  stat("steps.count", 5000, "1");
  stat("engine.gpu0.compute.busy_fraction", 0.98, "1");
  stat("engine.gpu0.copy.busy_fraction", 0, "1");
  for (int i = 0; i < 4; ++i) {
    const std::string gpu = "resource.gpu" + std::to_string(i);
    stat((gpu + ".hbm.utilisation").c_str(), 0.7, "1");
    stat((gpu + ".hbm.moved").c_str(), 128.5e12, "B");
    stat((gpu + ".nvlink.utilisation").c_str(), 0, "1");
    stat((gpu + ".nvlink.moved").c_str(), 0, "B");
  }
  r.shares = {{"gpu.hbm", 2.0 / 3, 122.4}, {"compute", 1.0 / 6, 30.6}, {"idle", 1.0 / 6, 30.6}};
  return r;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream in(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(in, line);) widest = std::max(widest, display_width(line));
  return widest;
}

}  // namespace

TEST_CASE("a report tells the headline in units for people", "[results][report]") {
  const std::string text = report(served()).text();
  INFO(text);
  CHECK(has(text, "chat_h100"));
  CHECK(has(text, "299 of 300 completed"));
  CHECK(has(text, "1.63 requests/s, 1068 output tokens/s"));
  CHECK(has(text, "0.5 requests/s, 30.6 % met TTFT ≤ 1 s and TPOT ≤ 50 ms"));
  CHECK(has(text, "2,588 blocks of 16 tokens"));
  CHECK(has(text, "36.6 % of the prompt tokens, gpu0.hbm 25.0 %"));
  CHECK(has(text, "310 mJ per output token"));
  CHECK(has(text, "$0.10 per million output tokens"));
  CHECK(has(text, "30.8 ms"));
  CHECK(has(text, "137 s"));
  CHECK(has(text, "734 x real time; 5,000 iterations, 50 µs each; at most 60 MiB of memory"));
  CHECK(has(text, "- ranks 1 to 7 are folded into rank 0"));
  CHECK_FALSE(has(text, "nan"));
  CHECK_FALSE(has(text, "\033"));
}

TEST_CASE("a report shows equal devices once and names what was not used", "[results][report]") {
  const std::string text = report(served()).text();
  INFO(text);
  CHECK(has(text, "gpu*.hbm (4)"));
  CHECK(has(text, "117 TiB"));  // 128.5e12 B / 2^40
  CHECK(has(text, "not used: gpu*.nvlink (4)"));
  CHECK(has(text, "not used: gpu0.copy"));
}

TEST_CASE("a report fits its width", "[results][report]") {
  for (const std::size_t width : {80, 100}) {
    const std::string text = report(served(), {true, true}).text({width, false});
    INFO(text);
    CHECK(widest_line(text) <= width);
  }
  CHECK(has(report(served()).text({100, true}), "\033[1m"));
}

TEST_CASE("a report of a record that says nothing is short and whole", "[results][report]") {
  const std::string text = report(Record()).text();
  INFO(text);
  CHECK(std::count(text.begin(), text.end(), '\n') <= 4);
  CHECK_FALSE(has(text, "nan"));
}

TEST_CASE("the full report has every statistic with its sentence", "[results][report]") {
  const std::string text = report(served(), {true, false}).text({0, false});
  CHECK(has(text, "meaning of it"));
  CHECK(has(text, "resource.gpu3.nvlink.moved"));
  CHECK(has(text, "kv.occupancy"));
  CHECK_FALSE(has(text, "real time"));
}

TEST_CASE("a report in Markdown says the command that makes it", "[results][report]") {
  const std::string text = report(served()).markdown("terrace run chat.yaml");
  CHECK(text.find("# chat_h100\n\nMade by `terrace run chat.yaml`\n") == 0);
  CHECK(has(text, "## Where the time went\n\n| "));
  CHECK(has(text, "| gpu.hbm | 66.7 % |"));
  CHECK(has(text, "| --- | ---: | --- | ---: |"));
}

TEST_CASE("shares are rounded so that they still add up to 100 %", "[results][report]") {
  // Three thirds: 33.3 each would be 99.9, so the first gets the missing tenth.
  CHECK(rounded_percentages({1 / 3.0, 1 / 3.0, 1 / 3.0}) == std::vector<double>{33.4, 33.3, 33.3});
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> shares(1 + random() % 20);
    double sum = 0, tenths = 0, furthest = 0;
    for (double& share : shares) sum += share = std::pow(uniform(random), 4);
    for (double& share : shares) share /= sum;
    const std::vector<double> percent = rounded_percentages(shares);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      tenths += std::round(percent[i] * 10);
      furthest = std::max(furthest, std::abs(percent[i] - shares[i] * 100));
    }
    CHECK(tenths == 1000);
    CHECK(furthest < 0.1 + 1e-9);
  }
  CHECK(rounded_percentages({0.5, 0.25}) == std::vector<double>{50, 25});  // no 100 to reach
}

TEST_CASE("numbers are written with three digits and a fitting unit", "[results][report]") {
  CHECK(human(64 * 1073741824.0, "B") == "64 GiB");
  CHECK(human(1023, "B") == "1023 B");
  CHECK(human(819e9, "B/s") == "819 GB/s");
  CHECK(human(3.35e12, "B/s") == "3.35 TB/s");
  CHECK(human(0.0142, "s") == "14.2 ms");
  CHECK(human(50e-6, "s") == "50 µs");
  CHECK(human(3600, "s") == "3600 s");
  CHECK(human(0.99999, "s") == "1.00 s");
  CHECK(human(989e12, "FLOP/s") == "989 TFLOP/s");
  CHECK(human(0.31, "J") == "310 mJ");
  CHECK(human(31.2e-12, "J") == "31.2 pJ");
  CHECK(human(0, "B") == "0 B");
  CHECK(human(std::nan(""), "s") == "–");
  CHECK(human(-0.0142, "s") == "-14.2 ms");
  CHECK(human(2.1, "USD/h") == "$2.10/h");
  CHECK(human(0.00123, "USD") == "$0.00123");
  CHECK(human(1068.2, "tokens/s") == "1068 tokens/s");
  CHECK(human_count(1234567) == "1,234,567");
  CHECK(human_count(999) == "999");
  CHECK(human_percent(0.4213) == "42.1 %");
  CHECK(human_signed_percent(-0.042) == "-4.2 %");
  CHECK(display_width("µ…x") == 3);
  CHECK(display_width(bar(0.5, 30)) == 15);
  CHECK(display_width(bar(1, 30)) == 30);
  CHECK(bar(0, 30).empty());
  CHECK(display_width(bar(1e-6, 30)) == 1);  // something is not nothing
}

}  // namespace terrace::tests
