// The page map: arithmetic until written, tables after; cleaning, wear.
#include "models/flash/page_map.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace terrace;

namespace {

PageMap::Settings small() {
  PageMap::Settings s;
  s.layout.channels = 2;
  s.layout.dies = 2;
  s.layout.planes = 2;
  s.layout.blocks = 32;
  s.layout.pages = 16;
  s.layout.units = 4;
  s.logical = s.filled = static_cast<std::uint32_t>(s.layout.all_units() * 3 / 4);
  return s;
}

}  // namespace

TEST_CASE("a drive filled in order spreads pages over all planes and knows each unit's owner",
          "[flash]") {
  PageMap map(small());
  for (std::uint32_t unit = 0; unit < small().logical; ++unit) {
    const std::uint32_t at = map.locate(unit);
    REQUIRE(map.owner(at) == unit);
    REQUIRE(map.valid(at));
  }
  CHECK(map.locate(0) / 4 != map.locate(4) / 4);
  PageMap::Settings half = small();
  half.filled = 5;
  CHECK(PageMap(half).locate(4) != PageMap::unmapped);
  CHECK(PageMap(half).locate(5) == PageMap::unmapped);
}

TEST_CASE("an untouched map of a terabyte costs a few MB", "[flash]") {
  PageMap::Settings s;
  s.layout.channels = 8;
  s.layout.dies = 8;
  s.layout.planes = 4;
  s.layout.blocks = 910;
  s.layout.pages = 1152;
  s.layout.units = 4;
  s.logical = s.filled = static_cast<std::uint32_t>(s.layout.all_units() / 10 * 9);
  CHECK(PageMap(s).bytes() < 10e6);
}

TEST_CASE("no unit is lost and valid counts stay true through overwriting and cleaning",
          "[flash]") {
  for (const bool dynamic : {true, false}) {
    PageMap::Settings s = small();
    s.dynamic = dynamic;
    if (!dynamic) {
      s.layout.units = 1;
      s.logical = s.filled = static_cast<std::uint32_t>(s.layout.all_units() * 3 / 4);
    }
    PageMap map(s);
    RandomStream random(1, "test");
    map.overwrite(5, 3, random);
    std::vector<std::uint32_t> valid(s.layout.all_planes() * s.layout.blocks, 0);
    for (std::uint32_t unit = 0; unit < s.logical; ++unit) {
      const std::uint32_t at = map.locate(unit);
      REQUIRE(at < s.layout.all_units());
      REQUIRE(map.owner(at) == unit);
      ++valid[at / map.block_units()];
    }
    for (std::uint32_t b = 0; b < valid.size(); ++b) REQUIRE(valid[b] == map.valid_units(b));
    CHECK(map.moved() > 0);
  }
}

TEST_CASE("levelling keeps the most and the least worn block together", "[flash]") {
  const auto spread = [](std::uint32_t gap) {
    PageMap::Settings s = small();
    s.wear_gap = gap;
    PageMap map(s);
    RandomStream random(1, "test");
    std::vector<std::uint32_t> hot;
    for (int round = 0; round < 40000; ++round) {  // only the first 64 units are ever rewritten
      const std::uint32_t plane = map.next_plane(0);
      REQUIRE(plane != PageMap::none_left);
      const std::uint32_t at = map.open_page(plane, false);
      for (std::uint32_t slot = 0; slot < 4; ++slot) {
        const auto unit = static_cast<std::uint32_t>(random.integer(0, 63));
        map.invalidate(unit);
        map.place(unit, at + slot, true);
      }
      map.make_room(plane, 3);
    }
    std::uint32_t least = ~0u, most = 0;
    for (std::uint32_t b = 0; b < s.layout.all_planes() * s.layout.blocks; ++b) {
      least = std::min(least, map.erases(b));
      most = std::max(most, map.erases(b));
    }
    return most - least;
  };
  const auto without = spread(0), with = spread(10);
  INFO("erases apart: " << without << " without, " << with << " with levelling");
  CHECK(without > 30);
  CHECK(with <= 15);
}
