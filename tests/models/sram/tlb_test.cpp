// Translation: reach, the cost of a miss, what cached entries save, and what cannot be built.
#include "models/sram/tlb.h"

#include <catch2/catch.hpp>

#include "tests/models/sram/l2_walks.h"

using namespace terrace;
using namespace terrace::sram_test;

namespace {

constexpr double kib = 1024, mib = 1024 * kib, gib = 1024 * mib;

TlbParams params(double page, std::uint32_t entries, std::uint32_t walk_cache = 0) {
  TlbParams p;
  p.page = Bytes(page);
  p.levels = {TlbLevel()};
  p.levels[0].entries = entries;
  p.levels[0].latency = Seconds(1e-9);
  p.walk_step = Seconds(50e-9);
  p.walk_cache = walk_cache;
  return p;
}

// Share of walks when a footprint is read page by page, again and again.
double walks(const TlbParams& p, double footprint, int passes = 4) {
  Tlb tlb(p);
  const auto pages = static_cast<std::uint64_t>(footprint / p.page.value());
  std::uint64_t n = 0;
  for (int pass = 0; pass <= passes; ++pass)
    for (std::uint64_t i = 0; i < pages; ++i)
      n += tlb.translate(i * static_cast<std::uint64_t>(p.page.value())).walked() && pass > 0;
  return double(n) / double(pages * static_cast<std::uint64_t>(passes));
}

std::string mistake(const std::string& yaml) {
  try {
    device_of(yaml);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a TLB reaches its entries times the page size", "[sram][tlb]") {
  for (const double page : {4 * kib, 64 * kib, 2 * mib, 1 * gib}) {
    const TlbParams p = params(page, 64);
    CHECK(Tlb(p).reach(0) == Bytes(64 * page));
    CHECK(walks(p, 64 * page) == 0);
    CHECK(walks(p, 65 * page) == 1);  // LRU, one page more than fits
  }
}

TEST_CASE("a miss costs a step for each level of the page table above and at the page",
          "[sram][tlb]") {
  // 512 GiB, 1 GiB and 2 MiB entries, then the page's own: 4 KiB 4 steps, 2 MiB 3, 1 GiB 2.
  const std::pair<double, int> rows[] = {{4 * kib, 4}, {64 * kib, 4}, {2 * mib, 3}, {1 * gib, 2}};
  for (const auto& [page, steps] : rows) {
    Tlb tlb(params(page, 64));
    const Tlb::Answer miss = tlb.translate(0), hit = tlb.translate(1);
    CHECK(miss.steps == static_cast<std::uint32_t>(steps));
    CHECK(miss.latency == Time::ps(1000 + 50000 * steps));
    CHECK(hit.latency == Time::ps(1000));
    CHECK_FALSE(hit.walked());
  }
}

TEST_CASE("a walk cache leaves the last step of a walk alone", "[sram][tlb]") {
  Tlb tlb(params(4 * kib, 16, 32));
  CHECK(tlb.translate(0).steps == 4);
  for (std::uint64_t page = 1; page < 512; ++page)  // below the same 2 MiB entry
    REQUIRE(tlb.translate(page * 4096).steps == 1);
  CHECK(tlb.translate(1ull << 21).steps == 2);  // another 2 MiB entry below the same 1 GiB entry
  CHECK(tlb.translate(1ull << 30).steps == 3);
  CHECK(tlb.translate(1ull << 39).steps == 4);
}

TEST_CASE("mean cost of random translations is that of the share that misses", "[sram][tlb]") {
  // n of N pages are held, all alike: a use hits with probability n / N. Closed form: 1 ns + (1 -
  // n/N) x 3 steps x 50 ns.
  const TlbParams p = params(2 * mib, 256);
  Tlb tlb(p);
  RandomStream random(1, "pages");
  double sum = 0;
  const int warm = 20000, measured = 100000;
  for (int i = 0; i < warm + measured; ++i) {
    const auto page = static_cast<std::uint64_t>(random.integer(0, 1023));
    const Time latency = tlb.translate(page << 21).latency;
    if (i >= warm) sum += latency.seconds() * 1e9;
  }
  const double got = sum / measured, wanted = 1 + 0.75 * 150;
  INFO(got << " ns, closed form " << wanted << ", " << parts::percent_off(got, wanted) << " %");
  CHECK(std::abs(got / wanted - 1) < 0.01);
}

TEST_CASE("entries kept in the L2 cache raise the reach by what they take of it", "[sram][tlb]") {
  TlbParams p = params(4 * kib, 64);
  const double before = Tlb(p).reach(0).value();
  p.in_l2 = TlbInL2();  // 1 MiB in blocks of 64 B, 8 entries each
  const Tlb tlb(p);
  CHECK(tlb.reach(1) == Bytes(1 * mib / 64 * 8 * 4 * kib));
  CHECK(tlb.reach(1).value() / before == 2048);
  CHECK(walks(p, 128 * mib, 1) == 0);
  p.in_l2.reset();
  CHECK(walks(p, 128 * mib, 1) == 1);
}

TEST_CASE("a TLB in front of a memory adds its latency on a hit and the walk on a miss",
          "[sram][tlb]") {
  const auto d = device_of(
      "{kind: tlb, page: 2MiB, levels: [{entries: 16, latency: 2ns}], walk_step: 50ns, "
      "walk_cache: 0, walkers: 1, below: {kind: simple_memory, capacity: 1GB, bandwidth: 32GB/s, "
      "latency: 30ns}}");
  std::vector<BurstAnswer> answers;
  const auto run = [&](Time now, std::vector<std::uint64_t> addresses) {
    answers.clear();
    for (const std::uint64_t a : addresses) REQUIRE(d->offer({a, a, 32, Direction::read}, now));
    while (d->next_event() != Time::never()) d->advance(d->next_event(), answers);
    return (answers.back().at - now).ps();
  };
  CHECK(run(Time(), {0}) == 2000 + 150000 + 31000);
  CHECK(run(Time::ps(1000000), {64}) == 2000 + 31000);
  // One walker: two pages, one walk after the other; a second load of a page waits for its walk.
  CHECK(run(Time::ps(2000000), {2u << 20, 4u << 20}) == 2000 + 300000 + 31000);
  CHECK(run(Time::ps(3000000), {6u << 20, (6u << 20) + 32}) == 2000 + 150000 + 30000 + 2000);
}

TEST_CASE(
    "streams lose nothing to a TLB that reaches them and little to one that walks once a page",
    "[sram][tlb]") {
  const auto d = device("sram/gpu_tlb.yaml");
  BurstPattern p;
  p.sequential = true;
  p.run_length = p.request_bytes = 128;
  p.footprint = 64 << 20;
  const BurstMeasurement m = drive(*d, p, 400000, 524288);
  INFO("share of peak " << m.share_of_peak);
  CHECK(m.share_of_peak > 0.99);
}

TEST_CASE("translations that cannot be built are one clear mistake each", "[sram][tlb]") {
  CHECK_THAT(mistake("{kind: tlb, page: 16KiB}"),
             Catch::Contains("page") && Catch::Contains("unreachable"));
  CHECK_THAT(mistake("{kind: tlb, levels: [{entries: 48, ways: 4}]}"),
             Catch::Contains("levels[0].entries") && Catch::Contains("power of two"));
  CHECK_THAT(mistake("{kind: tlb, levels: [{entries: 50, ways: 4}]}"),
             Catch::Contains("do not divide"));
  CHECK_THAT(mistake("{kind: tlb, levels: [{entries: 8, ways: 16}]}"),
             Catch::Contains("more than the 8 entries"));
  CHECK_THAT(mistake("{kind: tlb, in_l2: {cache: 1MiB, capacity: 2MiB}}"),
             Catch::Contains("in_l2.capacity") && Catch::Contains("overflows"));
  CHECK_THAT(mistake("{kind: tlb, page: 1GiB, address_bits: 32, levels: [{entries: 8}], below: "
                     "{kind: simple_memory, capacity: 1GB}}"),
             Catch::Contains("overflow an address of 32 bits"));
  CHECK_THAT(mistake("{kind: tlb, address_bits: 32, below: {kind: simple_memory, capacity: 80GB}}"),
             Catch::Contains("32 bits"));
}
