// Codecs that keep fewer directions or channels: exact where rows have no more, and the papers'
// arithmetic of what they take.
#include <catch2/catch.hpp>

#include "tests/workloads/kv/codec/codec_bench.h"
#include "workloads/kv/codec/linear_algebra.h"

namespace terrace {
namespace {

// Keys and values of all heads in `rank` directions, before RoPE.
class LowRankTrace final : public AttentionTrace {
 public:
  LowRankTrace(std::int64_t tokens, std::int64_t kv_heads, std::int64_t dim, std::int64_t rank)
      : tokens_(tokens) {
    shape_.layers = 1;
    shape_.heads = shape_.kv_heads = kv_heads;
    shape_.head_dim = shape_.hidden = dim;
    shape_.scale = 1;
    const Table y = normal_rows(tokens, rank, 1), map = normal_rows(rank, kv_heads * dim, 2);
    for (std::int64_t h = 0; h < kv_heads; ++h) {
      heads_.emplace_back(tokens, dim);
      for (std::int64_t t = 0; t < tokens; ++t)
        for (std::int64_t r = 0; r < rank; ++r)
          for (std::int64_t c = 0; c < dim; ++c)
            heads_.back().row(t)[c] += y.row(t)[r] * map.row(r)[h * dim + c];
    }
  }
  const KvShape& shape() const override { return shape_; }
  std::int64_t tokens() const override { return tokens_; }
  TraceTensors layer(std::int64_t) const override {
    TraceTensors t;
    for (const Table& head : heads_) t.k.push_back(head.view());
    t.q = t.v = t.k;
    t.x = heads_[0].view();
    return t;
  }
  Table rows() const {
    Table all(tokens_, shape_.kv_heads * shape_.head_dim);
    for (std::int64_t t = 0; t < tokens_; ++t)
      for (std::int64_t c = 0; c < all.cols; ++c)
        all.row(t)[c] =
            heads_[static_cast<std::size_t>(c / shape_.head_dim)].row(t)[c % shape_.head_dim];
    return all;
  }

 private:
  KvShape shape_;
  std::int64_t tokens_;
  std::vector<Table> heads_;
};

}  // namespace

TEST_CASE("rows of few directions come back from them, to the rounding of fp16") {
  const LowRankTrace trace(100, 2, 16, 6);
  const Table x = trace.rows();
  for (const char* yaml : {"{kind: channel_shrink, share: 0.25}", "{kind: folded_heads}",
                           "{kind: matryoshka, share: 0.5, step: 16}"}) {
    const Coded coded = code(*codec_of(yaml, trace), x.view());
    INFO(yaml << " loses " << lost(x.view(), coded.rows));
    REQUIRE(lost(x.view(), coded.rows) < 1e-5);
  }
  // Of 32 channels: 8, 16 and 16 numbers a token, each in fp16.
  REQUIRE(
      code(*codec_of("{kind: channel_shrink, share: 0.25}", trace), x.view()).bits_per_number() ==
      4);
  REQUIRE(code(*codec_of("{kind: folded_heads}", trace), x.view()).bits_per_number() == 8);
  const RowsView head = trace.layer(0).k[1];
  const auto eigen = codec_of("{kind: eigen, error: 0.00001}", trace, HeadCache::key, 0, 1);
  const Coded coded = code(*eigen, head);
  REQUIRE(coded.bits_per_number() <= 16 * 6.0 / 16);
  REQUIRE(lost(head, coded.rows) < 1.1e-5);
  REQUIRE(eigen->shared_bytes() == 16 * coded.bits_per_number() / 16 * 16 * 2);
}

TEST_CASE("what is lost is the share of squares outside of the kept directions") {
  // Eckart and Young: no other basis of that rank loses less on the rows it was made from.
  const RandomTrace trace(4, {300, 1, 2, 2, 16, 16, false});
  Table x(300, 32);
  for (std::int64_t t = 0; t < 300; ++t)
    for (std::int64_t c = 0; c < 32; ++c)
      x.row(t)[c] = trace.layer(0).k[static_cast<std::size_t>(c / 16)].at(t, c % 16);
  const Eigen e = eigen_symmetric(gram(x.view()));
  double all = 0, outside = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    all += e.values[i];
    if (i >= 8) outside += e.values[i];
  }
  const Coded coded = code(*codec_of("{kind: channel_shrink, share: 0.25}", trace), x.view());
  REQUIRE(lost(x.view(), coded.rows) == Approx(outside / all).epsilon(1e-3));
}

