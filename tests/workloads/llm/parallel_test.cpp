// How a model is cut over GPUs: shards, replicas of KV heads, stages, and where they lie.
#include <catch2/catch.hpp>

#include "sim/registry.h"
#include "tests/workloads/llm/llm_machine.h"
#include "workloads/llm/rank_shape.h"

using namespace terrace;
using namespace terrace::test;

namespace {

double matrices(const LayerWeights& w) { return w.held_bytes() - w.vector_bytes; }

std::string refused(const ModelShape& m, const Parallel& p, int gpus) {
  Machine machine = machine_of(gpus);
  try {
    Placement(p, m, machine);
  } catch (const BuildError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Tensor-parallel shards of a layer add up to the whole layer", "[llm]") {
  for (const char* name : {"llama-3.1-8b", "llama-2-70b", "qwen3-32b", "mixtral-8x7b"})
    for (std::int64_t tp : {2, 4, 8}) {
      CAPTURE(name, tp);
      const ModelShape m = shipped(name);
      const RankShape whole(m, {}), part(m, {tp, 1, 1, false});
      const LayerWeights &a = whole.layer(0), &b = part.layer(0);
      const double n = static_cast<double>(tp);
      CHECK(matrices(b) - b.router.bytes == Approx((matrices(a) - a.router.bytes) / n));
      CHECK(b.router.bytes == a.router.bytes);  // replicated
      CHECK(b.vector_bytes == a.vector_bytes);  // replicated
      CHECK(part.kv_bytes_per_token() * n == whole.kv_bytes_per_token());
      CHECK(part.head.bytes * n == whole.head.bytes);
    }
}

TEST_CASE("KV heads are replicated when there are more ranks than KV heads", "[llm]") {
  const ModelShape m = shipped("qwen2.5-7b");  // 28 heads, 4 KV heads
  const RankShape four(m, {4, 1, 1, false});
  CHECK(four.kv_heads == 1);
  const RankShape eight(shipped("qwen3-30b-a3b"), {8, 1, 1, false});  // 32 heads, 4 KV heads
  CHECK(eight.kv_heads == 1);
  CHECK(eight.moe.qkv.out == (32 / 8 + 2) * 128);
}

TEST_CASE("A latent cache is whole on every rank", "[llm]") {
  const ModelShape m = shipped("deepseek-v3");
  CHECK(RankShape(m, {8, 1, 1, false}).kv_bytes_per_token() ==
        RankShape(m, {}).kv_bytes_per_token());
}

TEST_CASE("The vocabulary is padded to 64 rows before it is cut", "[llm]") {
  // OPT's 50,272 = 785.5 × 64 becomes 50,304 (vLLM, VocabParallelEmbedding).
  CHECK(RankShape(shipped("opt-30b"), {}).vocab_rows == 50304);
  CHECK(RankShape(shipped("opt-30b"), {4, 1, 1, false}).vocab_rows == 12576);
  CHECK(RankShape(shipped("llama-3.1-8b"), {}).vocab_rows == 128256);
}

TEST_CASE("Expert parallelism puts whole experts on each rank, as many bytes as slices of all",
          "[llm]") {
  const ModelShape m = shipped("qwen3-30b-a3b");
  const RankShape sliced(m, {4, 1, 1, false}), spread(m, {4, 1, 1, true});
  CHECK(spread.local_experts == 32);
  CHECK(spread.moe.expert_down.bytes == sliced.moe.expert_down.bytes);
  CHECK(spread.moe.expert_down.in == 4 * sliced.moe.expert_down.in);
  CHECK(RankShape(m, {4, 1, 2, true}).local_experts == 16);
}

TEST_CASE("Stages share the layers, and the last has the fewest", "[llm]") {
  const auto sizes = [](std::int64_t layers, std::int64_t stages) {
    std::vector<std::int64_t> n;
    std::int64_t at = 0;
    for (std::int64_t s = 0; s < stages; ++s) {
      const LayerSpan span = layers_of_stage(layers, stages, s);
      CHECK(span.first == at);
      at = span.last;
      n.push_back(span.last - span.first);
    }
    CHECK(at == layers);
    return n;
  };
  using V = std::vector<std::int64_t>;
  CHECK(sizes(32, 1) == V{32});
  CHECK(sizes(32, 4) == V{8, 8, 8, 8});
  CHECK(sizes(61, 4) == V{15, 15, 16, 15});  // vLLM: partitions[-2] += 1
  CHECK(sizes(27, 4) == V{7, 7, 7, 6});      // -2, -3, -4
  CHECK(sizes(5, 3) == V{2, 2, 1});
}

TEST_CASE("The stages of a pipeline hold the whole model once, and tied embeddings twice",
          "[llm]") {
  const auto held = [](const char* name, std::int64_t pp) {
    const RankShape r(shipped(name), {1, pp, 1, false});
    double sum = 0;
    for (std::int64_t s = 0; s < pp; ++s) sum += r.stage_bytes(s) - r.rotary_table_bytes;
    return sum;
  };
  CHECK(held("llama-3.1-8b", 4) == held("llama-3.1-8b", 1));
  CHECK(held("llama-3.2-1b", 2) - held("llama-3.2-1b", 1) == 128256 * 2048 * 2.0);
}

TEST_CASE("Ranks lie replica by replica, stage by stage", "[llm]") {
  Machine machine = machine_of(8);
  const Placement place({2, 2, 2, false}, shipped("llama-3.1-8b"), machine);
  const auto gpu = [&](std::int64_t r, std::int64_t s) {
    return machine.devices()[static_cast<std::size_t>(place.at(r, s).gpu)].name;
  };
  CHECK(gpu(0, 0) == "gpu0");
  CHECK(gpu(0, 1) == "gpu2");
  CHECK(gpu(1, 0) == "gpu4");
  CHECK(gpu(1, 1) == "gpu6");
  CHECK(machine.group(place.at(0, 1).group).members == std::vector<DeviceId>{2, 3});
  CHECK(machine.engines()[static_cast<std::size_t>(place.at(1, 0).copy_in)].name == "gpu4.copy_in");
  CHECK(machine.tier(place.at(1, 1).hbm).name == "gpu6.hbm");
  const Placement spread({2, 1, 2, true}, shipped("qwen3-30b-a3b"), machine);
  CHECK(machine.group(spread.at(1, 0).experts).members == std::vector<DeviceId>{2, 3, 0, 1});
}

TEST_CASE("A cut that the machine or the model does not allow names the key", "[llm]") {
  const ModelShape llama = shipped("llama-3.1-8b");
  CHECK(refused(llama, {8, 1, 1, false}, 8).empty());
  CHECK_THAT(refused(llama, {3, 1, 1, false}, 8),
             Catch::StartsWith("parallel.tp: 3 does not divide the 32 heads"));
  CHECK_THAT(refused(llama, {4, 1, 4, false}, 8),
             Catch::Contains("= 16 GPUs, but the machine has 8"));
  CHECK_THAT(refused(llama, {1, 64, 1, false}, 64),
             Catch::StartsWith("parallel.pp: 64 stages for 32 layers"));
  CHECK_THAT(refused(llama, {2, 1, 1, true}, 8), Catch::StartsWith("parallel.expert_parallel"));
  CHECK_THAT(refused(shipped("qwen3-30b-a3b"), {1, 1, 3, true}, 8),
             Catch::Contains("do not divide the 128 experts"));
}
