// Codecs that join heads, layers, keys and values, that look at inputs or at lower layers.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

// Keeps every number as 4 bytes, and says what it was shown; joins what its Params say.
class Witness final : public KvCodec {
 public:
  struct Params {
    bool heads = false, both = false, before_rope = false, inputs = false, shares = false;
    std::int64_t layers = 1, reference = 0, block = 1;
    static void fields(Schema<Params>& s) {
      s.field("heads", &Params::heads, "test");
      s.field("both", &Params::both, "test");
      s.field("before_rope", &Params::before_rope, "test");
      s.field("inputs", &Params::inputs, "test");
      s.field("shares", &Params::shares, "test");
      s.field("layers", &Params::layers, "test");
      s.field("reference", &Params::reference, "test");
      s.field("block", &Params::block, "test");
    }
  };
  struct Seen {
    std::int64_t layer, head, tokens, channels;
    std::vector<float> rows, reference, inputs;
    std::vector<std::int32_t> positions;
  };
  static std::vector<Seen>& seen() {
    static std::vector<Seen> all;
    return all;
  }
  Witness(const Params& params, const Context& context) : p_(params), context_(context) {}
  CodecSpan span() const override {
    CodecSpan s;
    s.heads = p_.heads;
    s.both = p_.both;
    s.before_rope = p_.before_rope;
    s.inputs = p_.inputs;
    for (std::int64_t i = 0; i < p_.layers && p_.layers > 1; ++i)
      s.layers.push_back(context_.layer + i);
    if (p_.reference > 0 && context_.layer >= p_.reference)
      s.reference = context_.layer - p_.reference;
    return s;
  }
  std::int64_t block_tokens() const override { return p_.block; }
  double read_share() const override { return p_.shares ? 1 : KvCodec::read_share(); }
  void encode(const CodecBlock& b, std::vector<std::uint8_t>& bytes) override {
    Seen s{context_.layer, context_.head, b.rows.rows, b.rows.cols, {}, {}, {}, {}};
    for (std::int64_t t = 0; t < b.rows.rows; ++t) {
      s.rows.insert(s.rows.end(), b.rows.row(t), b.rows.row(t) + b.rows.cols);
      if (!b.reference.empty())
        s.reference.insert(s.reference.end(), b.reference.row(t),
                           b.reference.row(t) + b.reference.cols);
      if (!b.inputs.empty())
        s.inputs.insert(s.inputs.end(), b.inputs.row(t), b.inputs.row(t) + b.inputs.cols);
      s.positions.push_back(b.positions[t]);
    }
    bytes.resize(s.rows.size() * 4);
    std::memcpy(bytes.data(), s.rows.data(), bytes.size());
    seen().push_back(std::move(s));
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    for (std::int64_t t = 0; t < rows.rows; ++t)
      std::memcpy(rows.row(t), bytes.data() + t * rows.cols * 4,
                  static_cast<std::size_t>(rows.cols) * 4);
  }

 private:
  Params p_;
  Context context_;
};
TERRACE_REGISTER(KvCodec, Witness, "witness", "test only: keeps numbers and what it was shown");

const RandomTrace trace(31, {96, 3, 4, 2, 16, 24, true});

}  // namespace

TEST_CASE("a codec is shown what it asks for: heads, layers, keys and values side by side") {
  Witness::seen().clear();
  const std::string yaml =
      "{codec: {keys: {kind: witness, heads: true, both: true, layers: 3, block: 8, inputs: true}, "
      "values: none, key_batch: 16, key_residual: 10}}";
  Walk how;
  how.prompt = 50;
  how.steps = 20;
  require_identity(policy_of(yaml), trace, how);
  REQUIRE(!Witness::seen().empty());
  const Witness::Seen& first = Witness::seen().front();
  REQUIRE(first.tokens == 8);
  REQUIRE(first.channels == 3 * 2 * 2 * 16);
  REQUIRE(first.inputs.size() == 8 * 3 * 24);
  for (std::int64_t l = 0; l < 3; ++l)
    REQUIRE(first.inputs[static_cast<std::size_t>((3 + l) * 24 + 3)] == trace.layer(l).x.at(1, 3));
  for (std::int64_t t = 0; t < 8; ++t)
    for (std::int64_t l = 0; l < 3; ++l)
      for (std::int64_t h = 0; h < 2; ++h)
        for (std::int64_t c = 0; c < 16; ++c) {
          const auto col = static_cast<std::size_t>(t * first.channels + (l * 2 + h) * 16 + c);
          REQUIRE(first.rows[col] == trace.layer(l).k[static_cast<std::size_t>(h)].at(t, c));
          REQUIRE(first.rows[col + 3 * 2 * 16] ==
                  trace.layer(l).v[static_cast<std::size_t>(h)].at(t, c));
        }
  // 50 tokens, 10 of them in the window: 5 blocks; then 16 more at a time, so at 66: 2 blocks.
  REQUIRE(Witness::seen().size() == 7);
  // Every number as 4 bytes, wherever it is counted.
  walk(policy_of(yaml), trace, how, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    const double coded = seen < 66 ? 40 : 56;
    const double raw = static_cast<double>(seen) - coded;
    REQUIRE(cache.bits().sequence() == Approx(2 * 3 * 2 * 16 * (coded * 32 + raw * 16)));
  });
}

