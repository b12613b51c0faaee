// A GPU as a machine part: closed forms of single kernels, and that flows give back kernel times.
#include <catch2/catch.hpp>
#include <cmath>

#include "models/gpu/attention.h"
#include "models/gpu/gemm.h"
#include "sim/random.h"
#include "tests/models/gpu/gpu_toolbox.h"
#include "tests/sim/toy_machine.h"

using namespace terrace;
using namespace terrace::gpu_test;

namespace {

const char* const all_gpus[] = {"a100_80g", "a100_40g", "h100_sxm",  "h100_pcie", "h200",
                                "l40s",     "rtx4090",  "rtx_a6000", "t4"};

struct Built {
  Machine machine;
  GpuParams gpu;
  TierId hbm;
  EngineId compute;
  explicit Built(const std::string& name) : gpu(params(name)) {
    gpu.memory.connect("memory", Fidelity::flow);
    load(name).gpu.make({"gpu0"})->build(machine);
    hbm = machine.find_tier("gpu0.hbm");
    compute = machine.find_engine("gpu0.compute");
  }
};

Op stream_op(TierId tier, double bytes, double reuse, double run) {
  Op op;
  op.label = "stream";
  op.in_graph = true;
  op.reads(tier, bytes, reuse, run);
  return op;
}
const double never = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("every GPU that is shipped builds one device with four stations and five engines",
          "[gpu]") {
  for (const char* name : all_gpus) {
    INFO(name);
    const Built b(name);
    REQUIRE(b.machine.devices().size() == 1);
    const Device& d = b.machine.devices().front();
    CHECK(d.kind == "gpu");
    CHECK(d.resources.size() == 4);
    CHECK(d.engines.size() == 5);
    CHECK(d.facts.at("sm_count") > 0);
    CHECK(d.facts.at("max_threads_per_sm") > 0);
    CHECK(d.facts.at("total_flops.bf16") > 0);
    CHECK(b.machine.tier(b.hbm).capacity.value() == d.facts.at("total_memory"));
    for (const char* engine : {".compute", ".aux", ".copy_in", ".copy_out", ".driver"})
      CHECK(b.machine.find_engine("gpu0" + std::string(engine)) != none);
  }
}

TEST_CASE("a gigabyte read once takes its bytes over the streaming rate", "[gpu]") {
  for (const char* name : all_gpus) {
    const Built b(name);
    const double bytes = 4e9;
    const double expected = bytes / b.gpu.memory.stream.value();
    const double took = run_alone(b.machine, stream_op(b.hbm, bytes, never, never), b.compute);
    INFO(name << ": bytes / stream = " << expected * 1e6 << " us, simulated " << took * 1e6
              << " us, deviation " << (took / expected - 1) * 100 << " %");
    CHECK(std::abs(took / expected - 1) < 0.01);
  }
}

TEST_CASE("a large matrix multiplication runs at the sustained rate within one wave of tiles",
          "[gpu]") {
  for (const char* name : all_gpus) {
    GpuParams gpu = params(name);
    const double n = 16384, rate = gpu.rate(Format::bf16).sustained.value();
    const double ideal = 2 * n * n * n / rate;
    const double wave = 2 * n * 256 * 128 * gpu.multiprocessors / rate;  // one largest tile each
    const double shipped = KernelLibrary(gpu).time(gemm_op(n, n, n), TierId(0)).seconds();
    gpu.kernels.gemm.overlap = 0;
    const double overlapped = KernelLibrary(gpu).time(gemm_op(n, n, n), TierId(0)).seconds();
    INFO(name << ": FLOPs / rate = " << ideal * 1e3 << " ms, one wave " << wave * 1e3
              << " ms; with perfect overlap " << overlapped * 1e3 << " ms, deviation "
              << (overlapped / ideal - 1) * 100 << " %; as shipped " << shipped * 1e3 << " ms");
    CHECK(overlapped >= ideal);
    CHECK(overlapped <= ideal * 1.01 + wave);
    CHECK(shipped >= overlapped);
    CHECK(shipped <= overlapped * 1.08);
  }
}

TEST_CASE("time steps up by one tile per multiprocessor with each wave, and is flat in between",
          "[gpu]") {
  const GpuParams gpu = params("h100_sxm");
  const Tile tile{128, 256};  // large enough that tensor cores, not the L2, are what it waits for
  const double k = 8192, rate = gpu.rate(Format::bf16).sustained.value();
  const double step = k * 2 * 128 * 256 * gpu.multiprocessors / rate;
  for (int waves = 1; waves <= 6; ++waves) {
    for (const int tiles : {(waves - 1) * 132 + 1, waves * 132}) {
      GemmProblem p{128.0, 256.0 * tiles, k, 1, 2, 2, rate, {}};
      const TiledGemm t = time_tile(gpu, p, tile, 1, never);
      INFO(tiles << " tiles on 132 multiprocessors: " << waves << " x k 2 bm bn SM / R = "
                 << waves * step * 1e6 << " us, worked out " << t.main * 1e6 << " us");
      CHECK(t.main == Approx(waves * step).epsilon(1e-12));
    }
  }
}

TEST_CASE("alone on the machine, an op takes exactly its kernel's time", "[gpu]") {
  RandomStream random(7, "kernels");
  for (const char* name : {"a100_80g", "h100_sxm", "l40s", "rtx4090"}) {
    const Built b(name);
    const KernelLibrary kernels(b.gpu);
    for (int i = 0; i < 60; ++i) {
      const double m = double(random.integer(1, 8192)), n = 64 * double(random.integer(1, 256));
      const double k = 64 * double(random.integer(1, 256));
      Op op = gemm_op(m, n, k);
      op.reads(b.hbm, n * k * 2);
      op.reads(b.hbm, m * k * 2, random.uniform() < 0.5 ? 1 : never);
      op.writes(b.hbm, m * n * 2, 1);
      const double expected = kernels.time(op, b.hbm).seconds();
      const double took = run_alone(b.machine, op, b.compute);
      INFO(name << " gemm " << m << " " << n << " " << k << ": kernel " << expected * 1e6
                << " us, machine " << took * 1e6 << " us");
      CHECK(std::abs(took - expected) < 1e-9 + 1e-9 * expected);
    }
  }
}

TEST_CASE("no kernel beats its roofline", "[gpu]") {
  RandomStream random(11, "roofline");
  for (const char* name : all_gpus) {
    const Built b(name);
    const KernelLibrary kernels(b.gpu);
    const double peak = b.gpu.rate(Format::bf16).peak.value(), bus = b.gpu.memory.peak.value();
    for (int i = 0; i < 300; ++i) {
      Op op;
      const double kind = random.uniform();
      if (kind < 0.4) {
        const double m = double(random.integer(1, 16384)), n = double(random.integer(1, 16384));
        const double k = double(random.integer(1, 16384));
        op = gemm_op(m, n, k);
        op.reads(b.hbm, n * k * 2);
        op.reads(b.hbm, m * k * 2);
        op.writes(b.hbm, m * n * 2);
      } else {
        op.kind = kind < 0.7 ? OpKind::attention_decode : OpKind::attention_prefill;
        op.label = "attention";
        AttentionShape& a = op.attention;
        a.sequences = double(random.integer(1, 64));
        a.kv_heads = double(1 << random.integer(0, 4));
        a.q_heads = a.kv_heads * double(1 << random.integer(0, 3));
        a.head_dim = a.value_dim = kind < 0.8 ? 128 : 64;
        const double past = double(random.integer(0, 8000));
        const double s = op.kind == OpKind::attention_decode ? 1 : double(random.integer(1, 4000));
        a.query_tokens = s * a.sequences;
        a.kv_tokens = (past + s) * a.sequences;
        a.longest_kv = past + s;
        a.pairs = a.sequences * (s * past + s * (s + 1) / 2);
        op.flops = 2 * a.pairs * a.q_heads * 2 * a.head_dim;
        op.reads(b.hbm, a.kv_tokens * a.kv_heads * 2 * a.head_dim * 2);
      }
      const double bytes = kernels.traffic(op, b.hbm).bytes;
      const double bound = std::max(op.flops / peak, bytes / bus);
      const KernelTime t = kernels.time(op, b.hbm);
      INFO(name << " " << name_of(op.kind) << ": roofline " << bound * 1e6 << " us, kernel "
                << t.seconds() * 1e6 << " us");
      REQUIRE(t.seconds() >= bound);
      for (const double busy : t.busy) REQUIRE(busy <= t.body * (1 + 1e-12));
    }
  }
}

TEST_CASE("more rows, keys or sequences never take less time over a doubling", "[gpu]") {
  const GpuParams gpu = params("h100_sxm");
  const KernelLibrary kernels(gpu);
  double before = 0;
  for (double m = 1; m <= 16384; m *= 2) {
    Op op = gemm_op(m, 4096, 4096);
    op.reads(0, 4096.0 * 4096 * 2);
    const double now = kernels.time(op, TierId(0)).seconds();
    CHECK(now >= before);
    before = now;
  }
  before = 0;
  for (double kv = 128; kv <= 131072; kv *= 2) {
    Op op;
    op.kind = OpKind::attention_decode;
    op.in_graph = true;
    op.attention = {8, 32, 8, 128, 128, 8, 8 * kv, 8 * kv, kv};
    op.reads(0, 8 * kv * 8 * 256 * 2);
    const double now = kernels.time(op, TierId(0)).seconds();
    CHECK(now >= before);
    before = now;
  }
}

TEST_CASE("scattered 32-byte reads of HBM3 are bounded by row activations", "[gpu]") {
  GpuParams gpu = params("h100_sxm");
  gpu.memory.connect("memory", Fidelity::flow);
  const double opened = 160 * 4 * 32 / (20 * 764.2e-12), share = opened / 3350e9;
  INFO("pseudo-channels x 4 x 32 B / tFAW / peak = " << share << ", " << gpu.memory.efficiency(32));
  CHECK(gpu.memory.efficiency(32) <= share);
  CHECK(gpu.memory.efficiency(32) > 0.85 * share);
  CHECK(gpu.memory.efficiency(never) == Approx(3050.0 / 3350));
  CHECK(gpu.memory.efficiency(48) <= gpu.memory.efficiency(never) * 48 / 64);
}

TEST_CASE("a kernel that shares the memory with a copy kernel slows down by what that takes",
          "[gpu]") {
  const Built b("a100_80g");
  const double bytes = 4e9;
  const double alone = run_alone(b.machine, stream_op(b.hbm, bytes, never, never), b.compute);
  Executor executor(b.machine, {});
  for (const char* engine : {"gpu0.compute", "gpu0.aux"}) {
    Step step;
    step.lane = engine == std::string("gpu0.aux");
    Op op = stream_op(b.hbm, bytes, never, never);
    op.engine = b.machine.find_engine(engine);
    append(step.graph, std::move(op));
    executor.submit(std::move(step), Time());
  }
  std::vector<Executor::Done> done;
  Time now;
  while (executor.next_event() != Time::never())
    executor.advance(now = executor.next_event(), done);
  INFO("alone " << alone * 1e3 << " ms, two at once " << now.seconds() * 1e3 << " ms");
  CHECK(now.seconds() == Approx(2 * alone).epsilon(0.01));
}

TEST_CASE("a launch from the host takes at least the host's time for it", "[gpu]") {
  const GpuParams gpu = params("l40s");
  const KernelLibrary kernels(gpu);
  Op op = stream_op(0, 1024, 0, never);
  CHECK(kernels.time(op, TierId(0)).seconds() < 3e-6);
  op.in_graph = false;
  CHECK(kernels.time(op, TierId(0)).seconds() == Approx(5e-6));
}

TEST_CASE("what lies in another device's memory comes over the link at the link's rate", "[gpu]") {
  Built b("a100_80g");
  const double rate = 25e9, bytes = 1e9;
  toy::Unit host = toy::add_unit(b.machine, "host");
  toy::add_link(b.machine, "pcie", b.machine.find_device("gpu0"), host.device, rate, 1e-6);
  const double expected = bytes / rate;
  const double took = run_alone(b.machine, stream_op(host.tier, bytes, 0, never), b.compute);
  INFO("bytes / link = " << expected * 1e3 << " ms, simulated " << took * 1e3 << " ms");
  CHECK(took == Approx(expected).epsilon(0.001));
}

TEST_CASE("the driver thread takes the host's time and nothing else", "[gpu]") {
  const Built b("a100_80g");
  Op op;
  op.kind = OpKind::host_compute;
  op.label = "schedule";
  op.host_time = Time::nearest(Seconds(300e-6));
  CHECK(run_alone(b.machine, op, b.machine.find_engine("gpu0.driver")) == Approx(300e-6));
  OpPlan plan;
  const auto& engine =
      *b.machine.engines()[std::size_t(b.machine.find_engine("gpu0.driver"))].engine;
  engine.plan(op, b.machine, plan);
  CHECK(plan.latency_cause == Cause::host);
  CHECK(plan.flows.empty());
}

TEST_CASE("a gather of short runs takes longer than a stream of the same bytes", "[gpu]") {
  const Built b("h100_sxm");
  Op op = stream_op(b.hbm, 1e9, never, 32);
  op.kind = OpKind::gather;
  const double share = b.gpu.memory.efficiency(32);
  const double expected = 1e9 / (b.gpu.memory.peak.value() * share);
  const double took = run_alone(b.machine, op, b.compute);
  INFO("bytes / activate bound = " << expected * 1e3 << " ms, simulated " << took * 1e3 << " ms");
  CHECK(took == Approx(expected).epsilon(0.01));
}

TEST_CASE(
    "one launch of prefill and decode together is the sum of its parts in work, and never "
    "shorter than its prefill alone",
    "[gpu]") {
  const GpuParams gpu = params("rtx4090");
  const KernelLibrary kernels(gpu);
  Op op;
  op.kind = OpKind::attention_prefill;
  op.in_graph = true;
  AttentionShape& a = op.attention;
  a.q_heads = 32;
  a.kv_heads = 8;
  a.head_dim = a.value_dim = 128;
  a.sequences = 1;
  a.query_tokens = a.kv_tokens = a.longest_kv = 2048;
  a.pairs = 2048.0 * 2049 / 2;
  const double alone = kernels.time(op, TierId(0)).seconds();
  const double decodes = 64, kv = 1024;
  a.sequences += decodes;
  a.query_tokens += decodes;
  a.kv_tokens += decodes * kv;
  a.pairs += decodes * kv;
  a.decode_sequences = decodes;
  a.decode_kv_tokens = decodes * kv;
  const double mixed = kernels.time(op, TierId(0)).seconds();
  const PairTime pair(gpu, op);
  const double tiles = 32 * decodes * kv * 64 * pair.seconds / gpu.multiprocessors;
  const double blocks =
      32 * decodes / gpu.multiprocessors * gpu.kernels.attention.prefill_block.value();
  INFO("prefill " << alone * 1e6 << " us, a tile per query head of each decoding sequence "
                  << tiles * 1e6 << " us and " << blocks * 1e6 << " us of blocks, mixed "
                  << mixed * 1e6 << " us");
  CHECK(mixed > alone);
  CHECK(mixed == Approx(alone + tiles + blocks).epsilon(0.02));
}

TEST_CASE("a number format without tensor cores is refused by name", "[gpu]") {
  const KernelLibrary kernels(params("a100_80g"));
  CHECK_THROWS_WITH(kernels.time(gemm_op(16, 16, 16, Format::fp8), TierId(0)),
                    Catch::Contains("fp8"));
}
