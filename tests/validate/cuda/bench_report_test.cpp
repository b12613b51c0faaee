// What is written of measurements and predictions, and how one is laid beside the other.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "sim/scenario.h"
#include "validate/cuda/bench/bench_compare.h"
#include "validate/cuda/bench/bench_run.h"

using namespace terrace;
using namespace terrace::cuda;

namespace {

Case a_case(const std::string& name, const std::string& unit, double work) {
  Case c;
  c.group = "hbm";
  c.name = name;
  c.with("bytes", 1 << 20);
  c.l2 = CacheState::cold;
  c.unit = unit;
  c.work = work;
  return c;
}

BenchReport a_report() {
  BenchReport r;
  r.device.name = "A GPU";
  r.device.sm = 90;
  r.device.driver_version = "580.1";
  r.date = "2026-01-31T12:00:00Z";
  r.version = "v1";
  r.points = {{a_case("copy", "B/s", 2 << 20), {100, 90, 110, 20}},
              {a_case("wait", "s", 0), {2e-6, 1e-6, 3e-6, 20}}};
  r.skipped = {{"gemm.fp8", "needs compute capability 8.9"}};
  r.states = {{"hbm", {1e9, 2e9, 300, 700, 40, 0}, {}}};
  return r;
}

std::unique_ptr<Machine> machine(const std::string& file) {
  Mistakes mistakes;
  const Node root = load_config(file, mistakes);
  mistakes.raise();
  Reader reader(mistakes);
  const auto system = read<SystemConfig>(root, reader);
  mistakes.raise();
  return build(system);
}

}  // namespace

TEST_CASE("a measurement's JSON says device, clocks, date, code and every point", "[cuda]") {
  const auto json = nlohmann::json::parse(a_report().to_json());
  CHECK(json["kind"] == "gpu measurement");
  CHECK(json["device"]["name"] == "A GPU");
  CHECK(json["device"]["compute_capability"] == "9.0");
  CHECK(json["device"]["driver"] == "580.1");
  CHECK(json["date"] == "2026-01-31T12:00:00Z");
  CHECK(json["version"] == "v1");
  CHECK(json["states"][0]["before"]["sm_clock_hz"] == 1e9);
  CHECK(json["states"][0]["before"]["power_w"] == 300);
  CHECK(json["skipped"][0]["why"] == "needs compute capability 8.9");
  const auto& point = json["points"][0];
  CHECK(point["group"] == "hbm");
  CHECK(point["case"] == "copy");
  CHECK(point["parameters"]["bytes"] == 1 << 20);
  CHECK(point["l2"] == "cold");
  CHECK(point["unit"] == "B/s");
  CHECK(point["value"] == 100);
  CHECK(point["p10"] == 90);
  CHECK(point["p90"] == 110);
  CHECK(point["repeats"] == 20);
}

TEST_CASE("a measurement becomes rows of the database, from one source", "[cuda]") {
  const std::vector<Measurement> rows = a_report().measurements();
  REQUIRE(rows.size() == 6);
  CHECK(rows[0].source == "gpu-bench, A GPU, driver 580.1, 2026-01-31T12:00:00Z");
  CHECK(rows[0].subject == "hbm.copy bytes=1048576 cold");
  CHECK(rows[0].value == 100);
  CHECK(rows[1].subject == "hbm.copy bytes=1048576 cold p10");
  CHECK(rows[5].unit == "s");
}

TEST_CASE("errors are of the time: a rate too high is a time too short", "[cuda]") {
  BenchPrediction p;
  p.system = "a system";
  p.points = {{a_case("copy", "B/s", 2 << 20), 125, 200},
              {a_case("wait", "s", 0), 3e-6, {}},
              {a_case("read", "B/s", 1 << 20), 7, {}}};
  const Compared all = compare(a_report().to_json(), p.to_json());
  REQUIRE(all.cases.size() == 2);
  CHECK(all.cases[0].text == "hbm.copy bytes=1048576 cold");
  CHECK(all.cases[0].error() == Approx(100.0 / 125 - 1));
  CHECK(all.cases[1].error() == Approx(3e-6 / 2e-6 - 1));
  CHECK(all.only_measured.empty());
  CHECK(all.only_predicted == std::vector<std::string>{"hbm.read bytes=1048576 cold"});
}

