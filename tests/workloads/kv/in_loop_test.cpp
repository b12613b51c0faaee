// Policies in the place of a real model's cache: what its predictions become.
#include "workloads/kv/in_loop.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>

#include "tests/workloads/kv/harness.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/kv/policy_hook.h"

using namespace terrace;

namespace {

struct Story {
  LlamaModel model;
  std::vector<std::int32_t> tokens;
  explicit Story(std::int64_t count) {
    model = load_model(test::shared_data() + "models/stories260K/stories260K.bin");
    std::ifstream in(test::shared_data() + "text/grimm.txt");
    const std::string text(std::istreambuf_iterator<char>(in), {});
    tokens = model.tokenizer->encode(text.substr(3000, 4000));
    REQUIRE(tokens.size() >= static_cast<std::size_t>(count));
    tokens.resize(static_cast<std::size_t>(count));
  }
};

}  // namespace

TEST_CASE("a policy that keeps all predicts what the full cache predicts", "[kv][shared]") {
  if (test::shared_is_absent()) return;
  const Story story(200);
  const FullPredictions full(story.model, story.tokens, 100);
  const InLoopQuality q = run_in_loop(story.model, KvPolicy(), full);
  INFO("KL " << q.divergence << ", nll " << q.nll << " and " << q.full_nll);
  CHECK(q.steps == 100);
  CHECK(q.divergence < 1e-6);  // the same but for the order of float additions
  CHECK(q.nll == Approx(q.full_nll).margin(1e-4));
  CHECK(q.agreement == 1);
  const KvShape& s = story.model.shape;
  CHECK(q.bytes_per_token == Approx(2.0 * double(s.layers * s.kv_heads * s.head_dim) * 2));
}

TEST_CASE("the shorter the window, the worse a model predicts", "[kv][shared]") {
  if (test::shared_is_absent()) return;
  const Story story(400);
  const FullPredictions full(story.model, story.tokens, 200);
  double before = 0;
  for (const int window : {200, 64, 16, 4}) {
    const KvPolicy policy = policy_of(
        "{score: recency, budget: {kind: uniform, tokens: " + std::to_string(window) + "}}");
    const InLoopQuality q = run_in_loop(story.model, policy, full);
    INFO("a window of " << window << ": KL " << q.divergence << ", nll " << q.nll - q.full_nll
                        << " above full");
    CHECK(q.divergence > before);
    CHECK(q.bytes_per_token * 399 ==
          Approx(2.0 *
                 double(story.model.shape.layers * story.model.shape.kv_heads *
                        story.model.shape.head_dim) *
                 2 * window)
              .epsilon(0.05));
    before = q.divergence;
  }
}

TEST_CASE("layers that take all their steps at once predict what steps through all layers do",
          "[kv][shared]") {
  if (test::shared_is_absent()) return;
  const Story story(160);
  const FullPredictions full(story.model, story.tokens, 96);
  int compared = 0;
  for (const std::string& name : preset_names()) {
    const KvPolicy policy = preset(name);
    const auto nll = [&](std::int64_t together) {
      InLoopOptions options;
      options.together = together;
      return run_in_loop(story.model, policy, full, options).nll;
    };
    double one_by_one = 0;
    try {
      one_by_one = nll(1);
    } catch (const BuildError&) {
      continue;  // learns from a trace, or is for wider heads
    }
    ++compared;
    // Float additions in another order; where entries are all but equal another one may be kept.
    INFO(name);
    CHECK(nll(50) == Approx(one_by_one).margin(0.01));
  }
  CHECK(compared > 60);
}

TEST_CASE("a prompt that is shared leaves every policy where its own prompt leaves it",
          "[kv][shared]") {
  if (test::shared_is_absent()) return;
  const Story story(160);
  SharedPrompt shared(96);
  LlamaExecutor first(story.model, shared);
  first.run(story.tokens.data(), 40);  // in chunks, and more than the prompt
  first.run(story.tokens.data() + 40, 100);
  shared.recorded();
  int replayed = 0, refused = 0;
  for (const std::string& name : preset_names()) {
    const KvPolicy policy = preset(name);
    const auto after = [&](bool share) {
      PolicyHook hook(policy, 96, 1);
      LlamaExecutor executor(story.model, hook);
      if (share && shared.replay(hook)) {
        ++replayed;
        executor.resume(96);
      } else {
        refused += share ? 1 : 0;
        executor.begin();
        executor.run(story.tokens.data(), 96);
      }
      const MatrixView logits = executor.run(story.tokens.data() + 96, 1);
      return std::vector<float>(logits.data, logits.data + logits.columns);
    };
    std::vector<float> own, other;
    try {
      own = after(false);
      other = after(true);
    } catch (const BuildError&) {
      continue;  // learns from a trace, or is for wider heads
    }
    double worst = 0;
    for (std::size_t i = 0; i < own.size(); ++i)
      worst = std::max(worst, std::fabs(static_cast<double>(own[i] - other[i])));
    INFO(name << ": logits " << worst << " apart");
    CHECK(worst < 0.05);  // rounding; where entries are all but equal another one may be kept
  }
  CHECK(replayed > 60);
  CHECK(refused > 0);                           // those that let a prompt see less
  CHECK_FALSE(SharedPrompt(8).replay(shared));  // nothing was recorded
}

TEST_CASE("a text without anything to predict is refused", "[kv]") {
  const LlamaModel none;
  CHECK_THROWS_AS(FullPredictions(none, {1, 2, 3}, 3), std::invalid_argument);
  CHECK_THROWS_AS(NeedleText(none, {1, 2, 3}), std::invalid_argument);
}
