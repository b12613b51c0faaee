// NVLink packet by packet and RoCE frame by frame against the arithmetic of their packets.
#include <catch2/catch.hpp>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

TEST_CASE("an NVLink packet brings two flits of header at burst level",
          "[nvlink][burst][closed_form]") {
  for (const double payload : {32.0, 64.0, 128.0, 256.0}) {
    const std::string link =
        "{extends: link/nvlink4_burst.yaml, requests: 65536, buffer_packets: "
        "65536, payload: " +
        std::to_string(static_cast<int>(payload)) + "B}";
    const double bound = 450e9 * payload / (payload + 32);
    const double reads = rate_of(link, 1u << 20, 1, 8, 32);
    const double writes = rate_of(link, 1u << 20, 0, 8, 32);
    INFO(payload << " B: bound " << bound / 1e9 << ", reads " << reads / 1e9 << ", writes "
                 << writes / 1e9 << " GB/s");
    CHECK(reads == Approx(bound).epsilon(0.005));
    CHECK(writes == Approx(bound).epsilon(0.005));
  }
}

TEST_CASE("NVLink writes in both directions carry each other's replies",
          "[nvlink][burst][closed_form]") {
  // Reads stand for the peer's writes: 256 B back with a header of 32 B and 16 B of request out.
  const double bound = 2 * 450e9 * 256 / (256 + 32 + 16);
  const double got = rate_of("link/nvlink4_burst.yaml", 1u << 20, 0.5, 16, 128);
  INFO("bound " << bound / 1e9 << ", simulated " << got / 1e9 << " GB/s");
  CHECK(got == Approx(bound).epsilon(0.01));
}

TEST_CASE("requests under way bound NVLink", "[nvlink][burst][closed_form]") {
  const double trip = seconds_of("link/nvlink4_burst.yaml", 256, Direction::read);
  const double bound = 64 * 256 / trip;
  const double got = rate_of("{extends: link/nvlink4_burst.yaml, requests: 64}", 1u << 20, 1, 4, 8);
  INFO("64 x 256 B / " << trip * 1e9 << " ns = " << bound / 1e9 << ", simulated " << got / 1e9);
  CHECK(got < bound * 1.001);
  CHECK(got > bound * 0.95);
}

TEST_CASE("every RoCE frame brings 82 bytes at burst level", "[ethernet][burst][closed_form]") {
  for (const double mtu : {256.0, 1024.0, 4096.0}) {
    const std::string link =
        "{extends: link/roce_400g_burst.yaml, mtu: " + std::to_string(static_cast<int>(mtu)) + "B}";
    const double frames = 1048576 / mtu;
    const double write = 50e9 * 1048576 / (1048576 + frames * 82 + 16);
    const double read = 50e9 * mtu / (mtu + 82);
    INFO("MTU " << mtu << ": bounds " << write << " and " << read);
    CHECK(rate_of(link, 1u << 20, 0, 8, 32) == Approx(write).epsilon(0.002));
    CHECK(rate_of(link, 1u << 20, 1, 8, 32) == Approx(read).epsilon(0.002));
  }
}

TEST_CASE("small RoCE messages take the adapter's time, not the wire's",
          "[ethernet][burst][closed_form]") {
  const std::string link = "{extends: link/roce_400g_burst.yaml, post: 50ns, adapter: 80ns}";
  CHECK(rate_of(link, 64, 0, 128, 4000) == Approx(64 / 80e-9).epsilon(0.01));
}

TEST_CASE("PFC stops a RoCE sender when the receiver's buffer is full",
          "[ethernet][burst][closed_form]") {
  // Slow memory behind the receiver: its rate, and nothing lost or sent twice.
  const auto link = link_of(
      "{extends: link/roce_400g_burst.yaml, memory_rate: 10GB/s, "
      "buffer: 64KiB}");
  const LinkService s = measure_link(*link, {1u << 20, 0, 4, 16});
  CHECK(s.rate == Approx(10e9).epsilon(0.01));
  CHECK(times_of(*link, "write_packet") % 256 == 0);
  // Without it the buffer over the round trip is the bound.
  const double trip = 2 * 850e-9 + 250e-9 + (4096 + 82) / 50e9 + 4096 / 200e9;
  const double got =
      rate_of("{extends: link/roce_400g_burst.yaml, buffer: 16KiB}", 1u << 20, 0, 4, 8);
  CHECK(got == Approx(16384 / trip).epsilon(0.03));
}

TEST_CASE("NVLink and RoCE refuse what they cannot be", "[nvlink][ethernet][burst]") {
  const auto refuses = [](const std::string& yaml, const std::string& what) {
    CHECK_THROWS_WITH(chosen<BurstDevice>(yaml), Catch::Contains(what));
  };
  refuses("{kind: nvlink_link, payload: 512B}", "member.payload");
  refuses("{kind: nvlink_link, links: 0}", "member.links");
  refuses("{kind: nvlink_link, buffer_packets: 0}", "member.buffer_packets");
  refuses("{kind: roce_link, mtu: 9000B}", "member.mtu");
  refuses("{kind: roce_link, buffer: 1KiB}", "member.buffer: has no room for a frame of 4KiB");
  refuses("{kind: roce_link, line_rate: 0GB/s}", "member.line_rate");
}

TEST_CASE("what a link gives rises with the size and the number of its transfers",
          "[link][burst]") {
  const auto link = chosen<BurstDevice>("link/roce_400g_burst.yaml");
  for (const double reads : {1.0, 0.0}) {
    double one_before = 0, many_before = 0;
    for (const std::uint32_t bytes : {64u, 4096u, 262144u}) {
      const auto of = [&](std::uint32_t concurrency) {
        return measure_link(*link.make({"link", 1}), {bytes, reads, concurrency, 0});
      };
      const LinkService one = of(1), many = of(16);
      CHECK(one.rate > one_before);
      CHECK(many.rate > many_before);
      CHECK(many.rate > one.rate);
      CHECK(many.rate < 50e9);
      CHECK(one.latency_min <= one.latency_p50);
      CHECK(many.latency_min <= many.latency_p50);
      one_before = one.rate;
      many_before = many.rate;
    }
  }
}
