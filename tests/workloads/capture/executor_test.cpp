// The executor against a slow model in doubles, against a published text, and against itself.
#include <algorithm>

#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/capture/slow_model.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/capture/capture.h"
#include "workloads/capture/full_attention.h"
#include "workloads/capture/llama_executor.h"
#include "workloads/capture/workers.h"

using namespace terrace;
using Catch::Matchers::Contains;
using Logits = LlamaExecutor::Logits;

namespace {

// The largest difference of logits over a text, and the largest logit.
std::pair<double, double> against_slow(const LlamaModel& m, const std::vector<std::int32_t>& tokens,
                                       std::int64_t chunk) {
  FullAttention hook;
  LlamaExecutor fast(m, hook);
  test::SlowModel slow(m);
  double worst = 0, largest = 0;
  for (std::size_t first = 0; first < tokens.size(); first += static_cast<std::size_t>(chunk)) {
    const auto count =
        std::min<std::int64_t>(chunk, static_cast<std::int64_t>(tokens.size() - first));
    const MatrixView logits = fast.run(tokens.data() + first, count, Logits::all);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto expected = slow.run(tokens[first + static_cast<std::size_t>(i)]);
      for (std::int64_t j = 0; j < logits.columns; ++j) {
        const double e = expected[static_cast<std::size_t>(j)];
        worst = std::max(worst, std::abs(static_cast<double>(logits.row(i)[j]) - e));
        largest = std::max(largest, std::abs(e));
      }
    }
  }
  return {worst, largest};
}

std::vector<std::int32_t> some_tokens(std::int64_t n, std::int64_t vocabulary) {
  std::mt19937 random(11);
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0; i < n; ++i)
    out.push_back(static_cast<std::int32_t>(random() % static_cast<unsigned>(vocabulary)));
  return out;
}

// Keeps what it is given, and lets full attention answer.
struct Watcher final : AttentionHook {
  FullAttention full;
  KvShape shape;
  std::vector<std::int64_t> layers;
  std::int64_t steps = 0;
  double rope_error = 0, weight_error = 0;
  std::vector<AttentionWeights> weights;
  void begin(const AttentionModel& m) override {
    full.begin(m);
    shape = m.shape;
    weights = m.weights;
  }
  void attend(const LayerTokens& in, float* out) override {
    layers.push_back(in.layer);
    const AttentionWeights& w = weights[static_cast<std::size_t>(in.layer)];
    for (std::int64_t h = 0; h < shape.kv_heads; ++h)
      for (std::int64_t t = 0; t < in.tokens; ++t) {
        const float* raw = in.of_head(in.k_raw, h).row(t);
        std::vector<float> turned(raw, raw + shape.head_dim);
        shape.rope.rotate(turned.data(), in.positions[t]);
        for (std::int64_t i = 0; i < shape.head_dim; ++i) {
          rope_error = std::max(rope_error,
                                std::abs(static_cast<double>(turned[static_cast<std::size_t>(i)] -
                                                             in.of_head(in.k, h).row(t)[i])));
          double product = 0;
          const float* row = w.key.row(h * shape.head_dim + i);
          for (std::int64_t j = 0; j < shape.hidden; ++j)
            product +=
                static_cast<double>(row[j]) * static_cast<double>(in.x[t * shape.hidden + j]);
          weight_error = std::max(weight_error, std::abs(product - static_cast<double>(raw[i])));
        }
      }
    full.attend(in, out);
  }
  void step_end() override { ++steps; }
};

}  // namespace

TEST_CASE("logits are those of the definition in doubles, prefill or decode", "[capture]") {
  LlamaModel m = test::gguf_model(test::tiny_gguf());
  const auto tokens = some_tokens(60, m.vocabulary);
  for (const auto pairing : {Rope::Pairing::interleaved, Rope::Pairing::halves}) {
    m.shape.rope = Rope(pairing, m.shape.rope.frequencies());
    for (const std::int64_t chunk : {60, 7, 1}) {
      const auto [worst, largest] = against_slow(m, tokens, chunk);
      INFO("chunks of " << chunk << ": logits to " << largest << ", off by " << worst);
      CHECK(worst < 1e-4 * largest);
    }
  }
}

TEST_CASE("one thread and three give the same token stream", "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  const auto tokens = some_tokens(40, m.vocabulary);
  const int before = compute_threads();
  for (const int threads : {1, 3}) {
    compute_threads(threads);
    CHECK(compute_threads() == threads);
    const auto [worst, largest] = against_slow(m, tokens, 40);
    CHECK(worst < 1e-4 * largest);
  }
  compute_threads(before);
}

