// The work in a step's op graph, against closed forms: FLOPs, bytes, who waits for whom.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <string>

#include "sim/registry.h"
#include "tests/workloads/llm/llm_machine.h"
#include "workloads/llm/step_builder.h"

using namespace terrace;
using namespace terrace::test;

namespace {

struct Bench {  // a model on its own machine
  explicit Bench(const ModelShape& shape, Parallel parallel = {}, StepParams params = {},
                 WeightPlacement weights = {})
      : machine(machine_of(static_cast<int>(parallel.ranks()))),
        placement(parallel, shape, machine),
        builder(shape, placement, machine, std::move(params), std::move(weights)) {}
  Step step(std::initializer_list<Slice> slices) {
    Batch batch = builder.batch();
    for (const Slice& s : slices) batch.add(s);
    Step built = builder.build(batch);
    check(built);
    return built;
  }
  Machine machine;
  Placement placement;
  StepBuilder builder;
};

template <class F>
double sum(const Step& step, F f) {  // over ops, repeats counted
  std::vector<double> times(boost::num_vertices(step.graph), 1);
  for (const Repeat& r : step.repeats)
    for (OpVertex v = r.first; v < r.last; ++v) times[v] = static_cast<double>(r.times);
  double total = 0;
  for (OpVertex v = 0; v < times.size(); ++v) total += times[v] * f(step.graph[v]);
  return total;
}
double flops_of(const Step& step, std::initializer_list<OpKind> kinds) {
  return sum(step, [&](const Op& op) {
    return std::count(kinds.begin(), kinds.end(), op.kind) ? op.flops : 0.0;
  });
}
const Op* find(const Step& step, const std::string& label) {
  for (auto [v, end] = boost::vertices(step.graph); v != end; ++v)
    if (label == step.graph[*v].label) return &step.graph[*v];
  return nullptr;
}
double count(const Step& step, const std::string& label) {
  return sum(step, [&](const Op& op) { return label == op.label ? 1.0 : 0.0; });
}
double number(std::int64_t n) { return static_cast<double>(n); }

// Parameters that multiply: no table that is only looked up, no norm, no bias.
double multiplied(const ModelShape& m) {
  ModelShape plain = m;
  plain.qkv_bias = plain.o_bias = plain.mlp_bias = plain.head_bias = false;
  const RankShape r(plain, {});
  double n = number(plain.active_parameters() - m.learned_positions * m.hidden) -
             number(m.hidden * m.norm_vectors());
  for (std::int64_t i = 0; i < m.layers; ++i) n -= r.layer(i).vector_elements;
  if (m.moe && m.moe->router_bias) n -= number(m.moe->experts * (m.layers - m.moe->dense_layers));
  if (!m.tied_embeddings) n -= number(m.vocab * m.hidden);
  return n +
         (r.vocab_rows - number(m.vocab)) * number(m.hidden);  // padded rows are multiplied, too
}

}  // namespace

TEST_CASE("A forward pass multiplies every active parameter once a token", "[llm]") {
  for (const char* name : {"llama-3.1-8b", "qwen2.5-7b", "opt-30b", "gpt2-xl", "mixtral-8x7b",
                           "qwen3-30b-a3b", "gemma-2-9b", "phi-3-mini"}) {
    const ModelShape m = shipped(name);
    Bench b(m);
    const double tokens = 1000;  // one sequence a token, so that each has logits
    Batch batch = b.builder.batch();
    for (int i = 0; i < 1000; ++i) batch.add({99, 1, true});
    const double gemm = flops_of(b.builder.build(batch), {OpKind::gemm});
    const double closed = 2 * multiplied(m) * tokens;
    INFO(name << ": 2 × active × tokens = " << closed << ", gemms " << gemm << ", deviation "
              << gemm / closed - 1);
    CHECK(gemm == Approx(closed).epsilon(1e-12));
  }
}

TEST_CASE("Latent prefill multiplies every active parameter once a token, the head once a sequence",
          "[llm]") {
  for (const char* name : {"deepseek-v2-lite", "deepseek-v3"}) {
    const ModelShape m = shipped(name);
    Bench b(m);
    const double head = number(m.vocab * m.hidden);  // both vocabularies are multiples of 64
    const double gemm = flops_of(b.step({{0, 1000, true}}), {OpKind::gemm});
    const double closed = 2 * (multiplied(m) - head) * 1000 + 2 * head;
    INFO(name << ": closed form " << closed << ", deviation " << gemm / closed - 1);
    CHECK(gemm == Approx(closed).epsilon(1e-12));
  }
}

