// Placements whose cache lies below: what is held above, and what crosses.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

double total(const PolicyCache& cache, KvWork work, KvTier tier, bool writes,
             double PlanItem::*what = &PlanItem::bytes) {
  double sum = 0;
  for (const PlanItem& i : cache.plan())
    if (i.work == work && i.tier == tier && i.writes == writes) sum += i.*what;
  return sum;
}

struct Seen {
  CacheBits bits;
  double fetched = 0, runs = 0, rebuilt = 0, labels = 0;
};
Seen after(const std::string& yaml, const RandomTrace& trace, Walk how = {}) {
  Seen s;
  how.calibration = &trace;
  walk(policy_of(yaml), trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
    s.bits = cache.bits();
    s.fetched = total(cache, KvWork::fetch, KvTier::lower, false);
    s.runs = total(cache, KvWork::fetch, KvTier::lower, false, &PlanItem::runs);
    s.rebuilt = total(cache, KvWork::recompute, KvTier::hot, false, &PlanItem::flops);
  });
  return s;
}

}  // namespace

TEST_CASE("HeadInfer: 128 GiB below and 1 GiB above for 2^20 tokens of Llama-3-8B") {
  // One layer of 8 heads, 16 tokens; bytes grow with both. 2 of 256 heads have room above.
  const RandomTrace trace(1, {16, 1, 8, 8, 128, 16, true});
  Walk how;
  how.prompt = how.steps = 8;
  const Seen s = after("{place: {kind: by_head}}", trace, how);
  const double scale = 32.0 * (1 << 20) / 16 / 8, gib = 1073741824.0;
  REQUIRE(s.bits.lower * scale == 128 * gib);
  REQUIRE(s.bits.labels * scale / 32 == gib);  // of one layer's heads, not of 32 layers'
  // A step brings up all that was there before: 8, 9, … 15 tokens.
  REQUIRE(s.fetched == (8 + 15) * 8 / 2 * 8 * 2 * 128 * 2);
}

TEST_CASE(
    "a cache below leaves labels, sinks and recent tokens above (Double Sparsity, offloaded)") {
  const RandomTrace trace(2);
  const Seen s = after(
      "{place: {kind: label_channels, tier: lower, channels: 0.125, tokens: 16, sinks: 2, recent: "
      "6}}",
      trace);
  const double heads = 4, entry = 2 * 16 * 16;  // bits of a token's keys and values
  REQUIRE(s.bits.lower == Approx(heads * 88 * entry));
  REQUIRE(s.bits.labels == heads * 96 * 2 * 16);
  REQUIRE(s.fetched == 32 * heads * 8 * entry / 8);  // 16 less those above, every step
  REQUIRE(s.fetched / s.runs < 2 * entry / 16);      // hardly more than one key a stretch
}

TEST_CASE("ShadowKV fetches values alone and rebuilds keys: 2 rank head_dim FLOPs each") {
  const RandomTrace trace(3);
  const std::string yaml = "{place: {kind: chunks, tier: lower, chunk: 4, tokens: 24, recent: 4";
  const Seen both = after(yaml + "}}", trace), values = after(yaml + ", rank: 5}}", trace);
  REQUIRE(both.fetched == 32 * 4 * 20 * 2 * 16 * 2);
  REQUIRE(values.fetched == both.fetched / 2);
  REQUIRE(values.runs == both.runs / 2);
  REQUIRE(values.rebuilt == 32 * 4 * 20 * 2 * 5 * 16);
  REQUIRE(values.bits.lower == Approx(both.bits.lower / 2));  // keys stay
  REQUIRE(values.bits.labels == 4 * 24 * 16 * 16);            // a mean key for each of 24 chunks
}

TEST_CASE("outlier chunks are above: what is fetched excludes them") {
  const RandomTrace trace(3);
  const Seen s =
      after("{place: {kind: chunks, tier: lower, chunk: 4, tokens: 24, recent: 4, outliers: 0.09}}",
            trace);
  // Two chunks of four (9 % of 24, rounded down) are always read, from above, but for those among
  // the recent tokens.
  REQUIRE(s.fetched >= 32 * 4 * 12 * 2 * 16 * 2);
  REQUIRE(s.fetched <= 32 * 4 * 20 * 2 * 16 * 2);
  REQUIRE(s.bits.lower == Approx(4 * (96 - 4 - 8) * 2 * 16 * 16));
}

