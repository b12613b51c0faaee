// Dies and channels in time: closed forms of sensing, moving, programming, and their overlap.
#include "models/flash/flash_array.h"

#include <catch2/catch.hpp>

using namespace terrace;

namespace {

NandParams slc() {
  NandParams n;
  n.cell = "slc";
  n.read = {Seconds(50e-6)};
  n.program = {Seconds(500e-6)};
  n.erase = Seconds(5e-3);
  n.planes = 2;
  n.blocks_per_plane = n.pages_per_block = 64;
  n.cache_busy = Seconds(0);
  return n;
}

FlashChannelParams bus() {
  FlashChannelParams c;
  c.rate = BytesPerSecond(1e9);
  c.command = c.plane_command = Seconds(1e-6);
  return c;
}

FlashLayout layout(std::uint32_t channels, std::uint32_t dies, std::uint32_t planes = 2) {
  FlashLayout l;
  l.channels = channels;
  l.dies = dies;
  l.planes = planes;
  l.blocks = l.pages = 64;
  return l;
}

FlashOp read(std::uint32_t tag, std::uint32_t plane, std::uint32_t page, std::uint32_t bytes) {
  return {tag, plane, page, bytes, FlashWork::read, FlashQueue::reads};
}
FlashOp program(std::uint32_t tag, std::uint32_t plane, std::uint32_t page) {
  return {tag, plane, page, 10000, FlashWork::program, FlashQueue::programs};
}

// When each tag ended, us.
std::vector<double> ends(FlashArray& array, std::size_t tags) {
  std::vector<double> at(tags, -1);
  std::vector<std::uint32_t> done;
  while (array.next_event() != Time::never()) {
    const Time now = array.next_event();
    done.clear();
    array.advance(now, done);
    for (const std::uint32_t tag : done) at[tag] = now.seconds() * 1e6;
  }
  return at;
}

}  // namespace

TEST_CASE("a read takes command + sense + bytes / rate", "[flash][closed_form]") {
  FlashArray array(slc(), bus(), layout(1, 1));
  array.submit(read(0, 0, 0, 4000), Time());
  CHECK(ends(array, 1)[0] == Approx(1 + 50 + 4));
}

TEST_CASE("a die without cache reads senses again once its data are out", "[flash][closed_form]") {
  FlashArray array(slc(), bus(), layout(1, 1, 1));
  array.submit(read(0, 0, 0, 10000), Time());
  array.submit(read(1, 0, 1, 10000), Time());
  CHECK(ends(array, 2)[1] == Approx(2 * (1 + 50 + 10)));
}

TEST_CASE("cache reads hide the bus behind the next sense", "[flash][closed_form]") {
  NandParams nand = slc();
  nand.cache_read = true;
  FlashArray array(nand, bus(), layout(1, 1, 1));
  for (std::uint32_t i = 0; i < 10; ++i) array.submit(read(i, 0, i, 10000), Time());
  // command + sense each time, the last one's data after it
  CHECK(ends(array, 10)[9] == Approx(10 * (1 + 50) + 10));
}

TEST_CASE("two planes sense together only at the same page", "[flash][closed_form]") {
  for (const auto kind : {PlaneReads::single, PlaneReads::same_page, PlaneReads::independent}) {
    NandParams nand = slc();
    nand.plane_reads = kind;
    for (const std::uint32_t page : {0u, 5u}) {
      FlashArray array(nand, bus(), layout(1, 2));
      array.submit(read(0, 2, 9, 1000), Time());  // keeps the bus for 1 us: both others wait
      array.submit(read(1, 0, 0, 1000), Time());
      array.submit(read(2, 1, page, 1000), Time());
      const bool together =
          kind == PlaneReads::independent || (kind == PlaneReads::same_page && page == 0);
      INFO("page " << page);
      // together: two commands, one sense, two pages out; apart: one after the other
      CHECK(ends(array, 3)[2] == Approx(together ? 1 + 2 + 50 + 2 : 1 + 2 * (1 + 50 + 1)));
    }
  }
}