TEST_CASE("Attention does 2 FLOPs a number for each query-key pair, in Q·K and again in P·V",
          "[llm]") {
  const ModelShape m = shipped("llama-3.1-8b");
  Bench b(m);
  const double prompt = 1000, context = 500;
  const double pairs = prompt * (prompt + 1) / 2 + (1 + context);
  const Step step = b.step({{0, 1000, true}, {500, 1, true}});
  const double closed = 4 * pairs * number(m.heads * m.head_dim * m.layers);
  const double found = flops_of(step, {OpKind::attention_prefill, OpKind::attention_decode});
  INFO("4 · pairs · heads · head_dim · layers = " << closed << ", deviation "
                                                  << found / closed - 1);
  CHECK(found == closed);
  const AttentionShape& s = find(step, "attention")->attention;
  CHECK(s.sequences == 2);
  CHECK(s.query_tokens == 1001);
  CHECK(s.kv_tokens == 1501);
  CHECK(s.decode_sequences == 1);
  CHECK(s.decode_kv_tokens == 501);
  CHECK(s.longest_kv == 1000);
}

TEST_CASE("Prefill in chunks scores the same pairs as prefill in one go", "[llm]") {
  for (const char* name : {"llama-3.1-8b", "gemma-2-9b"}) {
    Bench b(shipped(name));
    const auto pairs = [](const Step& s) { return flops_of(s, {OpKind::attention_prefill}); };
    double chunks = 0;
    for (std::int64_t at = 0; at < 8192; at += 512) chunks += pairs(b.step({{at, 512, false}}));
    CHECK(chunks == Approx(pairs(b.step({{0, 8192, false}}))).epsilon(1e-12));
  }
}

TEST_CASE("A windowed layer scores and reads no further than its window", "[llm]") {
  Batch batch(100);
  batch.add({1000, 1, true});
  CHECK(batch.decode(true).pairs == 100);
  CHECK(batch.decode(true).kv_tokens == 100);
  CHECK(batch.decode(false).pairs == 1001);
  Batch chunk(4);
  chunk.add({2, 5, true});  // tokens at 3 … 7 see 3, 4, 4, 4, 4 keys; all together 7
  CHECK(chunk.prefill(true).pairs == 19);
  CHECK(chunk.prefill(true).kv_tokens == 7);
  CHECK(chunk.prefill(false).pairs == 3 + 4 + 5 + 6 + 7);
}

TEST_CASE("A step reads every weight matrix exactly once, and every cached byte once", "[llm]") {
  for (const char* name : {"llama-3.1-8b", "opt-30b", "gemma-2-9b"}) {
    const ModelShape m = shipped(name);
    Bench b(m);
    const Step step = b.step({{1000, 1, true}, {3000, 1, true}});
    double weights = b.builder.rank().head.bytes;
    for (std::int64_t i = 0; i < m.layers; ++i)
      weights += b.builder.rank().layer(i).held_bytes() - b.builder.rank().layer(i).vector_bytes;
    double cached = 0;
    for (std::int64_t i = 0; i < m.layers; ++i)
      cached += (m.windowed(i) ? std::min(1000.0, number(m.sliding_window) - 1) +
                                     std::min(3000.0, number(m.sliding_window) - 1)
                               : 4000) *
                b.builder.rank().kv_bytes_per_token();
    const double streamed = sum(step, [&](const Op& op) {
      double bytes = 0;
      for (const Access& a : op.accesses)
        if (a.direction == Direction::read && std::isinf(a.reuse_distance) &&
            op.kind != OpKind::gather)
          bytes += a.bytes;
      return bytes;
    });
    INFO(name << ": weights " << weights << " + cache " << cached << ", streamed " << streamed);
    CHECK(streamed == Approx(weights + cached).epsilon(1e-12));
  }
}

TEST_CASE("A step writes the keys and values of its tokens, once", "[llm]") {
  Bench b(shipped("llama-3.1-8b"));
  const Step step = b.step({{0, 100, true}, {50, 1, true}});
  const double written = sum(step, [](const Op& op) {
    double bytes = 0;
    for (const Access& a : op.accesses)
      if (a.direction == Direction::write && std::isinf(a.reuse_distance) && op.attention.pairs > 0)
        bytes += a.bytes;
    return bytes;
  });
  CHECK(written == 101 * 131072);
  const Access& old = find(step, "attention")->accesses[2];
  CHECK(old.run_length == 16 * 8 * 128 * 2);  // a block of K or of V
  CHECK(old.bytes == 50 * 4096);
}

