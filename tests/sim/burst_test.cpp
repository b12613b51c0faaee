// Driving a burst-level device: closed loops, mixes, and the same through TLM-2.0 sockets.
#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

#include "sim/burst_drive.h"
#include "sim/port.h"
#include "sim/service_curve.h"
#include "tests/sim/toy_burst.h"

namespace terrace::tests {

TEST_CASE("a closed loop of W requests moves W in a round trip until the server is busy",
          "[sim][burst]") {
  const Time service = Time::ps(1000), latency = Time::ps(19000);
  for (std::uint32_t window : {1u, 2u, 5u, 10u, 20u, 40u, 100u}) {
    ToyBurst device(service, latency, 256);
    BurstPattern pattern;
    pattern.run_length = 64;
    pattern.outstanding = window;
    const BurstMeasurement m = drive(device, pattern, 20000, 2000);
    const double bound = std::min(1.0, window * 1.0 / 20);  // min(1, W service / round trip)
    INFO("window " << window << ": " << m.share_of_peak << ", min(1, W s / (s + l)) = " << bound);
    CHECK(m.share_of_peak == Approx(bound).epsilon(0.002));
    // Little: in flight = rate x time in the device.
    CHECK(m.latency_mean.seconds() * m.rate / 64 == Approx(window).epsilon(0.005));
  }
}

TEST_CASE("an open loop below the server's rate waits as M/D/1's bound allows", "[sim][burst]") {
  ToyBurst device(Time::ps(1000), Time::ps(500), 64);
  BurstPattern pattern;
  pattern.run_length = 64;
  pattern.interval = Time::ps(2000);
  const BurstMeasurement m = drive(device, pattern, 5000);
  CHECK(m.latency_min == Time::ps(1500));
  CHECK(m.latency_p99 == Time::ps(1500));  // regular arrivals never meet
  CHECK(m.rate == Approx(64 / 2e-9).epsilon(0.01));
}

TEST_CASE("streams that share a device get the bytes they ask for", "[sim][burst]") {
  ToyBurst device(Time::ps(1000), Time::ps(500), 64);
  const BurstMeasurement m =
      drive_together(device, {{0, Direction::read, 3}, {256, Direction::write, 1}}, 40000, 0);
  CHECK(m.share_of_peak == Approx(1).epsilon(0.01));
  CHECK(static_cast<double>(device.read_bytes()) / static_cast<double>(device.written_bytes()) ==
        Approx(3).epsilon(0.01));
}

TEST_CASE("a service curve goes through its measured points and comes back from its text",
          "[sim][curve]") {
  const Time service = Time::ps(1000), latency = Time::ps(9000), turn = Time::ps(1000);
  std::size_t last = 0, all = 0;
  const ServiceCurve curve =
      ServiceCurve::measure([&] { return std::make_unique<ToyBurst>(service, latency, 64, turn); },
                            [&](std::size_t done, std::size_t of) {
                              last = done;
                              all = of;
                            });
  CHECK(last == all);
  CHECK(curve.peak() == Approx(64e9));
  CHECK(curve.efficiency(64, 1) == Approx(1).epsilon(0.002));
  CHECK(curve.efficiency(32, 1) == Approx(0.5).epsilon(0.002));  // half of what moves is used
  CHECK(curve.unloaded_latency() == Approx(10e-9).epsilon(0.01));
  // Runs of n requests, reads and writes in turn: a turn of the bus each.
  for (double run : {64.0, 256.0, 4096.0}) {
    const double n = run / 64, expected = n / (n + 1);
    INFO(run << " B, half reads: " << curve.efficiency(run, 0.5) << ", n / (n + 1) = " << expected);
    CHECK(curve.efficiency(run, 0.5) == Approx(expected).epsilon(0.02));
  }
  const double between = curve.efficiency(std::sqrt(64.0 * 128), 0.5);
  CHECK(between == Approx((curve.efficiency(64, 0.5) + curve.efficiency(128, 0.5)) / 2));
  std::stringstream text;
  curve.write(text);
  CHECK(ServiceCurve::read(text, "text") == curve);
  std::istringstream broken("peak_B_per_s,1000\n64,1,0,notanumber,1,1,1\n");
  REQUIRE_THROWS_WITH(ServiceCurve::read(broken, "curve.csv"),
                      "curve.csv:2: no line of a service curve");
}

namespace {

// Keeps `window` requests in flight through the sockets, as drive() does without them.
struct Chaser : sc_core::sc_module {
  BurstInitiator initiator;
  std::uint64_t sent = 0, answered = 0, total, window;
  Time last;

  Chaser(sc_core::sc_module_name name, std::uint64_t requests, std::uint64_t in_flight)
      : sc_module(name), initiator("initiator"), total(requests), window(in_flight) {
    SC_HAS_PROCESS(Chaser);
    SC_METHOD(fill);
    initiator.answered = [this](std::uint64_t, Time at) {
      ++answered;
      last = at;
      fill();
    };
    initiator.ready = [this] { fill(); };
  }
  void fill() {
    while (sent < total && sent - answered < window) {
      if (!initiator.send({sent, sent * 64, 64, Direction::read})) break;
      ++sent;
    }
  }
};

}  // namespace

TEST_CASE("a device behind TLM-2.0 sockets answers at the same times as without them",
          "[sim][burst][port]") {
  const std::uint64_t requests = 5000, window = 12;
  ToyBurst direct(Time::ps(1000), Time::ps(19000), 8);  // less room than the window: back-pressure
  BurstPattern pattern;
  pattern.run_length = 64;
  pattern.outstanding = window;
  pattern.sequential = true;
  const BurstMeasurement m = drive(direct, pattern, requests);
  ToyBurst device(Time::ps(1000), Time::ps(19000), 8);
  BurstTarget target("target", device);
  Chaser chaser("chaser", requests, window);
  chaser.initiator.socket.bind(target.socket);
  sc_core::sc_start();
  CHECK(chaser.answered == requests);
  INFO(chaser.last.ps() << " ps through sockets, " << m.span.ps() << " ps without");
  CHECK(chaser.last == m.span);
}

}  // namespace terrace::tests
