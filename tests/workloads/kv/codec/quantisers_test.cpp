// Quantising codecs: their own bounds, their bytes in closed form, and what each of them is for.
#include <catch2/catch.hpp>

#include "tests/workloads/kv/codec/codec_bench.h"

namespace terrace {
namespace {

const RandomTrace trace(3, {256, 2, 4, 2, 32, 24, true});

// Rows with some channels far larger than the others, as keys have them.
Table with_outlier_channels(std::int64_t rows, std::int64_t cols) {
  Table x = normal_rows(rows, cols);
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t c = 0; c < cols; c += 16) x.row(t)[c] *= 20;
  return x;
}

// The same rows as captured keys and values of one head.
class RowsTrace final : public AttentionTrace {
 public:
  explicit RowsTrace(Table rows) : rows_(std::move(rows)) {
    shape_.layers = shape_.heads = shape_.kv_heads = 1;
    shape_.head_dim = rows_.cols;
    shape_.hidden = rows_.cols;
  }
  const KvShape& shape() const override { return shape_; }
  std::int64_t tokens() const override { return rows_.rows; }
  TraceTensors layer(std::int64_t) const override {
    TraceTensors t;
    t.q = t.k = t.v = {rows_.view()};
    t.x = rows_.view();
    return t;
  }

 private:
  Table rows_;
  KvShape shape_;
};

// One head of independent queries, keys and values; the keys so many times as long.
class LongKeys final : public AttentionTrace {
 public:
  explicit LongKeys(float times)
      : q_(normal_rows(192, 32, 1)), k_(normal_rows(192, 32, 2)), v_(normal_rows(192, 32, 3)) {
    for (float& x : k_.data) x *= times;
    shape_.layers = shape_.heads = shape_.kv_heads = 1;
    shape_.head_dim = shape_.hidden = 32;
    shape_.scale = 1 / std::sqrt(32.0F);
  }
  const KvShape& shape() const override { return shape_; }
  std::int64_t tokens() const override { return 192; }
  TraceTensors layer(std::int64_t) const override {
    TraceTensors t;
    t.q = {q_.view()};
    t.k = {k_.view()};
    t.v = {v_.view()};
    t.x = v_.view();
    return t;
  }

 private:
  Table q_, k_, v_;
  KvShape shape_;
};

}  // namespace

TEST_CASE(
    "block floating point is within a step of its block, at mantissas and a shared exponent") {
  for (const int bits : {4, 7, 8}) {
    const auto bytes = require_codec_within(
        "{kind: block_float, reorder: false, block: 16, bits: " + std::to_string(bits) + "}", 32,
        64, [&](auto, auto, double) { return std::ldexp(8.0, 1 - bits); });  // |x| < 8
    REQUIRE(bytes == static_cast<std::size_t>(32 * 64 * bits / 8 + 32 * 4));
  }
}

TEST_CASE("outlier channels cost block floating point less when they share their exponents") {
  const RowsTrace outliers(with_outlier_channels(64, 64));
  const RowsView x = outliers.layer(0).k[0];
  const double plain =
      lost(x, code(*codec_of("{kind: block_float, reorder: false}", outliers), x).rows);
  const double sorted = lost(x, code(*codec_of("{kind: block_float}", outliers), x).rows);
  INFO("lost " << plain << " in order of number, " << sorted << " in order of size");
  REQUIRE(sorted < plain);
  // The paper's 2x needs 8 bits a number: mantissas of 7 and 8 bits for 16 channels are 7.5.
  const Coded coded = code(*codec_of("{kind: block_float, bits: 7}", outliers), x);
  REQUIRE(coded.bits_per_number() == 7.5);
}

