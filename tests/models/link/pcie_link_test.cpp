// PCIe packet by packet against the arithmetic of its packets, credits and tags.
#include <catch2/catch.hpp>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

// A link without copy costs, SKP ordered sets and DLLPs: packets alone.
std::string bare(const std::string& more) {
  return "{kind: pcie_link, skip_every: 0, management: 0, one_copy_at_a_time: false" +
         (more.empty() ? more : ", " + more) + "}";
}
constexpr double gen5 = 16 * 32e9 * 128 / 130 / 8;
constexpr std::uint32_t big = 8u << 20;

}  // namespace

TEST_CASE("PCIe x16 has the peak of its generation at burst level", "[pcie][burst]") {
  const std::pair<int, double> raw[] = {{3, 15.75e9}, {4, 31.5e9}, {5, 63.0e9}, {6, 121e9}};
  for (const auto& [generation, rate] : raw) {
    const auto link = link_of("{kind: pcie_link, generation: " + std::to_string(generation) + "}");
    CHECK(std::abs(percent_off(link->peak(Direction::read).value(), rate)) < 0.1);
  }
}

TEST_CASE("every PCIe write packet pays 24 bytes", "[pcie][burst][closed_form]") {
  for (const double mps : {128.0, 256.0, 512.0}) {
    const double share = mps / (mps + 24);  // 84.2, 91.4, 95.5 %
    const std::string size = std::to_string(static_cast<int>(mps));
    const std::string completion = mps < 256 ? ", completion: 128B" : "";
    const double got =
        rate_of(bare("max_payload: " + size + "B" + completion), big, 0, 2, 4) / gen5;
    INFO("MPS / (MPS + 24) = " << share << ", simulated " << got << ", " << percent_off(got, share)
                               << " % off");
    CHECK(std::abs(percent_off(got, share)) < 0.1);
  }
}

TEST_CASE("every PCIe completion pays 20 bytes, and DLLPs ride beside it",
          "[pcie][burst][closed_form]") {
  const double clean = 256.0 / 276;
  CHECK(std::abs(percent_off(rate_of(bare(""), big, 1, 2, 4) / gen5, clean)) < 0.1);
  // An Ack and an UpdateFC of 8 B for each request of 512 B, towards the GPU as the completions.
  const double taxed = 512.0 / (2 * 276 + 16);
  const double got =
      rate_of("{kind: pcie_link, skip_every: 0, one_copy_at_a_time: false}", big, 1, 2, 4) / gen5;
  INFO("512 / (2 x 276 + 16) = " << taxed << ", simulated " << got);
  CHECK(std::abs(percent_off(got, taxed)) < 0.1);
  CHECK(1 - taxed / clean > 0.02);  // "DLLP, ack and flow control take 2-5 %"
  CHECK(1 - taxed / clean < 0.05);
}

TEST_CASE("PCIe 6 packs packets into flits with 236 bytes for them", "[pcie][burst][closed_form]") {
  const double wire = 16 * 64e9 / 8;
  const double bound = wire * 236 / 256 * 256 / (256 + 16);
  const std::string link =
      "{kind: pcie_link, generation: 6, skip_every: 0, posted_headers: 512, "
      "one_copy_at_a_time: false}";
  const double got = rate_of(link, big, 0, 2, 4);
  INFO("128 GB/s x 236/256 x 256/272 = " << bound << ", simulated " << got);
  CHECK(std::abs(percent_off(got, bound)) < 0.1);
}

TEST_CASE("tags x request size / round trip bounds PCIe reads", "[pcie][burst][closed_form]") {
  for (const int tags : {1, 4, 16}) {
    // 24 B out, 100 ns, 300 ns of memory and 512 B of it at 200 GB/s, two completions, 100 ns.
    const double trip = 500e-9 + 512 / 200e9 + (24 + 2 * 276) / gen5;
    const double bound = tags * 512 / trip;
    const double got = rate_of(bare("tags: " + std::to_string(tags)), 1u << 20, 1, 2, 4);
    INFO(tags << " tags: " << bound << ", simulated " << got);
    CHECK(got < bound * 1.001);
    CHECK(got > bound * 0.96);  // replies that meet on the lane wait for each other
  }
}