TEST_CASE("a codec before RoPE is shown keys turned back, and they return to their place") {
  Witness::seen().clear();
  Walk how;
  how.steps = 8;
  walk(policy_of("{codec: {keys: {kind: witness, before_rope: true}}}"), trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::int64_t i = 0; i < cache.head(0, 1).size(); ++i)
           for (std::int64_t c = 0; c < 16; ++c)
             REQUIRE(cache.head(0, 1).keys().at(i, c) ==
                     Approx(trace.layer(0).k[1].at(i, c)).margin(1e-4));
         REQUIRE(cache.bits().positions == static_cast<double>(3 * 2 * cache.seen(0)) * 32);
       });
  const Witness::Seen& last = Witness::seen().back();
  double same = 0, before = 0;
  for (std::int64_t c = 0; c < 16; ++c) {
    const double k =
        trace.layer(last.layer).k[static_cast<std::size_t>(last.head)].at(last.positions[0], c);
    before += k * k;
    same += last.rows[static_cast<std::size_t>(c)] * last.rows[static_cast<std::size_t>(c)];
  }
  REQUIRE(same == Approx(before));  // a rotation keeps the norm
}

TEST_CASE("a codec that builds on a lower layer gets what a reader of that layer gets") {
  Witness::seen().clear();
  Walk how;
  how.steps = 4;
  walk(policy_of("{codec: {values: {kind: witness, reference: 1}}}"), trace, how,
       [](const PolicyCache&, std::int64_t, const auto&) {});
  for (const Witness::Seen& s : Witness::seen()) {
    REQUIRE(s.reference.empty() == (s.layer == 0));
    if (s.layer == 0) continue;
    const RowsView below = trace.layer(s.layer - 1).v[static_cast<std::size_t>(s.head)];
    for (std::int64_t c = 0; c < 16; ++c)
      REQUIRE(s.reference[static_cast<std::size_t>(c)] == below.at(s.positions[0], c));
  }
}

TEST_CASE("a codec cannot join what keeps different tokens, nor values twice") {
  const RandomTrace& t = trace;
  const auto run = [&](const std::string& yaml) {
    walk(policy_of(yaml), t, {}, [](const PolicyCache&, std::int64_t, const auto&) {});
  };
  const std::string evict = "score: accumulated_attention, budget: {kind: uniform, tokens: 20}, ";
  const std::string joins = "codec: {keys: {kind: witness, heads: true}}";
  REQUIRE_THROWS_AS(run("{" + evict + joins + "}"), BuildError);
  REQUIRE_NOTHROW(run("{heads_together: true, " + evict + joins + "}"));
  REQUIRE_THROWS_AS(run("{codec: {keys: {kind: witness, both: true}, values: fp16}}"), BuildError);
  REQUIRE_THROWS_AS(run("{codec: {keys: none, values: {kind: witness, both: true}}}"), BuildError);
}

TEST_CASE("layers that share a block hold it once and read it as often as each of them must") {
  // Cross-layer sharing halves what two layers hold, not what they read.
  Walk how;
  how.steps = 8;
  const std::string yaml = "{codec: {keys: {kind: witness, heads: true, layers: 3, shares: true}}}";
  walk(policy_of(yaml), trace, how, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    const double held = static_cast<double>(seen) * 16 * 32;
    REQUIRE(cache.head(1, 0).bits(HeadCache::key) == Approx(held));
    REQUIRE(cache.head(1, 0).read_bits(HeadCache::key) == Approx(3 * held));
  });
}

}  // namespace terrace