TEST_CASE("GEAR takes its codes, a residual of rank r and outliers; each part makes it better") {
  // n tokens of d channels: 4 bits and two fp16 for 64 tokens of a channel, r(n + d) fp16, and 2 %
  // of a channel's tokens as 16 + 16 bits, an even number of them.
  const RowsTrace outliers(with_outlier_channels(512, 128));
  const RowsView x = outliers.layer(0).k[0];
  const auto gear = [&](const std::string& rest) {
    return code(*codec_of("{kind: gear, backbone: {kind: rtn, bits: 4, per: channel, group: 64}, " +
                              rest + "}",
                          outliers),
                x);
  };
  const double n = 512, d = 128, kept = 10;  // 2 * round(0.02 * 512 / 2)
  const double bits = 4 + 32.0 / 64 + 4 * (n + d) * 16 / (n * d) + kept / n * 32;
  const Coded all = gear("rank: 4, sparsity: 0.02"), coarse = gear("rank: 0, sparsity: 0");
  INFO("bits a number " << all.bits_per_number() << ", ratio to fp16 " << 16 / all.bits_per_number()
                        << ", share " << all.bits_per_number() / 16);
  REQUIRE(all.bits_per_number() == Approx(bits));
  REQUIRE(lost(x, gear("rank: 4, sparsity: 0").rows) < lost(x, coarse.rows));
  REQUIRE(lost(x, gear("rank: 0, sparsity: 0.02").rows) < lost(x, coarse.rows));
  REQUIRE(lost(x, all.rows) < lost(x, gear("rank: 4, sparsity: 0").rows));
  // Peak memory 2.29x less (abstract) is bounded by the cache's own ratio.
  REQUIRE(16 / all.bits_per_number() > 2.29);
}

TEST_CASE("GEAR with full rank leaves nothing but the rounding of fp16") {
  const RowsTrace rows(normal_rows(32, 16));
  const RowsView x = rows.layer(0).k[0];
  for (const HeadCache::Side side : {HeadCache::key, HeadCache::value})
    REQUIRE(lost(x, code(*codec_of("{kind: gear, backbone: {kind: rtn, bits: 2}, rank: 16, "
                                   "sparsity: 0.1, iterations: 8}",
                                   rows, side),
                         x)
                        .rows) < 1e-6);
}

TEST_CASE("a product code takes its bits, and centroids are the nearest of their book") {
  for (const auto& [channels, bits] : std::vector<std::pair<int, int>>{{8, 8}, {4, 8}, {2, 8}}) {
    const std::string yaml = "{kind: product, channels: " + std::to_string(channels) +
                             ", bits: " + std::to_string(bits) + "}";
    const auto codec = codec_of(yaml, trace);
    const RowsView x = trace.layer(0).k[0];
    const Coded coded = code(*codec, x);
    INFO(yaml << " loses " << lost(x, coded.rows));
    REQUIRE(coded.bits_per_number() == static_cast<double>(bits) / channels);
    REQUIRE(codec->shared_bytes() == 32.0 / channels * 256 * channels * 2);
    // As many centroids as captured tokens: each is its own centroid, to fp16.
    REQUIRE(lost(x, coded.rows) < 1e-6);
  }
  // CQ and MILLION on Llama-2-7B's heads of 128: 1, 2 and 4 bits, 16x, 8x and 4x, and a book of
  // 256 * 128 fp16 for each head, layer and side: 64 KiB.
  REQUIRE(256 * 128 * 2 == 64 * 1024);
}

TEST_CASE("coupled channels lose less than channels alone at the same bits when they depend") {
  // Coupled quantisation's own claim, on rows whose channels come in dependent pairs.
  Table x = normal_rows(256, 8);
  for (std::int64_t t = 0; t < 256; ++t)
    for (std::int64_t c = 1; c < 8; c += 2) x.row(t)[c] = x.row(t)[c - 1] * 0.9F;
  const RowsTrace rows(x);
  const double coupled =
      lost(x.view(), code(*codec_of("{kind: product, channels: 2, bits: 2}", rows), x.view()).rows);
  const double alone =
      lost(x.view(), code(*codec_of("{kind: product, channels: 1, bits: 1}", rows), x.view()).rows);
  INFO("lost " << coupled << " in pairs, " << alone << " alone");
  REQUIRE(coupled < alone);
}

