// A host: delegated arithmetic against the roofline, software time, and the bounce buffer.
#include <catch2/catch.hpp>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

const std::string small =
    "{kind: host, memory: {channels: 4, mega_transfers: 3125, capacity: 64GB, reserved: 4GB, "
    "stream: 50GB/s, read_latency: 100ns, write_latency: 150ns}, matrix_rate: 1TFLOP/s, "
    "vector_rate: 100GFLOP/s, dispatch: 10us, relative_speed: 0.5, peer_to_peer: false}";

struct Alone {
  Machine machine;
  TierId dram;
  Alone() {
    add(machine, "host", small);
    dram = machine.find_tier("host.dram");
  }
  Op op(OpKind kind, double flops, double bytes) const {
    Op op;
    op.kind = kind;
    op.engine = machine.find_engine("host.cpu");
    op.flops = flops;
    op.label = "delegated";
    op.reads(dram, bytes);
    return op;
  }
};

}  // namespace

TEST_CASE("host memory has channels x transfers x 8 B, and what cores draw of it",
          "[host][closed_form]") {
  const Alone host;
  const Tier& dram = host.machine.tier(host.dram);
  CHECK(host.machine.resources()[static_cast<std::size_t>(dram.resource)].capacity ==
        Approx(100e9));
  CHECK(host.machine.weight(host.dram, Direction::read, 4096) == Approx(2));
  CHECK(host.machine.weight(host.dram, Direction::write, 4096) == Approx(2));
  CHECK(host.machine.weight(host.dram, Direction::read, 16) == Approx(2 * 64 / 16));  // whole lines
  CHECK(dram.capacity.value() - dram.reserved.value() == Approx(60e9));
}

TEST_CASE("attention on the CPU takes the longer of arithmetic and memory", "[host][closed_form]") {
  const Alone host;
  const double overhead = 10e-6 + 100e-9;
  const double by_memory = run(host.machine, {host.op(OpKind::attention_decode, 1e6, 5e9)});
  const double by_cores = run(host.machine, {host.op(OpKind::attention_decode, 1e11, 1e6)});
  INFO("bytes / stream = " << 5e9 / 50e9 << " s, simulated " << by_memory);
  CHECK(std::abs(percent_off(by_memory, overhead + 5e9 / 50e9)) < 1);
  INFO("FLOPs / vector rate = " << 1.0 << " s, simulated " << by_cores);
  CHECK(std::abs(percent_off(by_cores, overhead + 1e11 / 100e9)) < 1);
  CHECK(std::abs(percent_off(run(host.machine, {host.op(OpKind::gemm, 1e11, 1e6)}),
                             overhead + 1e11 / 1e12)) < 1);
}

TEST_CASE("two ranks that delegate to one host share it", "[host][closed_form]") {
  Alone host;
  const DeviceId a = add_gpu(host.machine, "gpu0"), b = add_gpu(host.machine, "gpu1");
  Op op = host.op(OpKind::attention_decode, 1e6, 5e9);
  op.group = host.machine.add_group({{a, b}});
  const double got = run(host.machine, {op});
  INFO("2 x bytes / rate = " << 2 * 5e9 / 50e9 << " s, simulated " << got);
  CHECK(std::abs(percent_off(got, 2 * 5e9 / 50e9)) < 1);
}

TEST_CASE("software runs at the host's relative speed", "[host]") {
  const Alone host;
  Op op = host.op(OpKind::host_compute, 0, 0);
  op.host_time = Time::nearest(Seconds(1e-3));
  CHECK(run(host.machine, {op}) == Approx(2e-3));
}

TEST_CASE("a CPU refuses a copy", "[host]") {
  const Alone host;
  OpPlan plan;
  const Op op = host.op(OpKind::copy, 0, 100);
  CHECK_THROWS_AS(host.machine.engines()[0].engine->plan(op, host.machine, plan), std::logic_error);
}

TEST_CASE("without peer access bytes are written to host memory and read back",
          "[host][closed_form]") {
  Alone host;
  Machine& machine = host.machine;
  const DeviceId a = add_gpu(machine, "gpu0"), b = add_gpu(machine, "gpu1");
  const DeviceId middle = machine.find_device("host");
  join(machine, a, middle, "link/pcie5_x16.yaml");
  join(machine, b, middle, "link/pcie5_x16.yaml");
  const double bytes = 1e9;
  const double expected = 2 * bytes / 50e9;  // written and read at 50 GB/s, one memory
  const double got = run(machine, {copy(machine, "gpu0.copy", "gpu0.hbm", "gpu1.hbm", bytes)});
  INFO("2 x bytes / stream = " << expected << " s, simulated " << got);
  CHECK(std::abs(percent_off(got, expected)) < 1);
}

TEST_CASE("every shipped host, drive and expander builds", "[host][configs]") {
  for (const char* file :
       {"host/xeon_8480.yaml", "host/xeon_8480_eighth.yaml", "host/epyc_7742.yaml",
        "host/epyc_7742_eighth.yaml", "host/desktop_64g.yaml", "host/gcp_n1_t4.yaml",
        "flash/pm9a3.yaml", "flash/nm790.yaml", "flash/gcp_1500g.yaml", "dram/cxl_256g.yaml",
        "dram/cxl_1t.yaml"}) {
    Machine machine;
    INFO(file);
    CHECK(add(machine, "part", file) != none);
    CHECK(machine.tiers().size() == 1);
  }
}

TEST_CASE("host mistakes are found before anything is built", "[host]") {
  CHECK_THROWS_WITH(chosen<Component>("{kind: host, memory: {capacity: 1GB, reserved: 2GB}}"),
                    Catch::Contains("member.memory.reserved: leaves nothing of 1GB"));
  CHECK_THROWS_WITH(chosen<Component>("{kind: host, peer_to_peer: false, peer_bandwidth: 1GB/s}"),
                    Catch::Contains("member.peer_bandwidth: means nothing without peer_to_peer"));
}
