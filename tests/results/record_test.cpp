// The canonical text of a record.
#include "sim/record.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/results/sample_record.h"

namespace terrace::tests {

TEST_CASE("equal records have equal bytes and another seed has others", "[results][record]") {
  CHECK(sample_record(1).to_json() == sample_record(1).to_json());
  CHECK(sample_record(1).to_json() != sample_record(2).to_json());
}

TEST_CASE("how long the computing took is no part of a record's bytes", "[results][record]") {
  Record a = sample_record(1), b = sample_record(1);
  b.wall_seconds = 99;
  b.peak_memory_bytes = 5e9;
  b.stat("steps.per_wall_second", 1234, "1/s", "iterations per second of computing");
  CHECK(a.to_json() == b.to_json());
}

TEST_CASE("a record's text is JSON that keeps every double to the last bit", "[results][record]") {
  Record r;
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    r.stat("n" + std::to_string(i), value, "1", "");
  }
  r.stat("tenth", 0.1, "1", "");
  const auto json = nlohmann::json::parse(r.to_json());
  REQUIRE(json["stats"].size() == r.stats.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < r.stats.size(); ++i) {
    different += json["stats"][i]["value"].get<double>() != r.stats[i].value ? 1 : 0;
  }
  CHECK(different == 0);
  CHECK(r.to_json().find("\"value\":0.1,") !=
        std::string::npos);  // shortest: not 0.1000000000000000055
}

TEST_CASE("a record's text holds all its parts, in the order declared", "[results][record]") {
  const Record r = sample_record(3);
  const auto json = nlohmann::json::parse(r.to_json());
  CHECK(json["name"] == r.name);
  CHECK(json["scenario"] == r.scenario);
  CHECK(json["seed"] == r.seed);
  CHECK(json["stats"][11]["name"] == "sample.11");
  CHECK(json["stats"][2]["meaning"] == r.stats[2].meaning);
  CHECK(json["ops"][1]["label"] == "mlp.up");
  CHECK(json["tiers"][0]["peak_bytes"] == 70e9);
  CHECK(json["shares"][1]["cause"] == "gpu.hbm");
  CHECK(json["requests"].size() == 20);
  CHECK(json["requests"][5]["output_tokens"] == 15);
  CHECK(json["series"][0]["points"][1][1] == 0.5);
  CHECK(json["series"][1]["points"].empty());
  CHECK(json["remarks"][1] == r.remarks[1]);
}

TEST_CASE("numbers that JSON lacks are words, and minus nothing is nothing", "[results][record]") {
  Record r, zero;
  const double inf = std::numeric_limits<double>::infinity();
  r.shares = {{"a", std::nan(""), inf}, {"b", -0.0, -inf}};
  const auto json = nlohmann::json::parse(r.to_json());
  CHECK(json["shares"][0]["fraction"] == "nan");
  CHECK(json["shares"][0]["seconds"] == "inf");
  CHECK(json["shares"][1]["seconds"] == "-inf");
  CHECK(r.to_json().find("-0") == std::string::npos);
}

TEST_CASE("a statistic is found by its name and declared once", "[results][record]") {
  Record r;
  r.stat("gpu0.hbm.read_bytes", 64, "B", "bytes read");
  REQUIRE(r.find("gpu0.hbm.read_bytes") != nullptr);
  CHECK(r.find("gpu0.hbm.read_bytes")->value == 64);
  CHECK(r.find("gpu0.hbm") == nullptr);
  CHECK_THROWS_AS(r.stat("gpu0.hbm.read_bytes", 65, "B", ""), std::logic_error);
}

}  // namespace terrace::tests