TEST_CASE("Reuse distances are the distinct bytes between two touches", "[llm]") {
  const ModelShape m = shipped("llama-3.1-8b");
  Bench b(m);
  const double t = 512, width = 2;
  const Step step = b.step({{0, 512, false}});
  const auto access = [&](const char* label, std::size_t i) {
    return find(step, label)->accesses[i].reuse_distance;
  };
  const double state = t * 4096 * width, qkv = t * 6144 * width, up = t * 28672 * width,
               act = t * 14336 * width;
  const double w_qkv = 4096 * 6144 * width, w_o = 4096 * 4096 * width,
               w_up = 4096 * 28672.0 * width;
  const double w_down = 4096 * 14336.0 * width, kv = t * 4096;
  CHECK(access("qkv_proj", 0) == 0);         // the norm has just written it
  CHECK(std::isinf(access("qkv_proj", 1)));  // weights: a whole step ago
  CHECK(access("rope", 0) == 0);
  CHECK(access("o_proj", 0) == 0);
  CHECK(access("mlp_norm", 1) ==  // residual: written by the norm before attention
        state + w_qkv + qkv + kv + state + w_o +
            state);  // normed, then weights, qkv, cache, attended, o_proj's output
  // What the QKV projection writes was last read by attention, a layer ago.
  const double after_attention = kv + state /* attended */ + w_o + state /* hidden */ +
                                 state /* residual */ + state /* normed */ + w_up + up + act +
                                 w_down;
  CHECK(access("qkv_proj", 2) == Approx(after_attention + w_qkv).epsilon(1e-12));
}

TEST_CASE("Rewriting a step gives what building it anew gives", "[llm]") {
  for (const char* name : {"llama-3.1-8b", "deepseek-v2-lite", "qwen3-30b-a3b"}) {
    Bench used(shipped(name)), fresh(shipped(name));
    used.step({{10, 3, true}, {4, 1, true}});
    Step old = used.step({{1, 7, true}, {40, 1, true}, {2, 1, true}});
    used.builder.recycle(std::move(old));
    for (int round = 0; round < 3; ++round) {  // a copy, a recycled one, a copy
      const Step a = used.step({{100, 20, true}, {600, 1, true}}),
                 b = fresh.step({{100, 20, true}, {600, 1, true}});
      REQUIRE(boost::num_vertices(a.graph) == boost::num_vertices(b.graph));
      CHECK(boost::num_edges(a.graph) == boost::num_edges(b.graph));
      CHECK(a.repeats.size() == b.repeats.size());
      for (OpVertex v = 0; v < boost::num_vertices(a.graph); ++v) {
        const Op &x = a.graph[v], &y = b.graph[v];
        CAPTURE(name, round, x.label);
        CHECK(std::string(x.label) == y.label);
        CHECK(x.flops == y.flops);
        REQUIRE(x.accesses.size() == y.accesses.size());
        for (std::size_t i = 0; i < x.accesses.size(); ++i) {
          CHECK(x.accesses[i].bytes == y.accesses[i].bytes);
          CHECK(x.accesses[i].reuse_distance == y.accesses[i].reuse_distance);
        }
      }
    }
  }
}

TEST_CASE("Full graphs hold a decode batch, pieces hold a mixed one, large batches run eagerly",
          "[llm]") {
  Bench b(shipped("llama-3.1-8b"));
  const auto captured = [](const Step& s, const char* label) { return find(s, label)->in_graph; };
  const Step decode = b.step({{10, 1, true}, {10, 1, true}, {10, 1, true}});
  CHECK(captured(decode, "attention"));
  CHECK(captured(decode, "qkv_proj"));
  CHECK_FALSE(captured(decode, "lm_head"));
  CHECK(find(decode, "qkv_proj")->gemm.m == 4);  // 3 padded to the captured 4
  CHECK(find(decode, "lm_head")->gemm.m == 3);
  CHECK(find(decode, "attention")->attention.sequences == 3);
  const Step mixed = b.step({{0, 100, true}, {10, 1, true}});
  CHECK_FALSE(captured(mixed, "attention"));
  CHECK(captured(mixed, "qkv_proj"));
  CHECK(find(mixed, "qkv_proj")->gemm.m == 104);
  const Step large = b.step({{0, 513, true}});
  CHECK_FALSE(captured(large, "qkv_proj"));
  CHECK(find(large, "qkv_proj")->gemm.m == 513);
  CHECK(StepParams::default_capture_sizes(512).size() ==
        51);  // vLLM 0.19: 1, 2, 4, 8 … 248, 256 … 512
}

TEST_CASE("Mixed attention is one launch, or two where the backend splits it", "[llm]") {
  StepParams params;
  CHECK(count(Bench(shipped("llama-3.1-8b"), {}, params).step({{0, 9, true}, {9, 1, true}}),
              "attention") == 32);
  params.split_attention = true;
  Bench two(shipped("llama-3.1-8b"), {}, params);
  const Step split = two.step({{0, 9, true}, {9, 1, true}});
  CHECK(count(split, "attention") == 64);
  CHECK(flops_of(split, {OpKind::attention_decode}) == 4 * 10 * 4096.0 * 32);
}

