// Bytes of caches in closed form: the arithmetic of the papers.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

CacheBits bits_of(const KvPolicy& policy, const RandomTrace& trace, std::int64_t prompt,
                  std::int64_t steps) {
  Walk how;
  how.prompt = prompt;
  how.steps = steps;
  how.calibration = &trace;
  CacheBits bits;
  walk(policy, trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) { bits = cache.bits(); });
  return bits;
}

// One layer of Llama-3-8B has 8 KV heads of 128 channels; the model has 32 layers.
RandomTrace llama_layer(std::int64_t tokens) {
  return RandomTrace(1, {tokens, 1, 8, 8, 128, 16, true});
}

}  // namespace

TEST_CASE("a token of Llama-3-8B takes 131,072 bytes in fp16, and 2^20 tokens 128 GiB") {
  const RandomTrace trace = llama_layer(8);
  const double token = 32 * bits_of(preset("full"), trace, 4, 4).sequence() / 8 / 8;
  REQUIRE(token == 131072);
  // HeadInfer, arXiv 2502.12574: 128 GB of KV cache for a million tokens.
  REQUIRE(token * (1 << 20) == 128.0 * (1LL << 30));
}

TEST_CASE("KIVI takes 3 bits a number with its steps and zeros, and the window as it is") {
  // Groups of 32 two-bit numbers and two fp16: (32 * 2 + 2 * 16) / 32 = 3 bits. Keys are coded 128
  // at a time; values when 128 newer ones are there.
  const std::int64_t tokens = 448;
  const RandomTrace trace = llama_layer(tokens);
  const CacheBits bits = bits_of(preset("kivi"), trace, 384, 64);
  const double numbers = 8 * 128, coded_keys = 384, raw_keys = 64, coded_values = 320;
  const double raw_values = 128;
  REQUIRE(bits.keys == numbers * (coded_keys * 3 + raw_keys * 16));
  REQUIRE(bits.values == numbers * (coded_values * 3 + raw_values * 16));
  REQUIRE(bits.sequence() == bits.keys + bits.values);
  // Far beyond the window the ratio goes to 16 / 3 = 5.33; metadata are a third of what is left.
  const double ratio = 16.0 / 3;
  REQUIRE(ratio == Approx(5.333).epsilon(1e-3));
}

TEST_CASE("a token coded by itself takes its codes and 4 bytes, in any head") {
  for (const std::int64_t bits : {8, 4, 2}) {
    const RandomTrace trace = llama_layer(32);
    const CacheBits all = bits_of(preset("rtn_int" + std::to_string(bits)), trace, 16, 16);
    REQUIRE(all.keys == 32.0 * 8 * (128.0 * static_cast<double>(bits) + 32));
    REQUIRE(all.values == all.keys);
  }
  REQUIRE(bits_of(preset("fp8"), llama_layer(32), 16, 16).sequence() == 32.0 * 8 * 2 * 128 * 8);
}

TEST_CASE("20 % of the tokens in 4 bits is the 20x of Scissorhands, less the steps and zeros") {
  // arXiv 2305.17118: 5x by tokens, 20x with 4-bit quantisation on top. 128 numbers of 4 bits carry
  // 32 bits more, so that 5 * 16 / (4 + 32 / 128) = 18.8x is what is left of it.
  const RandomTrace trace = llama_layer(160);
  const CacheBits bits = bits_of(
      policy_of(
          "{score: recency, budget: {kind: uniform, share: 0.2}, codec: {kind: rtn, bits: 4}}"),
      trace, 120, 40);
  const double full = 160.0 * 8 * 2 * 128 * 16;
  INFO("ratio " << full / bits.sequence() << " for " << 5 * 16 / 4.25);
  REQUIRE(full / bits.sequence() == Approx(5 * 16 / 4.25));
}

TEST_CASE("columns beside entries are counted: H2O keeps 4 bytes for every token and head") {
  const RandomTrace trace = llama_layer(100);
  const CacheBits bits = bits_of(preset("h2o"), trace, 80, 20);
  REQUIRE(bits.scores == 8.0 * 20 * 32);
  REQUIRE(bits.keys == 8.0 * 20 * 128 * 16);
}