TEST_CASE("first, last and outlier tokens are read at every step, however small the share") {
  const RandomTrace trace(4);
  for (const char* place :
       {"{kind: chunks, chunk: 4, share: 0.02, sinks: 3, recent: 9, outliers: 0.01}",
        "{kind: vector_codes, bits: 4, parts: 8, share: 0.02, sinks: 3, recent: 9}",
        "{kind: hierarchy, layers: 1, share: 0.02, sinks: 3, recent: 9}"}) {
    INFO(place);
    CacheSetup setup;
    setup.shape = trace.shape();
    PolicyCache cache(policy_of(std::string("{place: ") + place + "}"), setup);
    std::size_t steps = 0;
    cache.observe_reads([&](std::int64_t, std::int64_t, const std::vector<std::int32_t>& read) {
      ++steps;
      const std::int32_t now = read.back();
      for (const std::int32_t sure : {0, 1, 2})
        REQUIRE(std::binary_search(read.begin(), read.end(), sure));
      for (std::int32_t sure = now - 8; sure <= now; ++sure)
        REQUIRE(std::binary_search(read.begin(), read.end(), sure));
      REQUIRE(read.size() <= 3 + 9 + 4);  // an outlier chunk at most
    });
    TraceTokens tokens;
    std::vector<float> out(4 * 16);
    for (std::int64_t l = 0; l < 2; ++l) {
      const TraceTensors t = trace.layer(l);
      cache.attend(tokens.at(trace, t, l, 0, 64), Phase::prefill, true, nullptr);
      cache.attend(tokens.at(trace, t, l, 64, 1), Phase::decode, false, out.data());
    }
    REQUIRE(steps == 2 * 2);
  }
}

TEST_CASE("how much a step reads is a share or a number of tokens: both or neither is a mistake") {
  for (const char* kind :
       {"pages", "chunks", "clusters", "hierarchy", "label_channels", "local_window",
        "position_persistent", "dynamic_chunks", "vector_codes", "in_storage, channels: 4"}) {
    const std::string place = std::string("{place: {kind: ") + kind;
    INFO(place);
    REQUIRE_NOTHROW(policy_of(place + ", share: 0.5}}"));
    REQUIRE_NOTHROW(policy_of(place + ", tokens: 64}}"));
    REQUIRE_THROWS_AS(policy_of(place + ", share: 0.5, tokens: 64}}"), ConfigError);
    REQUIRE_THROWS_AS(policy_of(place + "}}"), ConfigError);
  }
}

TEST_CASE("the first step knows what the prompt's last queries attended to (ALISA)") {
  // Half of 12 tokens recent; the others those with the most attention, summed over the prompt's
  // last 3 queries and both query heads.
  const RandomTrace trace(11, {65, 1, 4, 2, 16, 24, true});
  CacheSetup setup;
  setup.shape = trace.shape();
  PolicyCache cache(
      policy_of("{place: {kind: local_window, tokens: 12, recent_share: 0.5, steps: 3}}"), setup);
  std::int64_t heads = 0;
  cache.observe_reads([&](std::int64_t, std::int64_t kv, const std::vector<std::int32_t>& read) {
    ++heads;
    std::vector<double> sum(65, 0.0);
    for (std::int64_t now = 61; now < 64; ++now)
      for (const std::int64_t h : {2 * kv, 2 * kv + 1}) {
        std::vector<std::int32_t> seen(static_cast<std::size_t>(now + 1));
        std::iota(seen.begin(), seen.end(), 0);
        const auto p = slow_attention(trace, 0, h, now, seen);
        for (std::size_t i = 0; i < p.size(); ++i) sum[i] += p[i];
      }
    std::vector<std::int32_t> expected{59, 60, 61, 62, 63, 64}, others(59);
    std::iota(others.begin(), others.end(), 0);
    std::sort(others.begin(), others.end(), [&](std::int32_t a, std::int32_t b) {
      return sum[static_cast<std::size_t>(a)] > sum[static_cast<std::size_t>(b)];
    });
    expected.insert(expected.end(), others.begin(), others.begin() + 6);
    std::sort(expected.begin(), expected.end());
    REQUIRE(read == expected);
  });
  TraceTokens tokens;
  std::vector<float> out(4 * 16);
  const TraceTensors t = trace.layer(0);
  cache.attend(tokens.at(trace, t, 0, 0, 64), Phase::prefill, true, nullptr);
  cache.attend(tokens.at(trace, t, 0, 64, 1), Phase::decode, false, out.data());
  REQUIRE(heads == 2);
}

TEST_CASE("what the last step read is not fetched again (ClusterKV)") {
  const RandomTrace trace(5, {160, 2, 4, 2, 16, 24, true});
  Walk how;
  how.prompt = 128;
  const Seen s =
      after("{place: {kind: clusters, tier: lower, cluster: 8, tokens: 48}}", trace, how);
  const double cold = 32 * 4 * 47 * 2 * 16 * 2;
  INFO("fetched " << s.fetched << " of " << cold);
  REQUIRE(s.fetched < cold);
  REQUIRE(s.fetched > 0);
  // 128 / 8 centroids, and a number for every token.
  REQUIRE(s.bits.labels == 4 * (16 * 16 * 16 + 160 * 32));
}