TEST_CASE("learned levels keep outliers in fp16 and beat even steps at 3 bits") {
  Table x = normal_rows(256, 64);
  for (std::int64_t t = 0; t < 256; ++t) x.row(t)[t % 64] *= 15;
  const RowsTrace rows(x);
  for (const HeadCache::Side side : {HeadCache::key, HeadCache::value}) {
    const Coded own =
        code(*codec_of("{kind: nonuniform, bits: 3, outliers: 0.04}", rows, side), x.view());
    const Coded even = code(*codec_of("{kind: rtn, bits: 3, per: token}", rows, side), x.view());
    INFO("lost " << lost(x.view(), own.rows) << " and " << lost(x.view(), even.rows));
    REQUIRE(lost(x.view(), own.rows) < lost(x.view(), even.rows) / 4);
    for (std::int64_t t = 0; t < 256; ++t)
      if (std::fabs(x.row(t)[t % 64]) > 15)
        REQUIRE(own.rows.row(t)[t % 64] == Approx(x.row(t)[t % 64]).epsilon(1e-3));
  }
  // Without outliers: codes, a 16-bit count, and for values the range.
  const Coded keys = code(*codec_of("{kind: nonuniform, bits: 3, outliers: 0}", rows), x.view());
  const Coded values =
      code(*codec_of("{kind: nonuniform, bits: 3, outliers: 0}", rows, HeadCache::value), x.view());
  REQUIRE(keys.bytes == 256 * (64 * 3 / 8 + 2));
  REQUIRE(values.bytes == 256 * (64 * 3 / 8 + 2 + 4));
}

TEST_CASE("a rotation spreads outlier channels, so that 2 bits lose less") {
  const RowsTrace rows(with_outlier_channels(64, 128));
  const RowsView x = rows.layer(0).k[0];
  const Coded plain =
      code(*codec_of("{kind: rotated, bits: 2, rotate: false, reorder: false}", rows), x);
  const Coded turned = code(*codec_of("{kind: rotated, bits: 2}", rows), x);
  INFO("lost " << lost(x, plain.rows) << " as they are, " << lost(x, turned.rows) << " rotated");
  REQUIRE(lost(x, turned.rows) < lost(x, plain.rows));
  REQUIRE(turned.bits_per_number() == 2 + 32.0 / 128);  // 7.1x of fp16 in heads of 128
  REQUIRE(lost(x, code(*codec_of("{kind: rotated, bits: 8}", rows), x).rows) < 1e-4);
}

TEST_CASE("channel-separable steps carry one number a channel and two a token") {
  const RowsTrace rows(with_outlier_channels(256, 128));
  const RowsView x = rows.layer(0).v[0];
  const Coded own = code(*codec_of("{kind: channel_separable, bits: 4}", rows), x);
  const Coded token = code(*codec_of("{kind: rtn, bits: 4, per: token}", rows), x);
  const Coded groups = code(*codec_of("{kind: rtn, bits: 4, per: token, group: 32}", rows), x);
  // ZipCache, section 4.1: groups of 32 carry 2 numbers each; here d + 2n for n tokens.
  REQUIRE(own.bytes == 256 * (128 * 4 / 8 + 4) + 128 * 2);
  REQUIRE(groups.bits_per_number() == 5);
  INFO("ratios " << 16 / own.bits_per_number() << ", groups " << 16 / groups.bits_per_number());
  REQUIRE(own.bits_per_number() < groups.bits_per_number());
  REQUIRE(lost(x, own.rows) < lost(x, token.rows));
}

TEST_CASE("ZipCache's ratios: 3.2x by groups, 3.992x by token, 3.995x with separable channels") {
  // arXiv 2405.14256, section 4.1: 4 bits, hd = 4096 channels of l = 4096 tokens of b = 8
  // sequences, groups of 32. Separable: keys by channel (2 hd numbers), values hd + 2 b l of fp16.
  const double hd = 4096, bl = 8 * 4096.0, both = 2 * hd * bl;
  const auto ratio = [&](double parameters) { return both * 16 / (both * 4 + parameters * 16); };
  REQUIRE(ratio(2 * both / 32) == Approx(3.2));
  REQUIRE(ratio(4 * bl) == Approx(3.992).epsilon(1e-4));
  REQUIRE(ratio(3 * hd + 2 * bl) == Approx(3.995).epsilon(2e-4));
  // The code: values of a layer of 8 heads of 128, all heads together, 64 tokens to a block.
  const RandomTrace layer(1, {64, 1, 8, 8, 128, 16, true});
  const CacheBits bits = bits_after(preset("channel_separable_int4"), layer, 64, 0);
  REQUIRE(bits.values == 64 * (1024 * 4 + 32) + 1024 * 16);
  REQUIRE(bits.keys == 1024 * (64 * 4 + 32));
  // 4.98x on GSM8k (abstract): 60 % of the tokens in 4 bits and 40 % in 2 are 5.00x before numbers
  // beside the codes; hd = 1024 of Mistral-7B and some 900 tokens of a prompt add 0.06 bits.
  const double mix = 0.6 * 4 + 0.4 * 2;
  const double beside = (3 * 1024.0 + 2 * 900) * 16 / (2 * 1024.0 * 900);
  INFO("by codes " << 16 / mix << ", with the numbers beside them " << 16 / (mix + beside));
  REQUIRE(16 / mix == Approx(5.0));
  REQUIRE(16 / (mix + beside) == Approx(4.98).epsilon(0.02));
}