TEST_CASE("a block keeps its bits until the last of its tokens is gone") {
  // 32 tokens share steps by channel; a window of 40 tokens leaves holes at the front.
  const RandomTrace trace(2, {128, 1, 2, 2, 32, 16, true});
  const KvPolicy policy = policy_of(
      "{score: recency, budget: {kind: uniform, tokens: 40}, "
      "codec: {kind: rtn, bits: 2, per: channel, group: 32}}");
  Walk how;
  how.prompt = 32;
  how.steps = 96;
  walk(policy, trace, how, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    const HeadCache& head = cache.head(0, 0);
    const std::int64_t first = std::max<std::int64_t>(0, seen - 40);
    std::int64_t coded_to = 0, live = 0;
    for (std::int64_t b = 0; (b + 1) * 32 <= seen; ++b) {
      coded_to = (b + 1) * 32;
      live += coded_to > first ? 1 : 0;
    }
    const double raw = static_cast<double>(seen - std::max(first, coded_to));
    const double block = 32 * 32 * 2 + 32 * 32;
    INFO(seen << " seen");
    REQUIRE(head.bits(HeadCache::key) == static_cast<double>(live) * block + raw * 32 * 16);
  });
}

TEST_CASE("gathered tokens are short runs, pages long ones, and heads of a token shorter still") {
  PageLayout hnd, nhd;
  nhd.heads_apart = false;
  const std::vector<std::int32_t> scattered = {0, 2, 4, 6, 40},
                                  pages = {16, 17, 18, 19, 20, 21, 22, 23, 24,
                                           25, 26, 27, 28, 29, 30, 31, 32, 33};
  REQUIRE(hnd.runs(scattered) == 5);
  REQUIRE(hnd.runs(pages) == 2);  // 16 to 31, and what begins the next page
  REQUIRE(nhd.runs(pages) == 18);
  REQUIRE(hnd.runs(33) == 3);
  REQUIRE(nhd.runs(33) == 33);
}

TEST_CASE("a step of H2O moves its budget, its newest token and its probabilities") {
  const RandomTrace trace(2, {96, 2, 4, 2, 32, 16, true});
  QualityOptions options;
  options.prompt = 64;
  const TraceQuality q = measure_quality(
      policy_of("{score: accumulated_attention, budget: {kind: uniform, tokens: 20}}"), trace,
      options);
  const auto at = [](const std::vector<WorkTotal>& w, KvWork work, bool writes) {
    return w[(static_cast<std::size_t>(work) * 2 + (writes ? 1 : 0)) * 2];
  };
  const double steps = 32, heads = 2 * 2, group = 2, entry = 2 * 32 * 2;  // K and V, fp16
  REQUIRE(at(q.decode_work, KvWork::attend, false).bytes == steps * heads * 21 * entry);
  REQUIRE(at(q.decode_work, KvWork::attend, false).flops == steps * heads * 21 * group * 4 * 32);
  REQUIRE(at(q.decode_work, KvWork::write, true).bytes == steps * heads * entry);
  REQUIRE(at(q.decode_work, KvWork::probabilities, true).bytes == steps * heads * 21 * group * 2);
  REQUIRE(at(q.decode_work, KvWork::score, false).bytes == steps * heads * 21 * 4);
  REQUIRE(at(q.decode_work, KvWork::compact, true).bytes == 0);  // the newest takes the place
  // After the prompt 20 of 64 close ranks, and all its probabilities went through memory.
  REQUIRE(at(q.prefill_work, KvWork::compact, true).bytes == heads * 20 * entry);
  REQUIRE(at(q.prefill_work, KvWork::probabilities, true).bytes == heads * 64 * group * 64 * 2);
  REQUIRE(at(q.prefill_work, KvWork::vote, false).bytes == 0);
}

TEST_CASE("SnapKV's vote costs a pass over the keys for a window of queries") {
  const RandomTrace trace(2, {96, 2, 4, 2, 32, 16, true});
  QualityOptions options;
  options.prompt = 64;
  const TraceQuality q = measure_quality(
      policy_of("{score: {kind: observation_window, window: 8}, budget: {kind: uniform, tokens: "
                "20}, protect: {recent: 8}, decode: {budget: uniform}}"),
      trace, options);
  const auto vote = q.prefill_work[static_cast<std::size_t>(KvWork::vote) * 4];
  const double heads = 2 * 2, group = 2;
  REQUIRE(vote.bytes == heads * 64 * 32 * 2);
  REQUIRE(vote.flops == heads * 8 * group * 64 * 2 * 32);
  REQUIRE(q.decode_work[static_cast<std::size_t>(KvWork::probabilities) * 4].bytes == 0);
}

}  // namespace terrace
