// Address mappings: each address has a place of its own, with any number of channels.
#include <set>
#include <tuple>

#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

TEST_CASE("every mapping gives each burst of a channel a place of its own", "[dram][mapping]") {
  for (const char* mapping :
       {"{kind: field_order, order: RoBaRaCoCh}", "{kind: field_order, order: RoCoBaBgPcSi}",
        "{kind: bank_xor, order: RoBaCoBgRaClCh, low_columns: 4}", "{kind: mop, run: 4}",
        "{kind: mop, run: 8, flip: false}"}) {
    INFO(mapping);
    const DramParams p = params(std::string("{kind: dram, standard: {extends: hbm3.yaml, geometry: "
                                            "{row: 16}}, mapping: ") +
                                mapping + "}");
    const CommandTable t(p.standard);
    const MappingPlan plan = mapping_plan(p, t);
    std::set<std::tuple<int, std::uint32_t, std::uint32_t>> places;
    const std::uint64_t bursts = p.standard.channel_bytes() / 32;
    for (std::uint64_t i = 0; i < bursts; ++i) {
      const Location at = plan.locate(i);
      places.insert({at.bank, at.row, at.column});
      REQUIRE(at.bank < t.banks());
      REQUIRE(at.row < 16);
      REQUIRE(at.column < 32);
    }
    CHECK(places.size() == bursts);
  }
}

TEST_CASE("a stream meets all of 80 or 96 channels alike, and no two bursts share a place",
          "[dram][mapping]") {
  for (const int channels : {1, 5, 80, 96}) {
    for (const bool hash : {false, true}) {
      const ChannelSplit split(channels, 8, hash);
      std::vector<int> load(static_cast<std::size_t>(channels), 0);
      std::set<std::pair<int, std::uint64_t>> places;
      const int bursts = channels * 8 * 20;
      for (int i = 0; i < bursts; ++i) {
        const auto place = split.of(static_cast<std::uint64_t>(i));
        ++load[static_cast<std::size_t>(place.first)];
        places.insert(place);
      }
      CHECK(places.size() == static_cast<std::size_t>(bursts));
      for (const int n : load) CHECK(n == 160);
    }
  }
}

TEST_CASE("a stride of the channel count meets one channel unless the channels are hashed",
          "[dram][mapping]") {
  for (const bool hash : {false, true}) {
    const ChannelSplit split(80, 8, hash);
    std::set<int> met;
    for (std::uint64_t i = 0; i < 4000; ++i) met.insert(split.of(i * 80 * 8).first);
    CHECK(met.size() == (hash ? 80u : 1u));
  }
}

TEST_CASE("MOP4CLXOR lays four neighbouring bursts in four banks, as Ramulator 2.1 does",
          "[dram][mapping]") {
  const DramParams p = params("hbm3_channel.yaml");
  const CommandTable t(p.standard);
  const MappingPlan plan = mapping_plan(p, t);
  std::set<int> banks;
  for (std::uint64_t i = 0; i < 4; ++i) banks.insert(plan.locate(i).bank);
  CHECK(banks.size() == 4);
}
