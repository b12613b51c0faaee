// A drive at burst level: closed forms of channel, die, link and queue, the write buffer, cleaning,
// reads beside writes, and drives that cannot be.
#include "models/flash/ssd.h"

#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/flash/burst_parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

std::string mistake(const std::vector<std::string>& set) {
  try {
    ssd(round_ssd(), set);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("one read takes sense + bytes / channel + bytes / link", "[flash][closed_form]") {
  const auto drive = ssd(round_ssd());
  const double link = 4096 * (1 + 24.0 / 256) / 400e9;  // and nothing else
  CHECK(alone(*drive, 0, 4096) == Approx(50e-6 + 4.096e-6 + link).margin(1e-9));
  CHECK(alone(*ssd(round_ssd()), 512, 512) == Approx(50e-6 + 0.512e-6).margin(5e-9));  // a sector
}

TEST_CASE("die-bound: dies x page / (tR + page / rate)", "[flash][closed_form]") {
  for (const int dies : {1, 2, 4}) {
    const auto drive = ssd(round_ssd(), {"dies=" + std::to_string(dies), "channels=2",
                                         "channel.rate=16.384GB/s"});  // a page in 1 us
    const double bound = 2 * dies * 16384 / (50e-6 + 1e-6);
    const double got = drive_rate(*drive, pattern(16384, true, 64));
    INFO(dies << " dies: bound " << bound / 1e9 << " GB/s, got " << got / 1e9);
    CHECK(got <= bound * 1.001);
    CHECK(got > bound * 0.97);
  }
}

TEST_CASE("channel-bound: channels x rate", "[flash][closed_form]") {
  for (const int channels : {1, 4}) {
    const auto drive = ssd(
        round_ssd(), {"dies=8", "channels=" + std::to_string(channels), "nand.cache_read=true"});
    const double bound = channels * 1e9, got = drive_rate(*drive, pattern(16384, true, 256));
    INFO(channels << " channels: bound " << bound / 1e9 << " GB/s, got " << got / 1e9);
    CHECK(got <= bound * 1.001);
    CHECK(got > bound * 0.99);
  }
}

TEST_CASE("link-bound: lanes x rate x payload / (payload + overhead)", "[flash][closed_form]") {
  const auto drive = ssd(round_ssd(), {"dies=8", "channels=8", "nand.cache_read=true",
                                       "link.lane=0.5GB/s", "link.lanes=4"});
  const double bound = 2e9 * 256 / 280, got = drive_rate(*drive, pattern(131072, true, 32));
  INFO("bound " << bound / 1e9 << " GB/s, got " << got / 1e9);
  CHECK(got <= bound);
  CHECK(got > bound * 0.995);
}

TEST_CASE("cache reads and reads of several planes raise throughput", "[flash][closed_form]") {
  const auto rate = [](const std::vector<std::string>& more) {
    std::vector<std::string> set = {"nand.planes=4", "translation.order=pcwd"};
    set.insert(set.end(), more.begin(), more.end());
    return drive_rate(*ssd(round_ssd(), set), pattern(65536, true, 8));
  };
  const double page = 16384, plain = rate({"nand.plane_reads=single"});
  const double cache =
      rate({"nand.plane_reads=single", "nand.cache_read=true", "nand.cache_busy=0s"});
  const double planes = rate({"nand.plane_reads=same_page"});
  const double both = rate({"nand.plane_reads=same_page", "nand.cache_read=true"});
  std::printf("one die: plain %.3f, cache %.3f, multi-plane %.3f, both %.3f GB/s\n", plain / 1e9,
              cache / 1e9, planes / 1e9, both / 1e9);
  CHECK(plain == Approx(page / (50e-6 + 16.384e-6)).epsilon(0.01));
  CHECK(cache == Approx(page / 50e-6).epsilon(0.01));
  CHECK(planes == Approx(4 * page / (50e-6 + 4 * 16.384e-6)).epsilon(0.02));
  CHECK(both == Approx(1e9).epsilon(0.02));  // the channel: four pages take longer than a sense
}

TEST_CASE("the controller's time for a request bounds requests", "[flash][closed_form]") {
  const auto drive =
      ssd(round_ssd(), {"dies=64", "channels=8", "command=2us", "link.latency=0.3us"});
  const double got = per_second(drive_of(*drive, pattern(4096, false, 512), 20000));
  CHECK(got == Approx(500e3).epsilon(0.01));
}

TEST_CASE("an interrupt adds its latency and a poll rounds up", "[flash][closed_form]") {
  const double base = alone(*ssd(round_ssd()), 0, 4096);
  const double interrupted =
      alone(*ssd(round_ssd(), {"queues.completion=interrupt", "queues.interrupt=5us"}), 0, 4096);
  CHECK(interrupted == Approx(base + 5e-6));
  CHECK(alone(*ssd(round_ssd(), {"queues.poll=10us"}), 0, 4096) == Approx(60e-6));
}

TEST_CASE("full queues refuse requests", "[flash]") {
  const auto drive = ssd(round_ssd(), {"queues.count=2", "queues.depth=3"});
  for (std::uint64_t i = 0; i < 6; ++i)
    CHECK(drive->offer({i, i * 4096, 4096, Direction::read}, Time()));
  CHECK_FALSE(drive->offer({6, 0, 4096, Direction::read}, Time()));
}

TEST_CASE("a buffered write is done at once, one written through after its program",
          "[flash][closed_form]") {
  const double link = 16384 * (1 + 24.0 / 256) / 400e9;
  CHECK(alone(*ssd(round_ssd()), 0, 16384, Direction::write) == Approx(link).margin(1e-7));
  CHECK(alone(*ssd(round_ssd(), {"buffer.write_back=false"}), 0, 16384, Direction::write) ==
        Approx(link + 16.384e-6 + 500e-6).margin(1e-7));
}

TEST_CASE("what waits in the buffer is read without flash", "[flash]") {
  const auto drive = ssd(round_ssd());
  alone(*drive, 0, 16384, Direction::write);
  CHECK(alone(*drive, 0, 16384, Direction::read, Time::ps(1000000)) < 1e-6);
  CHECK(count(*drive, "buffer_hit") == 1);
}

TEST_CASE("a unit written in part is read first", "[flash]") {
  const auto drive = ssd(round_ssd());
  alone(*drive, 0, 4096, Direction::write);
  CHECK(count(*drive, "old_read") == 1);
  alone(*drive, 16384, 16384, Direction::write, Time::ps(1000000000000));
  CHECK(count(*drive, "old_read") == 1);
}

TEST_CASE("sustained writes fall from the buffer's rate to the dies'", "[flash][closed_form]") {
  // Fresh drive: dies x page / (page / rate + tPROG).
  const auto drive = ssd(round_ssd(), {"channels=2", "dies=4", "precondition.filled=0"});
  const double bound = 8 * 16384 / (500e-6 + 16.384e-6);
  const double got = drive_rate(*drive, pattern(16384, true, 32, 0, 48u << 20));
  INFO("bound " << bound / 1e6 << " MB/s, got " << got / 1e6);
  CHECK(got == Approx(bound).epsilon(0.03));
}

TEST_CASE("never written: reads need no flash", "[flash]") {
  const auto drive = ssd(round_ssd(), {"precondition.filled=0"});
  CHECK(alone(*drive, 0, 4096) < 1e-6);
  CHECK(count(*drive, "unmapped_read") == 1);
}

TEST_CASE("a miss in the map's cache costs a read of flash", "[flash][closed_form]") {
  const auto drive = ssd(round_ssd(), {"translation.cache=16KiB"});
  CHECK(alone(*drive, 0, 4096) == Approx(2 * 50e-6 + 16.384e-6 + 4.096e-6).epsilon(0.01));
  CHECK(alone(*drive, 1 << 20, 4096, Direction::read, Time::ps(1000000000)) ==
        Approx(54.1e-6).epsilon(0.01));
  CHECK(count(*drive, "map_read") == 1);
}

TEST_CASE("reads slow down beside writes, and less so where programs can be stopped", "[flash]") {
  const auto latency = [](double reads, const char* suspend) {
    const auto drive = ssd(round_ssd(), {"channels=2", "dies=4", suspend});
    BurstPattern p = pattern(16384, false, 16, reads);
    return terrace::drive(*drive, p, 6000, 1000).latency_mean.seconds();
  };
  const double alone_us = latency(1, "nand.program_suspend=null"),
               mixed = latency(0.7, "nand.program_suspend=null"),
               stopped =
                   latency(0.7, "nand.program_suspend={wait: 10us, resume: 5us, worth: 20us}");
  std::printf("reads at depth 16: alone %.0f us, beside 30 %% writes %.0f, with suspend %.0f\n",
              alone_us * 1e6, mixed * 1e6, stopped * 1e6);
  CHECK(mixed > 1.5 * alone_us);
  CHECK(stopped < 0.8 * mixed);
}

TEST_CASE("depth trades latency for throughput as in an fio closed loop", "[flash][closed_form]") {
  std::printf("  depth   requests/s   mean us    p99 us\n");
  double before = 0;
  for (std::uint32_t depth = 1; depth <= 256; depth *= 2) {
    const auto drive = ssd("flash/ssd_pm9a3.yaml");
    const auto m =
        drive_of(*drive, pattern(4096, false, depth, 1, 16ull << 30), depth == 1 ? 2000 : 20000);
    const double got = per_second(m), mean = m.latency_mean.seconds();
    std::printf("  %5u %12.0f %9.1f %9.1f\n", depth, got, mean * 1e6,
                m.latency_p99.seconds() * 1e6);
    CHECK(got * mean == Approx(depth).epsilon(0.03));  // Little's law
    CHECK(got > before);
    CHECK(got <= 1.001 / 1e-6);  // one request a us in the controller
    before = got;
  }
}

TEST_CASE("the same seed gives the same answers", "[flash]") {
  const auto run = [] {
    const auto drive = ssd(round_ssd(), {"precondition.overwrites=2"});
    return terrace::drive(*drive, pattern(16384, false, 8, 0.5), 3000, 0).span;
  };
  CHECK(run() == run());
}

TEST_CASE("drives that cannot be are mistakes at their key", "[flash]") {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"translation.over_provisioning=0"}, "translation.over_provisioning: leaves 0 spare blocks"},
      {{"translation.unit=12KiB"}, "translation.unit: 12KiB does not divide a page"},
      {{"translation.order=cwd"}, "translation.order: \"cwd\" does not name"},
      {{"nand.planes=0"}, "nand.planes: 0 is out of range"},
      {{"nand.planes=3.5"}, "nand.planes: "},
      {{"nand.page=1000B"}, "nand.page: 1kB is not a multiple of a sector"},
      {{"nand.read=[45us, 55us]"}, "nand.read: has 2 page types, but a cell of slc holds 1"},
      {{"nand.erase=10us"}, "nand.erase: is not longer than a read"},
      {{"nand.blocks_per_plane=65536", "nand.pages_per_block=16384", "channels=16",
        "translation.unit=512B"},
       "translation.unit: "},
      {{"translation.cache=4KiB"}, "translation.cache: holds not even one page"},
      {{"buffer.capacity=4KiB"}, "buffer.capacity: is smaller than a page"},
      {{"translation.unit=4KiB", "translation.dynamic=false"}, "translation.dynamic: must be true"},
      {{"translation.clean_below=2", "translation.urgent_below=3"}, "translation.urgent_below: "},
      {{"translation.read_only=true", "precondition.overwrites=1"}, "precondition.overwrites: "},
      {{"link.lanes=3"}, "link.lanes: "},
      {{"channel.rate=0GB/s"}, "channel.rate: "}};
  for (const auto& [set, wanted] : cases) {
    INFO(wanted);
    CHECK_THAT(mistake(set), Catch::Contains(wanted));
  }
  CHECK_NOTHROW(
      ssd(round_ssd(), {"translation.over_provisioning=0", "translation.read_only=true"}));
}

TEST_CASE("every table of NAND makes a drive, and denser cells are slower", "[flash]") {
  double before = 0;
  for (const char* cell : {"slc", "pslc", "tlc", "qlc"}) {
    const auto drive = ssd(std::string("{kind: ssd, nand: flash/nand_") + cell + ".yaml}");
    const double got =
        terrace::drive(*drive, pattern(4096, false, 1), 300, 10).latency_mean.seconds();
    CHECK(got > before);
    before = got;
  }
}
