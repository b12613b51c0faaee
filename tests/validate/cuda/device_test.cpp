// The GPU's wrappers: what is said without one, and that buffers, streams and graphs do what they
// say where there is one.
#include <catch2/catch.hpp>
#include <numeric>

#include "tests/validate/cuda/places.h"
#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/bench/bench_run.h"
#include "validate/cuda/bench/chase.h"
#include "validate/cuda/bench/layout.h"
#include "validate/cuda/graph.h"

using namespace terrace::cuda;

TEST_CASE("out of memory names what did not fit and how much is missing", "[cuda]") {
  const OutOfGpuMemory error("the weights", std::size_t{3} << 30, std::size_t{1} << 30);
  CHECK(std::string(error.what()) ==
        "the weights does not fit: it takes 3072.0 MiB, 1024.0 MiB are free, 2048.0 MiB are "
        "missing");
  CHECK(error.missing == std::size_t{2} << 30);
}

TEST_CASE("what is free in too small pieces does not fit either", "[cuda]") {
  const OutOfGpuMemory error("the cache", 1 << 20, 2 << 20);
  CHECK(error.missing == 0);
  CHECK_THAT(error.what(), Catch::Contains("not in one piece"));
}

TEST_CASE("a failed call is named; one that succeeds says nothing", "[cuda]") {
  CHECK_NOTHROW(check(0, "cudaMalloc"));
  if (compiled_with_cuda())
    CHECK_THROWS_WITH(check(1, "cudaMemcpy"),
                      "cudaMemcpy: invalid argument (cudaErrorInvalidValue)");
  else
    CHECK_THROWS_AS(check(1, "cudaMemcpy"), NoGpu);
}

TEST_CASE("without NVML nothing is told, and nothing breaks", "[cuda]") {
  const Nvml nvml("0000:00:00.0");  // no GPU has that place
  CHECK(nvml.state().power_w == 0);
  CHECK(nvml.pcie_width() == 0);
}

TEST_CASE("memory that is more than there is does not fit, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace&) {
    const std::size_t free = free_memory();
    try {
      const DeviceBuffer all(free + (std::size_t{1} << 34), "too much");
      FAIL("it fits");
    } catch (const OutOfGpuMemory& e) {
      CHECK(e.missing >= std::size_t{1} << 33);
      CHECK_THAT(e.what(), Catch::StartsWith("too much does not fit"));
    }
    CHECK_THROWS_AS(open_device(0, free + (std::size_t{1} << 34)), NoGpu);
    CHECK_THROWS_AS(open_device(1000), NoGpu);
  });
}

TEST_CASE("the copy kernel copies and the write kernel writes, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace& place) {
    std::vector<std::uint32_t> data(4 * 10007);
    std::iota(data.begin(), data.end(), 1u);
    const std::uint32_t* from = place.put(data);
    std::uint32_t* to = place.put(std::vector<std::uint32_t>(data.size(), 0));
    const Stream stream;
    launch_copy(to, from, data.size() * 4, place.info().multiprocessors, stream);
    stream.synchronize();
    CHECK(place.get(to, data.size()) == data);
    launch_write(to, data.size() * 4, place.info().multiprocessors, stream);
    std::uint32_t* sink = place.put(std::vector<std::uint32_t>(1024, 7));
    launch_read(from, data.size() * 4, sink, place.info().multiprocessors, stream);
    launch_read_again(from, data.size() * 4, 3, sink, place.info().multiprocessors, stream);
    stream.synchronize();
    CHECK(place.get(to, data.size()) == std::vector<std::uint32_t>(data.size(), 0));
    CHECK(place.get(sink, 1024) == std::vector<std::uint32_t>(1024, 7));
  });
}

