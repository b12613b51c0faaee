// The L2: where the time of a load goes, what moves to and from the memory below, and what cannot
// be built.
#include <catch2/catch.hpp>

#include "tests/models/sram/l2_walks.h"

using namespace terrace;
using namespace terrace::sram_test;

namespace {

// 64 KiB, two partitions of 4 slices; near 100 ns, far 40 more, memory 60 + 30 more.
const std::string small =
    "{kind: l2, capacity: 64KiB, partitions: 2, slices: 8, ways: 4, slice_bandwidth: 32GB/s, "
    "mshrs: 4, outstanding: 64, requesters: one_partition, path: {sm: 100ns, crossing: 40ns, "
    "memory: 60ns, bandwidth: 32TB/s}, below: {kind: simple_memory, capacity: 1GB, bandwidth: "
    "320GB/s, latency: 30ns}}";
const std::string flat =
    "{kind: l2, capacity: 64KiB, partitions: 1, slices: 4, ways: 4, slice_bandwidth: 320GB/s, "
    "mshrs: 8, outstanding: 64, path: {sm: 100ns, memory: 60ns, bandwidth: 32TB/s}, below: {kind: "
    "simple_memory, capacity: 1GB, bandwidth: 320GB/s, latency: 30ns}}";

std::int64_t count(const BurstDevice& d, const std::string& name) {
  for (const BurstCount& c : d.counts())
    if (c.name == name) return c.times;
  throw std::logic_error("no count " + name);
}

// ns from `now` until the answer; then nothing is under way.
double one(BurstDevice& d, std::uint64_t address, std::uint32_t bytes, Direction direction,
           Time& now) {
  const Time begin = now;
  REQUIRE(d.offer({1, address, bytes, direction}, now));
  std::vector<BurstAnswer> answers;
  while (d.next_event() != Time::never()) d.advance(now = d.next_event(), answers);
  REQUIRE(answers.size() == 1);
  return (answers[0].at - begin).seconds() * 1e9;
}
double load(BurstDevice& d, std::uint64_t address, std::uint32_t bytes, Time& now) {
  return one(d, address, bytes, Direction::read, now);
}

std::string mistake(const std::string& yaml) {
  try {
    device_of(yaml);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}
std::string with(std::string yaml, const std::string& from, const std::string& to) {
  return yaml.replace(yaml.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("a hit takes the path and a sector's time, a miss the way to memory more", "[sram]") {
  const auto d = device_of(flat);
  Time now;
  // 100 + 60 + 30 ns and 32 B at 320 GB/s below: 0.1 ns; the fill does not delay who waits.
  CHECK(load(*d, 4096, 32, now) == Approx(190.1).margin(0.01));
  // 100 ns and 32 B at 320 GB/s of the slice: 0.1 ns.
  CHECK(load(*d, 4096, 32, now) == Approx(100.1).margin(0.01));
  CHECK(load(*d, 4128, 32, now) == Approx(190.1).margin(0.01));  // the next sector of the line
  CHECK(count(*d, "near_hit") == 1);
  CHECK(count(*d, "miss") == 2);
  CHECK(count(*d, "fetched_sector") == 2);
}

TEST_CASE("a wider fetch brings the neighbours of a sector", "[sram]") {
  const auto d = device_of(with(flat, "ways: 4", "ways: 4, fetch: 64"));
  Time now;
  load(*d, 64, 32, now);
  CHECK(load(*d, 96, 32, now) < 101);
  CHECK(load(*d, 0, 32, now) > 190);
  CHECK(count(*d, "fetched_sector") == 4);
}

TEST_CASE("with two partitions the near one keeps what the far one gave", "[sram]") {
  const auto d = device_of(small);
  Time now;
  int far_homes = 0;
  for (std::uint64_t line = 0; line < 64; ++line) {
    const double first = load(*d, line * 128, 32, now);  // 190.1 from this side, 230.1 from the far
    const bool far = first > 210;
    far_homes += far;
    CHECK(first == Approx(far ? 230.1 : 190.1).margin(0.01));
    CHECK(load(*d, line * 128, 32, now) == Approx(101).margin(0.01));  // 32 B at 32 GB/s: 1 ns
  }
  // Binomial(64, 1/2): 32 +- 4 sigma.
  CHECK(std::abs(far_homes - 32) <= 16);
}

TEST_CASE("once the near partition overflows, loads come from the far one or from memory",
          "[sram]") {
  // A chase over 1.5 near halves under LRU misses near always. Half of the lines have their home
  // there and come from memory (190.1 ns), the others from the far side (141 ns), but where 5 or 6
  // of a set's 6 lines have their home there: its 4 ways lose them all (230.1 ns). Of lines with a
  // home drawn by a coin that is (5 x 6 + 6) / 64 / 3.
  const auto d = device_of(small);
  const double got = chase(*d, 48 * 1024, 4, 128), crowded = 36.0 / 64 / 3;
  const double wanted = (190.1 + (1 - crowded) * 141 + crowded * 230.1) / 2;
  INFO(got << " ns, closed form " << wanted << ", " << parts::percent_off(got, wanted) << " %");
  CHECK(std::abs(got / wanted - 1) < 0.05);  // 384 coins: sigma of the near share is 2.6 points
}

TEST_CASE("loads of a line on its way wait for it and ask for it once", "[sram]") {
  const auto d = device_of(flat);
  for (std::uint64_t i = 0; i < 10; ++i) REQUIRE(d->offer({i, 4096, 32, Direction::read}, Time()));
  std::vector<BurstAnswer> answers;
  while (d->next_event() != Time::never()) d->advance(d->next_event(), answers);
  CHECK(answers.size() == 10);
  CHECK(count(*d, "miss") == 1);
  CHECK(count(*d, "merged") == 9);
  CHECK(count(*d, "below.read") == 1);
}

TEST_CASE("bandwidth of misses is no more than MSHRs over their latency", "[sram]") {
  // Little: 4 slices x 8 MSHRs x 128 B over 60 + 30 ns and the transfer, less than the memory's
  // 320.
  const auto d = device_of(with(flat, "320GB/s, latency", "3200GB/s, latency"));
  const double got = stream(*d, 1 << 20, 1, 3);
  const double bound = 4 * 8 * 128 / 90.0;
  INFO(got << " GB/s, bound " << bound << ", off by " << parts::percent_off(got, bound) << " %");
  CHECK(got <= bound * 1.001);
  CHECK(got > bound * 0.85);
  CHECK(count(*d, "stalled") > 0);
}

TEST_CASE("a stream that misses gets the memory's bandwidth, one that hits the crossbar's",
          "[sram]") {
  const std::string wide =
      with(with(flat, "mshrs: 8", "mshrs: 64"), "outstanding: 64", "outstanding: 4096");
  const auto miss = device_of(wide);
  const double missing = stream(*miss, 1 << 20, 1, 2);
  INFO("misses " << missing << " GB/s of 320");
  CHECK(missing <= 320 * 1.001);
  CHECK(missing > 320 * 0.98);
  const auto hit = device_of(with(wide, "bandwidth: 32TB/s", "bandwidth: 1TB/s"));
  const double hitting = stream(*hit, 32 << 10, 40, 400);
  INFO("hits " << hitting << " GB/s of 1000");
  CHECK(hitting <= 1001);
  CHECK(hitting > 980);
}

TEST_CASE("slices together bound the hits when the crossbar does not", "[sram]") {
  const auto d = device_of(with(flat, "outstanding: 64", "outstanding: 4096"));
  const double got = stream(*d, 32 << 10, 40, 400);  // 4 x 320 GB/s
  INFO(got << " GB/s of 1280");
  CHECK(got <= 1281);
  CHECK(got > 0.95 * 1280);
}

TEST_CASE("a store takes whole sectors without reading them and writes back when its line leaves",
          "[sram]") {
  const auto d = device_of(flat);
  Time now;
  one(*d, 0, 64, Direction::write, now);
  CHECK(count(*d, "below.read") == 0);
  CHECK(load(*d, 32, 32, now) < 101);
  // Everything else passes through the cache twice over: the two dirty sectors go down, once.
  for (std::uint64_t a = 4096; a < 4096 + 2 * 65536; a += 128) load(*d, a, 32, now);
  CHECK(count(*d, "written_sector") == 2);
  CHECK(count(*d, "below.write") == 1);
}

TEST_CASE("a store of part of a sector fetches that sector alone", "[sram]") {
  const auto d = device_of(flat);
  Time now;
  one(*d, 0, 48, Direction::write, now);
  CHECK(count(*d, "fetched_sector") == 1);
}

TEST_CASE("every store reaches memory once when it streams, and no copy outlives it", "[sram]") {
  const auto d = device_of(with(small, "requesters: one_partition", "requesters: all"));
  BurstPattern p;
  p.sequential = true;
  p.run_length = p.request_bytes = 128;
  p.footprint = 1 << 20;
  drive(*d, p, 8192);  // both partitions fill
  p.read_share = 0;
  drive(*d, p, 8192);
  // One line of dirty sectors for each store, but for what is still there: at most 512 lines.
  CHECK(count(*d, "written_sector") <= 4 * 8192);
  CHECK(count(*d, "written_sector") >= 4 * (8192 - 512));
  CHECK(count(*d, "below.read") == count(*d, "miss"));
}

TEST_CASE("a request over several lines is answered with its last line", "[sram]") {
  const auto d = device_of(flat);
  Time now;
  load(*d, 0, 32, now);
  CHECK(load(*d, 0, 1024, now) > 190);
  CHECK(load(*d, 0, 1024, now) < 110);
}

TEST_CASE("an L2 that cannot be built is one clear mistake", "[sram]") {
  CHECK_THAT(mistake(with(flat, "capacity: 64KiB", "capacity: 65KiB")),
             Catch::Contains("capacity") && Catch::Contains("no whole sets"));
  CHECK_THAT(mistake(with(flat, "ways: 4", "ways: 4, sector: 48")),
             Catch::Contains("sector") && Catch::Contains("1 to 16 sectors"));
  CHECK_THAT(mistake(with(flat, "ways: 4", "ways: 4, fetch: 96")), Catch::Contains("fetch"));
  CHECK_THAT(mistake(with(small, "slices: 8", "slices: 7")), Catch::Contains("partitions"));
  CHECK_THAT(mistake(with(flat, "sm: 100ns", "sm: 100ns, crossing: 1ns")),
             Catch::Contains("nothing to cross to"));
  CHECK_THAT(mistake(with(flat, "capacity: 1GB", "capacity: 600GB")),
             Catch::Contains("below") && Catch::Contains("2^32"));
}