TEST_CASE("a query that has not turned away fetches nothing (LouisKV)") {
  const RandomTrace trace(5, {160, 2, 4, 2, 16, 24, true});
  Walk how;
  how.prompt = 128;
  const auto fetched = [&](const char* turn) {
    return after(std::string("{place: {kind: clusters, tier: lower, cluster: 8, tokens: 48, "
                             "segments: true, turn: ") +
                     turn + "}}",
                 trace, how)
        .fetched;
  };
  // Below a cosine of -1 nothing turns: the first choice stays.
  REQUIRE(fetched("-1") == 4 * 47 * 2 * 16 * 2);
  REQUIRE(fetched("0.5") > fetched("-1"));
}

TEST_CASE("frames are found once for a question and then stay (ReKV)") {
  const RandomTrace trace(5, {160, 2, 4, 2, 16, 24, true});
  const std::string once =
      "{place: {kind: chunks, tier: lower, chunk: 8, tokens: 48, once: true, window: 16}}";
  require_sound(policy_of(once), trace);
  REQUIRE(after(once, trace).fetched == 4 * 47 * 2 * 16 * 2);  // the first step's, of 32
}

TEST_CASE("codes of 8 parts and 2^4 vectors take 4 bytes a key and one table a head (A2ATS)") {
  const RandomTrace trace(6);
  const Seen s =
      after("{place: {kind: vector_codes, tier: lower, bits: 4, parts: 8, tokens: 24}}", trace);
  REQUIRE(s.bits.labels == 4 * (96 * 8 * 4 + 16 * 16 * 16));
  REQUIRE(s.fetched == 32 * 4 * 23 * 2 * 16 * 2);
}

TEST_CASE("a share of what does not fit is computed again, not fetched (ALISA)") {
  const RandomTrace trace(7);
  const std::string yaml = "{place: {kind: local_window, tokens: 40, hot_tokens: 32, recompute: ";
  const Seen load = after(yaml + "0}}", trace), again = after(yaml + "1}}", trace);
  REQUIRE(load.fetched > 0);
  REQUIRE(load.rebuilt == 0);
  REQUIRE(again.fetched == 0);
  // Keys and values of a token and head: 2 x 2 x hidden x head_dim FLOPs.
  REQUIRE(again.rebuilt == Approx(load.fetched / (2 * 16 * 2) * 4 * 24 * 16));
  REQUIRE(load.bits.lower == Approx(4 * (96 - 32) * 2 * 16 * 16));
}

TEST_CASE("a drive reads the flash pages that chosen tokens lie in, each once") {
  // Tokens of 32 B: 8 to a page. A share of them is never more than all pages, and never less than
  // its tokens would fill.
  const RandomTrace trace(9);
  const auto read = [&](const std::string& more) {
    double bytes = 0;
    walk(policy_of("{place: {kind: in_storage, flash_page: 256" + more + "}}"), trace, {},
         [&](const PolicyCache& cache, std::int64_t, const auto&) {
           bytes = total(cache, KvWork::attend, KvTier::lower, false);
         });
    return bytes;
  };
  const double all = read(""), half = read(", channels: 4, share: 0.5"),
               few = read(", channels: 4, share: 0.05");
  INFO(few << ", " << half << ", " << all);
  CHECK(std::fmod(few, 256) == 0);
  CHECK(few < half);
  CHECK(half <= all * 1.01);
  CHECK(half >= 0.5 * all * 0.9);
}

TEST_CASE(
    "a drive that attends sends queries and outputs, and reads whole flash pages (InstInfer)") {
  const RandomTrace trace(8);
  double attended = 0;
  Walk how;
  walk(policy_of("{place: {kind: in_storage, flash_page: 1024}}"), trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         attended = total(cache, KvWork::attend, KvTier::lower, false);
       });
  const Seen s = after("{place: {kind: in_storage, flash_page: 1024}}", trace);
  REQUIRE(s.fetched == 32 * 4 * 2 * 2 * 16 * 2);  // steps, heads, group, q and out, channels, bytes
  double pages = 0;
  for (std::int64_t n = 65; n <= 96; ++n)
    pages += 4 * 2 * std::ceil(static_cast<double>(n) * 32 / 1024);
  REQUIRE(attended == pages * 1024);
  REQUIRE(s.bits.lower == s.bits.keys + s.bits.values);
}

}  // namespace terrace