TEST_CASE("a grid for rotated numbers is near the best that 2 bits can do on normal numbers") {
  // Rate distortion of normal numbers: 2^(-2 * 2) = 0.0625; the best pairs at 2 bits lose about
  // 0.11 (HIGGS, table of grids), even steps over the range more.
  const RowsTrace rows(normal_rows(64, 128));
  const RowsView x = rows.layer(0).k[0];
  const Coded grid = code(*codec_of("{kind: gaussian_grid, bits: 2, together: 2}", rows), x);
  const Coded even = code(*codec_of("{kind: rtn, bits: 2, per: token}", rows), x);
  INFO("lost " << lost(x, grid.rows) << " against " << lost(x, even.rows));
  REQUIRE(grid.bits_per_number() == 2 + 16.0 / 128);
  REQUIRE(lost(x, grid.rows) > 0.0625);
  REQUIRE(lost(x, grid.rows) < 0.125);
  REQUIRE(lost(x, grid.rows) < lost(x, even.rows));
}

TEST_CASE("three levels take 1.6 bits, and the Fourier keys of VidKV 1.5, with what they carry") {
  const Table x = normal_rows(320, 128);
  const RowsTrace rows(x);
  // Five numbers in a byte: 1.6 for log2(3) = 1.585; two fp16 for each channel and group of 320.
  const Coded values = code(*codec_of("{kind: ternary, group: 320}", rows), x.view());
  REQUIRE(values.bits_per_number() == Approx(1.6 + 32.0 / 320));
  // Lloyd's three levels lose 0.19 of normal numbers; the fixed threshold about as much.
  REQUIRE(lost(x.view(), values.rows) == Approx(0.19).margin(0.02));
  const RowsView block = x.view().from(0, 32);
  const Coded keys = code(*codec_of("{kind: mixed_channels, share: 0.5, group: 32}", rows), block);
  const double wide = 64.0 * (32 * 2 + 32), normal = 64.0 * (2 * 32 + 24 + 16);  // bytes are whole
  REQUIRE(8.0 * static_cast<double>(keys.bytes) == 128 + wide + normal);
  const Coded exact = code(
      *codec_of("{kind: mixed_channels, share: 0.5, group: 32, low_bits: 8, high_bits: 8}", rows),
      block);
  REQUIRE(lost(block, exact.rows) < 1e-4);  // the transform undoes itself
}

TEST_CASE("visual tokens take a bit a number and text tokens stay what they were") {
  RandomTrace tagged(3, {96, 1, 2, 1, 32, 16, true});
  for (std::size_t t = 10; t < 74; ++t) tagged.tags()[t] = token_tag::image;
  const CacheBits bits = bits_after(preset("visual_1bit"), tagged, 96, 0);
  // Keys in 3 blocks of 32, each channel a group of a block's visual tokens (22, 32, 10); values in
  // a group for each visual token. Levels are two fp16; whole bytes.
  const double text = 32.0 * 32 * 16;
  REQUIRE(bits.keys == text + 32 * (3 * 32 + 24 + 32 + 16));
  REQUIRE(bits.values == text + 64 * (32 + 32));
  Walk how;
  how.prompt = 96;
  how.steps = 0;
  walk(preset("visual_1bit"), tagged, how, [&](const PolicyCache& cache, auto, const auto&) {
    for (std::int64_t c = 0; c < 32; ++c)
      REQUIRE(cache.head(0, 0).values().at(5, c) ==
              Approx(tagged.layer(0).v[0].at(5, c)).epsilon(1e-3).margin(1e-6));
  });
}