TEST_CASE("a hook sees every layer of every step, before and after the rotation", "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  Watcher hook;
  LlamaExecutor e(m, hook);
  e.run(some_tokens(9, m.vocabulary));
  e.run({4}, Logits::none);
  CHECK(hook.layers == std::vector<std::int64_t>{0, 1, 0, 1});
  CHECK(hook.steps == 2);
  CHECK(e.position() == 10);
  CHECK(hook.rope_error < 1e-5);
  CHECK(hook.weight_error < 1e-5);
  CHECK(hook.full.keys(1, 1).rows == 10);
}

TEST_CASE("what the hook writes is what the layers above see", "[capture]") {
  struct Silent final : AttentionHook {
    void begin(const AttentionModel& m) override { width = m.shape.heads * m.shape.head_dim; }
    void attend(const LayerTokens& in, float* out) override {
      std::fill(out, out + in.tokens * width, 0.0F);
    }
    std::int64_t width = 0;
  };
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  LlamaModel without = m;
  for (LlamaLayer& l : without.layers) std::fill(l.output.begin(), l.output.end(), 0.0F);
  Silent silent;
  FullAttention full;
  LlamaExecutor a(m, silent), b(without, full);
  const auto tokens = some_tokens(5, m.vocabulary);
  const MatrixView x = a.run(tokens), y = b.run(tokens);
  CHECK(std::equal(x.data, x.data + x.size(), y.data));
}

TEST_CASE("attention over many queries is softmax(scale q k) v, causal", "[capture]") {
  std::mt19937 random(2);
  constexpr std::int64_t n = 300, d = 8, past = 20;
  const auto q = test::random_values(random, (n - past) * d, 1);
  const auto k = test::random_values(random, n * d, 1), v = test::random_values(random, n * d, 1);
  std::vector<float> out(static_cast<std::size_t>((n - past) * d));
  causal_attention({q.data(), n - past, d}, {k.data(), n, d}, {v.data(), n, d}, 0.3F, past + 1,
                   out.data(), d);
  double worst = 0;
  for (std::int64_t i = 0; i < n - past; ++i) {
    std::vector<double> p;
    double sum = 0;
    for (std::int64_t t = 0; t <= past + i; ++t) {
      double dot = 0;
      for (std::int64_t j = 0; j < d; ++j)
        dot += static_cast<double>(q[static_cast<std::size_t>(i * d + j)]) *
               static_cast<double>(k[static_cast<std::size_t>(t * d + j)]);
      p.push_back(std::exp(0.3 * dot));
      sum += p.back();
    }
    for (std::int64_t j = 0; j < d; ++j) {
      double expected = 0;
      for (std::int64_t t = 0; t <= past + i; ++t)
        expected += p[static_cast<std::size_t>(t)] / sum *
                    static_cast<double>(v[static_cast<std::size_t>(t * d + j)]);
      worst = std::max(
          worst,
          std::abs(expected - static_cast<double>(out[static_cast<std::size_t>(i * d + j)])));
    }
  }
  INFO("largest error " << worst);
  CHECK(worst < 2e-6);
}

TEST_CASE("a model's context is its limit, and its vocabulary too", "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  FullAttention hook;
  LlamaExecutor e(m, hook);
  e.run(some_tokens(64, m.vocabulary), Logits::none);
  CHECK_THAT(test::error_of([&] { e.run({1}); }),
             Contains("m.gguf: 65 tokens are more than the model's context of 64"));
  e.begin();
  CHECK_THAT(test::error_of([&] { e.run({259}); }), Contains("there is no token 259 among 259"));
}

// karpathy/llama2.c, doc/stories260K.md: "Sampling this model at temperature 0.0 … gives".
TEST_CASE("stories260K tells its published story", "[capture][shared]") {
  if (test::shared_is_absent()) return;
  const LlamaModel m = load_model(test::shared_data() + "models/stories260K/stories260K.bin");
  FullAttention hook;
  LlamaExecutor e(m, hook);
  std::vector<std::int32_t> tokens = m.tokenizer->encode("");
  MatrixView logits = e.run(tokens);
  // run.c writes 256 tokens after the first.
  while (tokens.size() < 257) {
    tokens.push_back(most_likely(logits));
    logits = e.run(&tokens.back(), 1);
  }
  CHECK(
      m.tokenizer->decode(tokens) ==
      "Once upon a time, there was a little girl named Lily. She loved to play outside in the "
      "park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
      "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. "
      "She said, \"I want to play with your ball, but I can't find it.\"\n"
      "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to "
      "do.\"\n"
      "Lily didn't want to help her mom, so she said, \"I'm sorry, mom. I didn't know what to "
      "do.\" "
      "Her mom said, \"Don't worry, Lily. We can help you.");
  const auto [worst, largest] = against_slow(m, tokens, 128);
  INFO("logits to " << largest << ", off by " << worst);
  CHECK(worst < 1e-4 * largest);
}