TEST_CASE("Quantised activations are written before the gemm that reads them", "[llm]") {
  Bench b(shipped("llama-3.1-8b", {"weight_format=fp8", "activation_format=fp8"}));
  const Step step = b.step({{0, 512, false}});
  CHECK(count(step, "quantize") == 4 * 32);
  CHECK(find(step, "qkv_proj")->format == Format::fp8);
  CHECK(find(step, "qkv_proj")->accesses[0].bytes == 512 * 4096);
  CHECK(find(step, "qkv_proj")->accesses[1].bytes == 6144 * 4096 + 6144 * 4);
  Bench w4(shipped("llama-3.1-8b", {"weight_format=int4"}));
  const Step weights_only = w4.step({{0, 512, false}});
  CHECK(count(weights_only, "quantize") == 0);
  CHECK(find(weights_only, "qkv_proj")->format == Format::bf16);
  CHECK(find(weights_only, "qkv_proj")->gemm.weights == Format::int4);
}

TEST_CASE("Every shipped model on every usual cut gives a sound step, and ranks share the work",
          "[llm]") {
  int built = 0;
  for (const auto& file : std::filesystem::directory_iterator(llm_configs())) {
    const ModelShape m = shipped(file.path().stem().string());
    Bench one(m);
    const double alone =
        flops_of(one.step({{0, 300, true}, {20, 1, true}, {400, 1, true}}), {OpKind::gemm});
    for (const Parallel& p : {Parallel{1, 1, 1, false},
                              {2, 1, 1, false},
                              {4, 2, 1, false},
                              {8, 1, 1, false},
                              {1, 4, 1, false},
                              {2, 2, 2, false},
                              {2, 1, 1, true},
                              {1, 1, 4, true},
                              {2, 2, 2, true}}) {
      CAPTURE(m.name, p.tp, p.pp, p.dp, p.expert_parallel);
      try {
        check(p, m);
      } catch (const BuildError&) {
        continue;
      }
      Bench b(m, p);
      Batch batch = b.builder.batch();
      for (const Slice& s : {Slice{0, 300, true}, {20, 1, true}, {400, 1, true}}) batch.add(s);
      batch.replica = p.dp - 1;
      const Step step = b.builder.build(batch);
      check(step);
      ++built;
      for (OpVertex v = 0; v < boost::num_vertices(step.graph); ++v) {
        REQUIRE(step.graph[v].engine != none);
        for (const Access& a : step.graph[v].accesses) {
          REQUIRE(a.bytes > 0);
          REQUIRE(a.reuse_distance >= 0);
        }
      }
      CHECK(count(step, "send") == p.pp - 1);
      const double mine = flops_of(step, {OpKind::gemm});
      CHECK(mine >= alone / number(p.tp) * (1 - 1e-9));  // replicated parts make it a little more
      // KV heads replicated, vocabularies padded, routers and latent projections whole on every
      // rank.
      if (m.kv_heads % p.tp == 0 && !m.moe && !m.mla)
        CHECK(mine * number(p.tp) == Approx(alone).epsilon(0.002));
    }
  }
  CHECK(built > 150);
}

TEST_CASE("Tensor parallelism sums twice a layer, and once after the embedding", "[llm]") {
  Bench b(shipped("llama-3.1-8b"), {4, 1, 1, false});
  const Step step = b.step({{100, 1, true}});
  CHECK(count(step, "all_reduce") == 65);
  CHECK(find(step, "all_reduce")->message_bytes == 4096 * 2);
  CHECK(b.machine.ranks(find(step, "all_reduce")->group) == 4);
  CHECK(find(step, "all_gather")->message_bytes == 128256 * 2);
}

TEST_CASE("A pipeline sends the state and the residual from one GPU's memory to the next's",
          "[llm]") {
  Bench b(shipped("llama-3.1-8b"), {1, 2, 1, false});
  const Step step = b.step({{100, 1, true}, {100, 1, true}});
  const Op& send = *find(step, "send");
  CHECK(send.message_bytes == 2 * 2 * 4096 * 2);
  CHECK(b.machine.ranks(send.group) == 1);
  CHECK(send.group != none);
  CHECK(send.accesses[0].tier == b.placement.at(0, 0).hbm);
  CHECK(send.accesses[1].tier == b.placement.at(0, 1).hbm);
  CHECK(step.repeats.size() == 2);
  CHECK(step.repeats[0].times == 16);
  CHECK(step.graph[step.repeats[1].first].engine == b.placement.at(0, 1).compute);
}