TEST_CASE("decode attention of long contexts is held against the copy's bandwidth", "[cuda]") {
  BenchReport r = a_report();  // copy: 100 B/s
  for (const double length : {1024.0, 32768.0, 65536.0, 131072.0}) {
    Case c;
    c.group = "attention";
    c.name = "decode";
    c.with("length", length);
    c.unit = "B/s";
    c.work = 1;
    r.points.push_back({c, {length < 2000 ? 1.0 : 80 + length / 65536, 1, 1, 1}});
  }
  const Compared all = compare(r.to_json(), BenchPrediction{}.to_json());
  REQUIRE(all.decode_share);
  CHECK(*all.decode_share == Approx(0.81));  // the middle one of 80.5, 81 and 82, over 100
}

TEST_CASE("a measurement is stored with every row, and once", "[cuda]") {
  const std::string file =
      std::filesystem::temp_directory_path() / ("bench_rows_" + std::to_string(::getpid()) + ".db");
  std::filesystem::remove(file);
  {
    Database database = Database::open(file);
    for (int again = 0; again < 2; ++again)
      database.insert(std::nullopt, a_report().measurements());
    const Connection& c = database.connection();
    CHECK(c.integer("SELECT count(*) FROM measurement") == 6);
    CHECK(c.integer("SELECT count(*) FROM measurement WHERE run IS NULL AND unit = 's'") == 3);
  }
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file + end);
}

TEST_CASE("what is no measurement is refused", "[cuda]") {
  CHECK_THROWS_WITH(compare("{}", "{}"), "is no gpu measurement of `terrace gpu-bench`");
  CHECK_THROWS_WITH(compare(a_report().to_json(), a_report().to_json()),
                    "is no gpu prediction of `terrace gpu-bench`");
}

TEST_CASE("no prediction beats its closed form, and most cases have both", "[cuda]") {
  const auto h100 = machine("systems/h100_sxm_x1.yaml");
  const auto predicted =
      predict(Registry<BenchGroup>::family().names(), true, *h100, "systems/h100_sxm_x1.yaml");
  std::size_t with_value = 0;
  for (const PredictedCase& p : predicted.points) {
    INFO(p.c.text());
    with_value += p.value.has_value();
    if (!p.value || !p.bound) continue;
    CHECK(std::isfinite(*p.value));
    if (p.c.unit == "s")
      CHECK(*p.value >= *p.bound * 0.999);
    else
      CHECK(*p.value <= *p.bound * 1.001);
  }
  CHECK(with_value * 10 >= predicted.points.size() * 8);
  const auto json = nlohmann::json::parse(predicted.to_json());
  CHECK(json["kind"] == "gpu prediction");
  CHECK(json["points"].size() == predicted.points.size());
}

TEST_CASE("the bound of a large copy is twice its bytes over the memory's peak", "[cuda]") {
  const auto h100 = machine("systems/h100_sxm_x1.yaml");
  const MachineParts parts(*h100);
  const auto bench = Choice<BenchGroup>::of("hbm").make({});
  for (const Case& c : cases_of("hbm", *bench, true)) {
    if (c.name != "copy" || c["bytes"] < 1e9) continue;
    CHECK(*bench->bound(c, parts) == Approx(2 * c["bytes"] / 3350e9));  // H100 SXM data sheet
  }
}

TEST_CASE("a chase is predicted to take the memory's latency beyond the L2, the L2's inside",
          "[cuda]") {
  const auto h100 = machine("systems/h100_sxm_x1.yaml");
  const MachineParts parts(*h100);
  const auto bench = Choice<BenchGroup>::of("l2").make({});
  for (const Case& c : cases_of("l2", *bench, true))
    if (c.name == "latency")  // configs/gpu/h100_sxm.yaml
      CHECK(*bench->predict(c, parts) ==
            Approx(c["footprint"] < 30e6 ? 200e-9 : 370e-9).margin(1e-9));
}
