// Cases of the micro-benchmarks: what they are called, what they move, median and spread.
#include <catch2/catch.hpp>
#include <set>

#include "validate/cuda/bench/bench_run.h"

using namespace terrace;
using namespace terrace::cuda;

namespace {

std::vector<Case> cases(const std::string& group, bool quick = false) {
  return cases_of(group, *Choice<BenchGroup>::of(group).make({}), quick);
}

const Case& find(const std::vector<Case>& all, const std::string& text) {
  for (const Case& c : all)
    if (c.text() == text) return c;
  throw std::logic_error("no case " + text);
}

}  // namespace

TEST_CASE("the median of repeats lies between their tenths", "[cuda]") {
  Case time;
  time.group = "launch";
  time.name = "alone";
  Sample sample;
  for (int i = 11; i >= 1; --i) sample.push_back(i);  // 1 … 11 s
  const Summary s = summarise(time, sample);
  CHECK(s.median == 6);
  CHECK(s.p10 == 2);
  CHECK(s.p90 == 10);
  CHECK(s.repeats == 11);
  CHECK(summarise(time, {1, 2}).median == 1.5);
}

TEST_CASE("the tenths of a rate are those of the rate, not of the time", "[cuda]") {
  Case rate;
  rate.unit = "B/s";
  rate.work = 100;
  const Summary s = summarise(rate, {1, 2, 4});
  CHECK(s.median == 50);
  CHECK(s.p10 == Approx(25 + 0.2 * 25));
  CHECK(s.p90 == Approx(50 + 0.8 * 50));
}

TEST_CASE("a case that was never measured has no median", "[cuda]") {
  CHECK_THROWS_AS(summarise(Case{}, {}), std::logic_error);
}

TEST_CASE("repeats end with time, but not before there are some and not after many", "[cuda]") {
  const Repeats r{5, 20, 0.1};
  CHECK_FALSE(r.enough(4, 10));
  CHECK_FALSE(r.enough(5, 0.05));
  CHECK(r.enough(5, 0.1));
  CHECK(r.enough(20, 0));
}

TEST_CASE("every case of every group has a name of its own, a unit and quick ones are among all",
          "[cuda]") {
  for (const std::string& group : Registry<BenchGroup>::family().names()) {
    std::set<std::string> names;
    for (const Case& c : cases(group)) {
      CHECK(names.insert(c.text()).second);
      CHECK(c.text().rfind(group + ".", 0) == 0);
      CHECK((c.unit == "s") == (c.work == 0));
      CHECK(c.memory < std::uint64_t{20} << 30);  // fits on the smallest GPU of today with 24 GB
    }
    INFO(group);
    CHECK(names.size() >= 4);
    const std::vector<Case> quick = cases(group, true);
    CHECK(quick.size() < names.size());
    for (const Case& c : quick) {
      INFO(c.text());
      CHECK(names.count(c.text()) == 1);
    }
  }
}

TEST_CASE("a copy moves each byte twice, a read once", "[cuda]") {
  const std::vector<Case> hbm = cases("hbm");
  CHECK(find(hbm, "hbm.copy bytes=1048576 cold").work == 2 * 1048576);
  CHECK(find(hbm, "hbm.read bytes=1048576 warm").work == 1048576);
  const std::vector<Case> gather = cases("gather");
  CHECK(find(gather, "gather.random run=32 bytes=536870912 cold").work == 2 * 536870912.0);
  CHECK(find(gather, "gather.random_read run=32 bytes=536870912 cold").work == 536870912);
  CHECK(find(cases("pcie"), "pcie.both_pinned bytes=1073741824").work == 2 * 1073741824.0);
}

TEST_CASE("matrices are those of the models' configs", "[cuda]") {
  // Llama-3.1-8B: hidden 4096, 32 query and 8 KV heads of 128, MLP 14336, vocabulary 128256.
  const std::vector<Case> gemm = cases("gemm");
  for (const char* shape :
       {"n=6144 k=4096", "n=4096 k=4096", "n=28672 k=4096", "n=4096 k=14336", "n=128256 k=4096"})
    for (const char* format : {"bf16", "fp8"}) {
      const Case& c = find(gemm, std::string("gemm.") + format + " m=64 " + shape + " cold");
      CHECK(c.work == 2 * c["m"] * c["n"] * c["k"]);
      CHECK(c.oldest_sm == (c.name == "fp8" ? 89 : 80));
    }
}

TEST_CASE("decode attention counts keys and values, prefill the causal pairs", "[cuda]") {
  const std::vector<Case> all = cases("attention");
  CHECK(find(all, "attention.decode heads=32 kv_heads=8 head_dim=128 batch=8 length=4096 cold")
            .work == 8.0 * 4096 * 8 * 128 * 2 * 2);
  CHECK(find(all, "attention.prefill heads=32 kv_heads=8 head_dim=128 batch=1 length=4096 cold")
            .work == 4.0 * 4096 * 4097 / 2 * 32 * 128);
}

TEST_CASE("codes move the numbers, the codes and their scales", "[cuda]") {
  // int4 in groups of 128: half a byte a number and two 16-bit scales for 64 B of codes.
  const std::vector<Case> all = cases("kv_ops");
  const Case& c = find(all, "kv_ops.quantize_int4 tokens=4096 cold");
  CHECK(c.work == 4096.0 * 1024 * (2 + 0.5 + 4.0 / 128));
}

TEST_CASE("a case that does not fit says what is missing, an older GPU what it lacks", "[cuda]") {
  DeviceInfo gpu;
  gpu.sm = 80;
  gpu.memory_free = std::size_t{1} << 30;
  Case c;
  c.memory = std::uint64_t{3} << 30;
  CHECK(why_not(c, gpu) ==
        "it does not fit: it takes 3072.0 MiB, 1024.0 MiB are free, 2048.0 MiB are missing");
  c.memory = 0;
  CHECK(why_not(c, gpu).empty());
  c.oldest_sm = 89;
  CHECK(why_not(c, gpu) == "needs compute capability 8.9");
}
