// Accelerators in the machine: ops take the time of their arrays and near-bank units, and use the
// memory that others see.
#include <catch2/catch.hpp>

#include "models/accel/accelerator_kernels.h"
#include "models/accel/near_bank.h"
#include "sim/system.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

struct Alone {
  Machine machine;
  explicit Alone(const std::string& yaml) { add(machine, "gpu0", yaml); }
  TierId hbm() const { return machine.find_tier("gpu0.hbm"); }
  double time(Op op) const { return run(machine, {std::move(op)}); }
  Op gemm(double m, double n, double k) const {
    Op op;
    op.kind = OpKind::gemm;
    op.label = "gemm";
    op.engine = machine.find_engine("gpu0.compute");
    op.gemm.m = m, op.gemm.n = n, op.gemm.k = k;
    op.flops = 2 * m * n * k;
    op.reads(hbm(), 2 * m * k);
    op.reads(hbm(), 2 * n * k);
    op.writes(hbm(), 2 * m * n);
    return op;
  }
  // One new token for each of `sequences` of `keys` tokens, 8 KV heads of 128.
  Op decode(double sequences, double keys, double group) const {
    Op op;
    op.kind = OpKind::attention_decode;
    op.label = "attention";
    op.engine = machine.find_engine("gpu0.compute");
    AttentionShape& a = op.attention;
    a.sequences = a.query_tokens = a.decode_sequences = sequences;
    a.kv_heads = 8, a.q_heads = 8 * group;
    a.head_dim = a.value_dim = 128;
    a.kv_tokens = a.pairs = sequences * keys;
    op.reads(hbm(), sequences * keys * 8 * 256 * 2);
    return op;
  }
};

}  // namespace

TEST_CASE("a product on four arrays takes the folds of a quarter of its columns", "[accel]") {
  const Alone tpu("accel/tpu_like_128x128.yaml");
  const double got = tpu.time(tpu.gemm(4096, 4096, 4096));
  // Weight-stationary with shadow registers: 32 x 8 folds of 4096 vectors, in whole chunks.
  const double folds = 32 * 8 * 4096 / 940e6, peak = 2 * 4096.0 * 4096 * 4096 / 123.2e12;
  INFO("peak " << peak << " s, folds " << folds << " s, simulated " << got << " s");
  CHECK(got > folds);
  CHECK(got < folds * 1.10);  // the first load, the last fold, waits and the launch
}

TEST_CASE("a decode product on arrays waits for its weights", "[accel]") {
  const Alone tpu("accel/tpu_like_128x128.yaml");
  const double got = tpu.time(tpu.gemm(8, 8192, 8192)), bytes = 2.0 * 8192 * 8192;
  INFO("weights / stream rate = " << bytes / 783e9 << " s, simulated " << got << " s");
  CHECK(got > bytes / 783e9);
  CHECK(got < bytes / 783e9 * 1.10 + 2e-6);
}

TEST_CASE("decode attention beside the banks beats the pins, prefill does not", "[accel]") {
  const Alone near("accel/attacc.yaml");
  const double bytes = 64 * 4096.0 * 8 * 256 * 2, got = near.time(near.decode(64, 4096, 1));
  INFO("KV / pins = " << bytes / 3328e9 << " s, simulated " << got << " s");
  CHECK(got < bytes / 3328e9 / 4);
  // Without shared vectors every query of a group reads the cache again.
  const double grouped = near.time(near.decode(64, 4096, 8));
  CHECK(grouped > 6 * got);
  const Alone tpu("accel/tpu_like_128x128.yaml");
  CHECK(near.time(near.gemm(2048, 4096, 4096)) > 3 * tpu.time(tpu.gemm(2048, 4096, 4096)));
}