TEST_CASE("posted credits / their round trip bound PCIe writes", "[pcie][burst][closed_form]") {
  for (const int credits : {1, 4, 16}) {
    const double trip = 280 / gen5 + 100e-9 + 256 / 200e9 + 25e-9 + 100e-9;
    const double bound = credits * 256 / trip;
    const double by_header =
        rate_of(bare("posted_headers: " + std::to_string(credits)), 1u << 20, 0, 2, 4);
    const double by_data =
        rate_of(bare("posted_data: " + std::to_string(credits * 256) + "B"), 1u << 20, 0, 2, 4);
    INFO(credits << " packets: " << bound << ", simulated " << by_header << " and " << by_data);
    CHECK(by_data == by_header);
    CHECK(by_header < bound * 1.001);
    CHECK(by_header > bound * 0.98);
  }
}

TEST_CASE("PCIe reads and writes at once share only headers and DLLPs",
          "[pcie][burst][closed_form]") {
  // Out: 512 B written take 2 x 280 B, and 512 B read a request of 24 B. Two completions and their
  // Acks, two posted packets and theirs: the writes are the slower half of an even mix.
  const std::string link = "{kind: pcie_link, skip_every: 0, one_copy_at_a_time: false}";
  const double bound = 2 * 512.0 / (2 * 280 + 24 + 2 * 8) * gen5;
  const double got = rate_of(link, 1u << 20, 0.5, 16, 256);
  INFO("bound " << bound << ", simulated " << got << ", " << percent_off(got, bound) << " % off");
  CHECK(got < bound * (1 + 1.0 / 256));  // a transfer lies across the start of the measurement
  CHECK(got > bound * 0.97);
}

TEST_CASE("a small PCIe copy takes the host's turn, a large one the wire's", "[pcie][burst]") {
  const std::string link =
      "{kind: pcie_link, issue: 3us, engine: 2us, skip_every: 0, management: 0}";
  CHECK(rate_of(link, 4096, 0, 8, 64) == Approx(4096 / 3e-6).epsilon(1e-3));
  const double large = 2e-6 + 100e-9 + 25e-9 + 256 / 200e9 + 1048576 / 256 * 280 / gen5;
  CHECK(rate_of(link, 1u << 20, 0, 8, 32) == Approx(1048576 / large).epsilon(1e-3));
  CHECK(seconds_of(link, 1u << 20, Direction::write) == Approx(3e-6 + large).epsilon(1e-3));
}

TEST_CASE("requests end where PCIe says they must", "[pcie][burst]") {
  const auto link = link_of(bare(""));
  std::vector<BurstAnswer> answers;
  // 1000 B from 100: reads end at 512 and 1024, completions at 256, 512, 768 and 1024.
  REQUIRE(link->offer({1, 100, 1000, Direction::read}, Time()));
  REQUIRE(link->offer({2, 100, 1000, Direction::write}, Time()));
  while (link->next_event() != Time::never()) link->advance(link->next_event(), answers);
  CHECK(answers.size() == 2);
  CHECK(times_of(*link, "read_request") == 3);
  CHECK(times_of(*link, "read_reply") == 5);
  CHECK(times_of(*link, "write_packet") == 5);
  CHECK(times_of(*link, "wire_out") == 3 * 24 + 5 * 24 + 1000);
  CHECK(times_of(*link, "wire_back") == 5 * 20 + 1000);
  for (const BurstCount& c : link->counts())
    if (c.name == "wire_back") {
      CHECK(c.energy.value() == Approx(1100 * 8 * 11.4e-12));
    }
}