TEST_CASE("dies of a channel sense side by side and share the bus", "[flash][closed_form]") {
  FlashArray array(slc(), bus(), layout(1, 4, 1));
  for (std::uint32_t die = 0; die < 4; ++die) array.submit(read(die, die, 0, 20000), Time());
  const auto at = ends(array, 4);
  CHECK(at[0] == Approx(1 + 50 + 20));
  CHECK(at[3] == Approx(1 + 50 + 4 * 20));
}

TEST_CASE("a program takes command + bytes / rate + program time", "[flash][closed_form]") {
  FlashArray array(slc(), bus(), layout(1, 1));
  array.submit(program(0, 0, 0), Time());
  CHECK(ends(array, 1)[0] == Approx(1 + 10 + 500));
}

TEST_CASE("a read waits for a program, or stops it and the program ends that much later",
          "[flash][closed_form]") {
  NandParams nand = slc();
  for (const bool suspend : {false, true}) {
    if (suspend) {
      NandSuspend how;
      how.wait = Seconds(20e-6);
      how.resume = Seconds(5e-6);
      nand.program_suspend = how;
    }
    FlashArray array(nand, bus(), layout(1, 1, 1));
    array.submit(program(0, 0, 0), Time());
    std::vector<std::uint32_t> done;
    array.advance(Time::ps(100000000), done);  // 100 us: 89 us of 500 programmed
    array.submit(read(1, 0, 3, 1000), Time::ps(100000000));
    const auto at = ends(array, 2);
    INFO("suspend " << suspend);
    if (suspend) {
      CHECK(at[1] == Approx(100 + 20 + 1 + 50 + 1));
      CHECK(at[0] == Approx(100 + 20 + 1 + 50 + 1 + 5 + (511 - 100)));
      CHECK(array.counts().suspends == 1);
    } else {
      CHECK(at[0] == Approx(511));
      CHECK(at[1] == Approx(511 + 1 + 50 + 1));
    }
  }
}

TEST_CASE("work with less left than it is worth is not stopped", "[flash]") {
  NandParams nand = slc();
  nand.program_suspend.emplace();
  nand.program_suspend->worth = Seconds(50e-6);
  FlashArray array(nand, bus(), layout(1, 1, 1));
  array.submit(program(0, 0, 0), Time());
  std::vector<std::uint32_t> done;
  array.advance(Time::ps(461000000), done);  // 50 us are left
  array.submit(read(1, 0, 3, 1000), Time::ps(461000000));
  CHECK(ends(array, 2)[0] == Approx(511));
  CHECK(array.counts().suspends == 0);
}

TEST_CASE("an erase is stopped by a read as a program is", "[flash]") {
  NandParams nand = slc();
  nand.erase_suspend.emplace();
  FlashArray array(nand, bus(), layout(1, 1, 1));
  array.submit({0, 0, 0, 0, FlashWork::erase, FlashQueue::cleaning}, Time());
  std::vector<std::uint32_t> done;
  array.advance(Time::ps(100000000), done);
  array.submit(read(1, 0, 3, 1000), Time::ps(100000000));
  const auto at = ends(array, 2);
  CHECK(at[1] == Approx(100 + 10 + 1 + 50 + 1));
  CHECK(at[0] == Approx(100 + 10 + 52 + 5 + (5001 - 100)));
}

TEST_CASE("the order cwdp goes to channels, chips, dies, planes in turn", "[flash]") {
  FlashLayout l = layout(2, 2, 2);
  l.chips = 2;
  const auto cwdp = l.plane_order();
  CHECK(cwdp[0] == 0);
  CHECK(cwdp[1] == 8);  // the next channel: 2 chips x 2 dies x 2 planes on
  CHECK(cwdp[2] == 4);  // then the next chip
  CHECK(cwdp[4] == 2);  // then the next die
  CHECK(cwdp[8] == 1);  // then the next plane
  l.order = "pdwc";
  const auto in_order = l.plane_order();
  for (std::uint32_t i = 0; i < 16; ++i) CHECK(in_order[i] == i);
}