TEST_CASE("the gather kernel brings the runs it should, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace& place) {
    constexpr int run_bits = 10, slot_bits = 4, unit_shift = 2;
    constexpr std::uint32_t per_run = 1 << unit_shift;
    GatherPlan plan;
    plan.unit_shift = unit_shift;
    plan.run_bits = run_bits;
    plan.runs = 256;
    std::vector<std::uint32_t> table((1u << run_bits) * per_run * 4);
    std::iota(table.begin(), table.end(), 0u);
    const std::uint32_t* from = place.put(table);
    std::uint32_t* sink = place.put(std::vector<std::uint32_t>(1024, 0));
    std::vector<std::uint32_t> pages(1u << (run_bits - slot_bits));
    for (std::uint32_t i = 0; i < pages.size(); ++i)
      pages[i] = static_cast<std::uint32_t>(pages.size()) - 1 - i;
    const std::uint32_t* page_table = place.put(pages);
    const Stream stream;
    for (const bool paged : {false, true}) {
      plan.slot_bits = slot_bits;
      plan.taken_bits = 2;
      plan.pages = paged ? page_table : nullptr;
      std::vector<std::uint32_t> wanted;
      for (std::uint32_t u = 0; u < plan.runs * per_run; ++u) {
        std::uint32_t source = gathered_unit(u, unit_shift, run_bits);
        if (paged) {
          const PagedRun r = paged_run(u / per_run, plan.taken_bits, slot_bits);
          source = ((pages[r.page] << slot_bits) + r.slot) * per_run + u % per_run;
        }
        for (std::uint32_t i = 0; i < 4; ++i) wanted.push_back(table[4 * source + i]);
      }
      std::uint32_t* to = place.put(std::vector<std::uint32_t>(wanted.size(), 0));
      launch_gather(plan, from, to, sink, place.info().multiprocessors, stream);
      launch_gather(plan, from, nullptr, sink, place.info().multiprocessors, stream);
      stream.synchronize();
      CHECK(place.get(to, wanted.size()) == wanted);
    }
  });
}

TEST_CASE("a chase ends where the ring says, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace& place) {
    constexpr std::uint32_t nodes = 1000, steps = 357;
    const std::vector<std::uint32_t> ring = chase_ring(nodes);
    std::vector<std::uint32_t> image(nodes * chase_node / 4, 0);
    for (std::uint32_t i = 0; i < nodes; ++i) image[i * chase_node / 4] = ring[i];
    const std::uint32_t* at = place.put(image);
    std::uint32_t* sink = place.put(std::vector<std::uint32_t>(1024, 0));
    std::uint32_t end = 5;
    for (std::uint32_t i = 0; i < steps; ++i) end = ring[end];
    const Stream stream;
    launch_chase(at, 5, steps, sink, stream);
    stream.synchronize();
    CHECK(place.get(sink, 1).front() == end);
  });
}

TEST_CASE("a captured graph does its work each time it is launched, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace& place) {
    const std::uint32_t* from = place.put(std::vector<std::uint32_t>(1024, 5));
    std::uint32_t* to = place.put(std::vector<std::uint32_t>(1024, 0));
    const Stream stream;
    const Graph graph(stream, [&] { launch_copy(to, from, 4096, 1, stream); });
    stream.synchronize();
    CHECK(place.get(to, 1024) == std::vector<std::uint32_t>(1024, 0));
    graph.launch(stream);
    stream.synchronize();
    CHECK(place.get(to, 1024) == std::vector<std::uint32_t>(1024, 5));
  });
}

TEST_CASE("events order streams and tell time, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace&) {
    const Stream one, two;
    const Event start, end;
    start.record(one);
    launch_delay(2e-3, one);
    end.record(one);
    two.wait(end);
    launch_empty(two);
    two.synchronize();
    CHECK(end.seconds_since(start) >= 1.9e-3);
    CHECK(end.seconds_since(start) < 1);
  });
}

TEST_CASE("a measurement that is stopped leaves nothing, on a GPU", "[cuda][gpu]") {
  on_gpu([](DevicePlace& place) {
    struct Stop {};
    BenchHooks hooks;
    hooks.breathe = [] {};
    hooks.progress = [](std::size_t done, std::size_t, const std::string&) {
      if (done == 2) throw Stop();
    };
    CHECK_THROWS_AS(measure({"launch"}, true, place.info(), hooks), Stop);
    hooks.progress = [](std::size_t, std::size_t, const std::string&) {};
    const BenchReport report = measure({"launch"}, true, place.info(), hooks);
    CHECK(report.points.size() == 4);
    for (const MeasuredCase& p : report.points) CHECK(p.summary.median > 0);
  });
}