TEST_CASE("jumping over repetitions changes no answer and no count", "[pcie][burst]") {
  // Long copies in both directions that begin in the midst of each other.
  const auto run_with = [](const std::string& yaml, bool folding) {
    const auto link = link_of(yaml);
    link->set_folding(folding);
    std::vector<BurstAnswer> answers;
    Time now;
    const auto until = [&](Time end) {
      for (Time t = link->next_event(); t <= end && t != Time::never(); t = link->next_event())
        link->advance(now = t, answers);
      if (end != Time::never()) now = end;
    };
    for (std::uint64_t i = 0; i < 6; ++i) {
      REQUIRE(link->offer({i, i * 4099, 3000000 + static_cast<std::uint32_t>(i) * 77,
                           i % 3 == 1 ? Direction::write : Direction::read},
                          now));
      until(now + Time::ps(37123457));
    }
    until(Time::never());
    std::vector<std::int64_t> out;
    for (const BurstAnswer& a : answers) {
      out.push_back(static_cast<std::int64_t>(a.id));
      out.push_back(a.at.ps());
    }
    for (const BurstCount& c : link->counts()) out.push_back(c.times);
    return out;
  };
  for (const char* yaml : {"{kind: pcie_link, engine: 2us, issue: 1us, notice: 5us}",
                           "{kind: pcie_link, generation: 6}", "{kind: pcie_link, tags: 20}",
                           "{kind: nvlink_link}", "{kind: roce_link}", "{kind: cxl_link}"}) {
    INFO(yaml);
    CHECK(run_with(yaml, true) == run_with(yaml, false));
  }
}

TEST_CASE("a link passes requests on to the memory below it", "[pcie][burst]") {
  // Another link serves as that memory: 64 B at a time, four of them for a completion of 256 B.
  const std::string cxl = "{kind: cxl_link, memory_size: 1MiB}";
  const auto link = link_of(bare("below: " + cxl));
  CHECK(link->footprint_limit() == 1u << 20);
  std::vector<BurstAnswer> answers;
  REQUIRE(link->offer({1, 0, 256, Direction::read}, Time()));
  while (link->next_event() != Time::never()) link->advance(link->next_event(), answers);
  const double alone = seconds_of(cxl, 256, Direction::read);
  const double expected = 200e-9 + (24 + 276) / gen5 + alone;
  CHECK(answers.at(0).at.seconds() == Approx(expected).epsilon(2e-3));
  CHECK(times_of(*link, "below.read_request") == 4);
  const double through = rate_of(bare("below: " + cxl), 65536, 1, 4, 32);
  CHECK(through == Approx(rate_of(cxl, 65536, 1, 4, 32)).epsilon(0.02));  // the slower of the two
}

TEST_CASE("a PCIe link refuses what the standard does not have", "[pcie][burst]") {
  const auto refuses = [](const std::string& yaml, const std::string& what) {
    CHECK_THROWS_WITH(chosen<BurstDevice>("{kind: pcie_link, " + yaml + "}"),
                      Catch::Contains(what));
  };
  refuses("lanes: 3", "member.lanes");
  refuses("generation: 2", "member.generation");
  refuses("generation: 7", "member.generation");
  refuses("max_payload: 8192B", "member.max_payload");
  refuses("max_payload: 300B", "member.max_payload");
  refuses("max_payload: 128B", "member.completion: 256B is more than max_payload, 128B");
  refuses("completion: 96B", "member.completion: must be a multiple of read_boundary");
  refuses("posted_headers: 0", "member.posted_headers");
  refuses("posted_data: 0B", "member.posted_data");
  refuses("posted_data: 128B", "member.posted_data: has no room for 1 packets of max_payload");
  refuses("tags: 0", "member.tags");
  refuses("generation: 3, tags: 512", "member.tags: generation 3 has tags for 256 requests");
  refuses("read_headers: 2, update_every: 4",
          "member.update_every: is more than the credits for headers");
  refuses("flight: -1ns", "member.flight");
  const auto link = link_of("{kind: pcie_link, memory_size: 4KiB}");
  CHECK_THROWS_AS(link->offer({0, 4000, 97, Direction::read}, Time()), std::invalid_argument);
  CHECK_THROWS_AS(link->offer({0, 0, 0, Direction::read}, Time()), std::invalid_argument);
}
