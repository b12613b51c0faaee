// Which addresses the measured kernels touch, asked of the same functions on the host.
#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "validate/cuda/bench/chase.h"
#include "validate/cuda/bench/layout.h"

using namespace terrace::cuda;

TEST_CASE("a kernel in grid strides covers every unit exactly once", "[cuda]") {
  for (const std::uint64_t threads : {1u, 512u, 1536u})
    for (const std::uint64_t units : {1u, 511u, 2048u, 10007u}) {
      std::vector<int> touched(units, 0);
      for (std::uint64_t thread = 0; thread < threads; ++thread)
        for (std::uint64_t round = 0; round < strided_rounds(units, threads); ++round)
          for (int load = 0; load < in_flight; ++load)
            if (const std::uint64_t at = strided_unit(thread, threads, round, load); at < units)
              ++touched[at];
      INFO(threads << " threads, " << units << " units");
      CHECK(std::count(touched.begin(), touched.end(), 1) == static_cast<std::ptrdiff_t>(units));
    }
}

TEST_CASE("neighbouring threads touch neighbouring units", "[cuda]") {
  CHECK(strided_unit(6, 1024, 3, 2) == strided_unit(5, 1024, 3, 2) + 1);
}

TEST_CASE("a footprint read again is read as often everywhere, but for the last turn", "[cuda]") {
  for (const std::uint64_t units : {96u, 512u, 5000u})
    for (const std::uint64_t threads : {64u, 512u, 2048u}) {
      const std::uint64_t passes = 7, loads = wrapped_loads(units, passes, threads);
      REQUIRE(loads * threads >= units * passes);
      CHECK(loads * threads < units * passes + threads * in_flight);
      std::vector<std::uint64_t> touched(units, 0);
      for (std::uint64_t thread = 0; thread < threads; ++thread) {
        std::uint64_t at = thread % units;
        for (std::uint64_t i = 0; i < loads; ++i) {
          REQUIRE(at == (i * threads + thread) % units);  // as if the footprint were endless
          ++touched[at];
          at = wrapped_next(at, threads % units, units);
        }
      }
      const auto [least, most] = std::minmax_element(touched.begin(), touched.end());
      CHECK(*most - *least <= 1);
    }
}

TEST_CASE("the order of a gather is a permutation of the runs", "[cuda]") {
  for (int bits = 0; bits <= 18; ++bits) {
    const std::uint32_t runs = 1u << bits;
    std::vector<char> seen(runs, 0);
    for (std::uint32_t i = 0; i < runs; ++i) {
      REQUIRE(scatter(i, bits) < runs);
      seen[scatter(i, bits)] = 1;
    }
    INFO(bits << " bits");
    CHECK(std::count(seen.begin(), seen.end(), 1) == static_cast<std::ptrdiff_t>(runs));
  }
}

TEST_CASE("runs that follow each other in a gather lie far apart", "[cuda]") {
  constexpr int bits = 16;
  std::uint32_t near = 0;
  for (std::uint32_t i = 1; i < 1u << bits; ++i) {
    const std::uint32_t a = scatter(i - 1, bits), b = scatter(i, bits);
    near += std::max(a, b) - std::min(a, b) < 64;
  }
  // By chance 2 · 64 / 65536 of them, 128; twice that is many.
  CHECK(near < 256);
}

TEST_CASE("a gather of all runs of a table reads every unit of it once", "[cuda]") {
  for (const int unit_shift : {0, 1, 2, 6}) {
    const std::uint32_t units = 1024u << unit_shift;
    std::vector<int> touched(units, 0);
    for (std::uint32_t u = 0; u < units; ++u) ++touched.at(gathered_unit(u, unit_shift, 10));
    CHECK(std::count(touched.begin(), touched.end(), 1) == static_cast<std::ptrdiff_t>(units));
  }
}

TEST_CASE("units of a run stay side by side", "[cuda]") {
  for (std::uint32_t u = 0; u < 4096; ++u) {
    if (u % 4 == 3) continue;
    CHECK(gathered_unit(u + 1, 2, 12) == gathered_unit(u, 2, 12) + 1);
  }
}

TEST_CASE("of every page as many runs are taken, none of them twice", "[cuda]") {
  constexpr int slot_bits = 6, taken_bits = 4, taken = 1 << taken_bits;
  constexpr std::uint32_t pages = 100;
  std::vector<std::vector<int>> touched(pages, std::vector<int>(1 << slot_bits, 0));
  for (std::uint32_t run = 0; run < pages * taken; ++run) {
    const PagedRun r = paged_run(run, taken_bits, slot_bits);
    ++touched.at(r.page).at(r.slot);
  }
  bool differ = false;
  for (const std::vector<int>& page : touched) {
    CHECK(std::count(page.begin(), page.end(), 1) == taken);
    CHECK(std::count(page.begin(), page.end(), 0) == (1 << slot_bits) - taken);
    differ = differ || page != touched.front();
  }
  CHECK(differ);
}

TEST_CASE("a pointer chase is one cycle through all nodes", "[cuda]") {
  for (const std::uint32_t nodes : {2u, 3u, 1000u, 65536u}) {
    const std::vector<std::uint32_t> ring = chase_ring(nodes);
    std::uint32_t at = 0, steps = 0;
    do {
      at = ring.at(at);
      ++steps;
    } while (at != 0 && steps <= nodes);
    INFO(nodes << " nodes");
    CHECK(steps == nodes);
  }
}