TEST_CASE("CSKV: a fifth of the channels is 20 %, in 4 bits 0.2 * 0.25 = 5 % and its steps") {
  // arXiv 2409.10593, abstract: 80 % and, with 4 bits, 95 % less. 5 heads of 32: 32 of 160
  // channels.
  const RandomTrace trace(4, {96, 1, 5, 5, 32, 16, true});
  const double coded = 64, window = 32, full = 160 * 16;
  const CacheBits half = bits_after(preset("cskv"), trace, 95);
  const CacheBits int4 = bits_after(preset("cskv_int4"), trace, 95);
  REQUIRE((half.keys - window * full) / (coded * full) == Approx(0.2));
  REQUIRE((int4.keys - window * full) / (coded * full) == Approx(0.05 + 32 / full));
  REQUIRE(half.values == half.keys);
  // On Llama-2-7B's 4096 channels a token: 819 of them, 4 bits, one step and zero: 5.01 %.
  REQUIRE((819 * 4 + 32.0) / (4096 * 16) == Approx(0.0505).epsilon(0.01));
  REQUIRE(half.shared == 2 * 8 * (32 * 160 * 2));  // up projections of keys and of values
}

TEST_CASE("two of four directions of each pair of heads is half of the cache") {
  const RandomTrace trace(4, {64, 2, 4, 4, 16, 16, true});
  const CacheBits folded = bits_after(preset("kv_heads_half"), trace, 63);
  REQUIRE(folded.keys == 0.5 * 64 * 2 * 64 * 16);
  REQUIRE(folded.positions == 64.0 * 2 * 4 * 32);  // RoPE is applied when read
  const auto quarter = policy_of("{codec: {kind: folded_heads, heads: 4}}");
  REQUIRE(bits_after(quarter, trace, 63).keys == 0.25 * 64 * 2 * 64 * 16);
  REQUIRE_THROWS_AS(bits_after(policy_of("{codec: {kind: folded_heads, heads: 3}}"), trace, 63),
                    BuildError);
}

TEST_CASE("MatryoshkaKV keeps 40 % of a layer, more of the heads that need more") {
  const RandomTrace trace(4, {128, 1, 2, 2, 32, 16, true});
  const CacheBits bits = bits_after(preset("matryoshka_kv"), trace, 127);
  const double kept = bits.values / (128 * 2 * 32 * 16);
  REQUIRE(kept <= 0.4);
  REQUIRE(kept > 0.4 - 4.0 / 64);  // steps of an eighth of a head
}

TEST_CASE("ThinK keeps the channels whose product of norms is largest, and a bit for each") {
  const RandomTrace trace(4, {96, 1, 4, 2, 32, 16, true});
  Walk how;
  how.prompt = 64;
  how.steps = 32;
  const TraceTensors t = trace.layer(0);
  std::vector<std::pair<double, std::int64_t>> score;
  for (std::int64_t c = 0; c < 32; ++c) {
    double q = 0, k = 0;
    for (std::int64_t i = 32; i < 64; ++i)
      for (const std::size_t head : {2, 3}) q += std::pow(t.q[head].at(i, c), 2);
    for (std::int64_t i = 0; i < 32; ++i) k += std::pow(t.k[1].at(i, c), 2);
    score.emplace_back(-q * k, c);
  }
  std::sort(score.begin(), score.end());
  const std::int64_t count = 19;  // 0.6 of 32
  walk(preset("think"), trace, how, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    const HeadCache& head = cache.head(0, 1);
    const double coded = static_cast<double>(seen) - 32;
    REQUIRE(head.bits(HeadCache::key) == 32 + coded * count * 16 + 32 * 32 * 16);
    REQUIRE(head.bits(HeadCache::value) == static_cast<double>(seen) * 32 * 16);
    for (std::size_t i = 0; i < 32; ++i)
      for (const std::int64_t token : {3, 30}) {
        const float was = t.k[1].at(token, score[i].second);
        const float now = head.keys().at(token, score[i].second);
        if (static_cast<std::int64_t>(i) < count)
          REQUIRE(now == Approx(was).epsilon(1e-3).margin(1e-6));
        else
          REQUIRE(now == 0);
      }
  });
}

}  // namespace terrace
