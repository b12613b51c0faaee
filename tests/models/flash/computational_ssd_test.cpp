// A computational drive at flow level: inside and outside bandwidth apart, the engine's rate,
// sparse layouts, peer to peer.
#include <catch2/catch.hpp>

#include "models/flash/attention_engine.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

struct Bench {
  Machine machine;
  explicit Bench(const std::string& yaml) {
    const DeviceId gpu = add_gpu(machine, "gpu0");
    const DeviceId host = add(machine, "host", "host/xeon_8480.yaml");
    const DeviceId csd = add(machine, "csd0", yaml);
    join(machine, gpu, host, "link/pcie5_x16.yaml");
    join(machine, csd, host, "link/pcie4_x4.yaml");
  }
  // K and V of one head shared by `queries`: 2 FLOP for each query and number.
  Op attention(double bytes, double queries = 1, Format format = Format::fp16) const {
    Op op;
    op.kind = OpKind::in_storage_attention;
    op.label = "attention";
    op.engine = machine.find_engine("csd0.attention");
    op.format = format;
    op.flops = bytes / bytes_of(format) * 2 * queries;
    op.attention.sequences = 1;
    op.attention.head_dim = op.attention.value_dim = 128;
    op.attention.kv_format = format;
    op.attention.kv_tokens = bytes / bytes_of(format) / 256;
    op.reads(machine.find_tier("csd0.flash"), bytes);
    return op;
  }
};

}  // namespace

TEST_CASE("attention in a drive reads at min(inside, engine) and leaves the link alone",
          "[csd][closed_form]") {
  const double bytes = 10e9;
  const Bench b("flash/csd_instinfer.yaml");
  for (const double queries : {1.0, 4.0}) {
    const double bound = std::min(11.2e9, 12.7e9 / queries);  // 1 FLOP for a byte and query
    const double got = bytes / run(b.machine, {b.attention(bytes, queries)});
    INFO(queries << " queries: bound " << bound / 1e9 << " GB/s, got " << got / 1e9);
    CHECK(std::abs(percent_off(got, bound)) < 0.1);
  }
  const double out =
      bytes / run(b.machine, {copy(b.machine, "csd0.dma", "csd0.flash", "gpu0.hbm", bytes)});
  CHECK(std::abs(percent_off(out, 7e9)) < 1);  // outside: PCIe 4 x4
}

TEST_CASE("attention and a copy out of the drive share its channels", "[csd][closed_form]") {
  const Bench b("flash/csd_instinfer.yaml");
  const double bytes = 10e9;
  const double got = run(b.machine, {b.attention(bytes),
                                     copy(b.machine, "csd0.dma", "csd0.flash", "gpu0.hbm", bytes)});
  CHECK(std::abs(percent_off(got, 2 * bytes / 11.2e9)) < 1);  // all bytes pass the channels
}

TEST_CASE("each number format has its rate, and an unknown one is refused", "[csd]") {
  const Bench b("flash/csd_smartssd.yaml");
  const double bytes = 1e9;
  // 8 queries: 11.9 GFLOP/s at 8 FLOP/B; 56.3 at 16 FLOP/B is above the flash's 3 GB/s.
  CHECK(std::abs(percent_off(run(b.machine, {b.attention(bytes, 8)}), bytes * 8 / 11.9e9)) < 0.1);
  CHECK(std::abs(percent_off(run(b.machine, {b.attention(bytes, 1, Format::int8)}), bytes / 3e9)) <
        0.1);
  OpPlan plan;
  const Op op = b.attention(bytes, 1, Format::fp8);
  const auto& engine = *b.machine.engines()[static_cast<std::size_t>(op.engine)].engine;
  CHECK_THROWS_AS(engine.plan(op, b.machine, plan), std::logic_error);
  Op other = b.attention(bytes);
  other.kind = OpKind::gemm;
  CHECK_THROWS_AS(engine.plan(other, b.machine, plan), std::logic_error);
}

TEST_CASE("SRAM bounds what is in flight: rate = SRAM / latency", "[csd][closed_form]") {
  const Bench b("{extends: flash/csd_instinfer.yaml, engine: {sram: 300KB}}");
  const double got = 10e9 / run(b.machine, {b.attention(10e9)});
  CHECK(std::abs(percent_off(got, 300e3 / 60e-6)) < 0.1);
}

TEST_CASE("sparse attention reads a part of K by channel, then K and V of some tokens",
          "[csd][closed_form]") {
  const Bench dense("flash/csd_instinfer.yaml"), sparse("flash/csd_instinfer_sparse.yaml");
  const double bytes = 2.0 * 128 * 2 * 32768 * 100;  // fp16, 128 channels, 32k tokens, 100 heads
  Op op = dense.attention(bytes);
  op.attention.kv_tokens = 32768;
  const double share = 0.125 / 2 + 0.125;  // K is half of the bytes
  const double got = run(sparse.machine, {op}) / run(dense.machine, {op});
  INFO("bound " << share << ", got " << got);
  CHECK(std::abs(percent_off(got, share)) < 1);  // 16 tokens of 256 B fill a page of 4 KB
  // A token alone brings its whole page.
  const Bench one("{extends: flash/csd_instinfer_sparse.yaml, engine: {sparse: {group: 1}}}");
  const double alone = run(one.machine, {op}) / run(dense.machine, {op});
  CHECK(std::abs(percent_off(alone, 0.125 / 2 + 0.125 * 16)) < 1);
}

TEST_CASE("queries and outputs go peer to peer beside the flash", "[csd][closed_form]") {
  const Bench b("flash/csd_instinfer.yaml");
  Op op = b.attention(1e6);
  op.writes(b.machine.find_tier("gpu0.hbm"), 7e9);  // so much that the link is the bound
  CHECK(std::abs(percent_off(run(b.machine, {op}), 1.0)) < 1);
}

TEST_CASE("computational drives that cannot be are mistakes at their key", "[csd]") {
  const auto mistake = [](const std::string& yaml) -> std::string {
    try {
      Machine machine;
      add(machine, "csd", yaml);
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "none";
  };
  CHECK_THAT(mistake("{kind: computational_ssd, engine: {sram: 1KiB}}"),
             Catch::Contains("engine.sram: holds not even a page"));
  CHECK_THAT(mistake("{kind: computational_ssd, engine: {rate: {fp17: 1GFLOP/s}}}"),
             Catch::Contains("fp17: is not a number format"));
  CHECK_THAT(mistake("{kind: computational_ssd, engine: {sparse: {tokens: 2}}}"),
             Catch::Contains("engine.sparse.tokens: 2.0 is out of range"));
  CHECK_THAT(mistake("{kind: computational_ssd, engine: {clock: 1Hz}}"), Catch::Contains("engine"));
}