TEST_CASE("attention on an array takes at least its products and its cache", "[accel]") {
  for (const char* file : {"accel/tpu_like_128x128.yaml", "accel/fusemax_cloud.yaml"}) {
    const Alone accel(file);
    const double rate = file == std::string("accel/fusemax_cloud.yaml") ? 429.5e9 : 783e9;
    const double bytes = 16 * 8192.0 * 8 * 256 * 2, got = accel.time(accel.decode(16, 8192, 4));
    INFO(file << ": cache / rate = " << bytes / rate << " s, simulated " << got << " s");
    CHECK(got > bytes / rate);
  }
}

TEST_CASE("two engines of an accelerator share its memory", "[accel]") {
  const Alone tpu("accel/tpu_like_128x128.yaml");
  Op op;
  op.kind = OpKind::elementwise;
  op.label = "norm";
  op.engine = tpu.machine.find_engine("gpu0.compute");
  op.reads(tpu.hbm(), 1e9);
  Op other = op;
  other.engine = tpu.machine.find_engine("gpu0.aux");
  const double one = run(tpu.machine, {op}), both = run(tpu.machine, {op, other});
  INFO("one " << one << " s, both " << both << " s");
  CHECK(one == Approx(1e-6 + 1e9 / 783e9).epsilon(1e-6));
  CHECK(both == Approx(1e-6 + 2e9 / 783e9).epsilon(1e-6));
}

TEST_CASE("an accelerator says what workloads ask of it", "[accel]") {
  for (const char* file : {"accel/tpu_like_128x128.yaml", "accel/fusemax_cloud.yaml",
                           "accel/flat_cloud.yaml", "accel/hbm_pim.yaml", "accel/attacc.yaml",
                           "accel/attacc_bank_group.yaml", "accel/attacc_buffer.yaml"}) {
    const Alone accel(file);
    INFO(file);
    REQUIRE(accel.machine.devices_of("gpu").size() == 1);
    for (const char* fact : {"sm_count", "max_threads_per_sm", "capability", "total_flops.bf16"})
      CHECK(accel.machine.devices()[0].facts.count(fact) == 1);
    for (const char* engine : {".compute", ".aux", ".copy_in", ".copy_out", ".driver"})
      CHECK(accel.machine.find_engine(std::string("gpu0") + engine) != none);
  }
  // 4 x 128 x 128 x 2 x 940 MHz: the published 123 TFLOP/s.
  const Alone tpu("accel/tpu_like_128x128.yaml");
  CHECK(std::abs(percent_off(tpu.machine.devices()[0].facts.at("total_flops.bf16"), 123e12)) < 1);
}

TEST_CASE("shipped systems of accelerators build", "[accel]") {
  for (const char* name : {"tpu_like_128x128", "fusemax_cloud", "hbm_pim", "attacc"}) {
    INFO(name);
    const auto system =
        read_config<SystemConfig>(std::string(TERRACE_CONFIG_DIR) + "/systems/" + name + ".yaml");
    const std::unique_ptr<Machine> machine = build(system);
    const DeviceId gpu = machine->find_device("gpu0"), host = machine->find_device("host");
    REQUIRE(gpu != none);
    CHECK(machine->reachable(gpu, host));
  }
}

TEST_CASE("impossible accelerators are mistakes with the key's path", "[accel]") {
  const auto mistake = [](const std::string& yaml) -> std::string {
    try {
      chosen<Component>(yaml);
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  const auto has = [&](const std::string& yaml, const char* path, const char* words) {
    const std::string text = mistake(yaml);
    INFO(yaml << " -> " << text);
    CHECK(text.find(path) != std::string::npos);
    CHECK(text.find(words) != std::string::npos);
  };
  has("{kind: systolic_accelerator, array: {rows: 0}}", "array.rows", "1");
  has("{kind: systolic_accelerator, array: {input_scratchpad: 1KiB}}", "array.input_scratchpad",
      "double-buffered tile");
  has("{kind: systolic_accelerator, reserved: 100TB}", "reserved", "more than the memory");
  has("{kind: systolic_accelerator, schedule: four_pass}", "schedule", "four_pass");
  has("{kind: near_bank_memory, near_bank: {pins: 1GB/s}}", "near_bank.pins", "not the peak");
}