TEST_CASE("CSR takes an index and a weight a term, and terms make it better") {
  const RowsTrace rows(normal_rows(200, 64));
  const RowsView x = rows.layer(0).k[0];
  const auto one = codec_of("{kind: sparse_code, bits: 1}", rows);
  const Coded four = code(*one, x);  // 64 bits: four terms of 8 + 8
  REQUIRE(four.bits_per_number() == 1);
  REQUIRE(one->shared_bytes() == 256 * 64 * 2);
  const double two = lost(x, code(*codec_of("{kind: sparse_code, bits: 0.5}", rows), x).rows);
  INFO("lost " << two << " with two terms, " << lost(x, four.rows) << " with four");
  REQUIRE(lost(x, four.rows) < two);
  REQUIRE_THROWS_AS(codec_of("{kind: sparse_code, bits: 0.1}", rows), BuildError);
}

TEST_CASE("4 bits do keys more good than values where keys are longer (KV-AdaQuant)") {
  // Both take (4 + 32 / 32 + 2 + 32 / 32) / 2 = 4 bits a number outside of the window.
  const RandomTrace own(8, {192, 1, 2, 1, 32, 16, true});
  const double k4 = bits_after(preset("kv_adaquant"), own, 191).sequence();
  REQUIRE(k4 == bits_after(preset("kv_adaquant_reversed"), own, 191).sequence());
  REQUIRE(k4 == 2 * 32 * (64 * 4.0 + 128 * 16));
  // arXiv 2502.15075, section 3: keys have larger norms than values, so that the same bits leave
  // larger errors, and they go through the softmax.
  const LongKeys longer(4);
  const auto error = [&](int keys, int values) {
    std::vector<std::vector<float>> full, coded;
    Walk how;
    how.prompt = 128;
    how.steps = 64;
    const auto keep = [](std::vector<std::vector<float>>& to) {
      return [&to](const PolicyCache&, std::int64_t, const std::vector<std::vector<float>>& out) {
        if (!out.empty()) to.push_back(out[0]);
      };
    };
    walk(policy_of("{}"), longer, how, keep(full));
    walk(policy_of("{codec: {keys: {kind: rtn, bits: " + std::to_string(keys) +
                   "}, values: {kind: rtn, bits: " + std::to_string(values) + "}}}"),
         longer, how, keep(coded));
    double squares = 0, all = 0;
    for (std::size_t i = 0; i < full.size(); ++i)
      for (std::size_t c = 0; c < full[i].size(); ++c) {
        squares += std::pow(full[i][c] - coded[i][c], 2);
        all += std::pow(full[i][c], 2);
      }
    return squares / all;
  };
  const double k4v2 = error(4, 2), k2v4 = error(2, 4);
  INFO("outputs lose " << k4v2 << " with K4V2, " << k2v4 << " with K2V4");
  REQUIRE(k4v2 < k2v4);
}

TEST_CASE("KVQuant at 3 bits takes 32 more for each of 1 % of the numbers, and what counts them") {
  // A layer of 8 heads of 128 on the text it was made from: 32 bits for each outlier, 3 of 512
  // tokens on either side of a key channel (0.5 %, rounded), 5 of 1024 numbers of a token's values;
  // 16 bits a token that count them, and a range for values. The first token stays raw.
  const RandomTrace layer(1, {512, 1, 8, 8, 128, 16, false});
  const CacheBits bits = bits_after(preset("kvquant"), layer, 512, 0);
  const double numbers = 511.0 * 1024, raw = 1024 * 16;
  INFO((bits.keys - raw) / numbers << " and " << (bits.values - raw) / numbers);
  REQUIRE((bits.keys - raw) / numbers == Approx(3 + 32 * 6.0 / 512 + 16.0 / 1024).margin(0.02));
  REQUIRE((bits.values - raw) / numbers == Approx(3 + 32 * 10.0 / 1024 + 48.0 / 1024).margin(0.02));
}

}  // namespace terrace
