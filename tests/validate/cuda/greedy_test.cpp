// Kernels continue texts as the CPU executor does: on the host with the kernels' own sources, and
// on a GPU.
#include <random>

#include "tests/validate/cuda/places.h"
#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"
#include "validate/cuda/execute/greedy_check.h"

namespace terrace::cuda {
namespace {

// A model of random weights, large enough for each head size, small enough for the host.
LlamaModel random_model(std::int64_t head_dim, std::int64_t layers) {
  LlamaModel m;
  m.file = "a random model";
  KvShape& s = m.shape;
  s.layers = layers;
  s.heads = 4;
  s.kv_heads = 2;
  s.head_dim = head_dim;
  s.hidden = 64;
  s.context = 256;
  s.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  s.rope = terrace::Rope(terrace::Rope::Pairing::halves, terrace::Rope::plain(10000, head_dim));
  m.rope_base = 10000;
  m.norm_epsilon = 1e-5F;
  m.ffn = 96;
  m.vocabulary = 200;
  std::mt19937 engine(5);
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    std::normal_distribution<float> draw(0, 1 / std::sqrt(static_cast<float>(columns)));
    std::vector<float> out(static_cast<std::size_t>(rows * columns));
    for (float& x : out) x = draw(engine);
    return out;
  };
  const std::vector<float> ones(static_cast<std::size_t>(s.hidden), 1.0F);
  for (std::int64_t l = 0; l < layers; ++l)
    m.layers.push_back(
        {ones, matrix(s.heads * head_dim, s.hidden), matrix(s.kv_heads * head_dim, s.hidden),
         matrix(s.kv_heads * head_dim, s.hidden), matrix(s.hidden, s.heads * head_dim), ones,
         matrix(m.ffn, s.hidden), matrix(m.ffn, s.hidden), matrix(s.hidden, m.ffn)});
  m.embedding = matrix(m.vocabulary, s.hidden);
  m.output = matrix(m.vocabulary, s.hidden);
  m.output_norm = ones;
  return m;
}

GreedyCheck on_host(const LlamaModel& model, Number number, const std::vector<std::int32_t>& prompt,
                    int count) {
  HostCalls calls;
  HostMemory memory;
  LlamaForward kernels(model, calls, memory, number, 256);
  return check_greedy(model, kernels, prompt, count);
}

GreedyCheck on_device(const LlamaModel& model, Number number,
                      const std::vector<std::int32_t>& prompt, int count) {
  DeviceCalls calls(1);
  DeviceMemory memory;
  LlamaForward kernels(model, calls, memory, number, model.shape.context);
  return check_greedy(model, kernels, prompt, count);
}

const std::vector<std::int32_t> prompt = {1, 17, 101, 33, 150, 7};

TEST_CASE("host kernels in floats continue as the CPU executor does, token for token", "[cuda]") {
  const GreedyCheck c = on_host(random_model(24, 2), Number::f32, prompt, 6);
  CHECK(c.expected == c.got);
}

TEST_CASE("split attention on the host loses only leads that rounding can turn", "[cuda]") {
  const GreedyCheck c = on_host(random_model(64, 1), Number::f16, prompt, 15);
  INFO(c.differences() << " of 15 differ");
  // Logits are about as large as 1; fp16 rounds them, and what leads to them, by 2^-11 each time.
  CHECK(c.largest_lead_lost() < 0.02F);
  CHECK(c.differences() <= 2);
}

TEST_CASE("host kernels continue a story as the CPU executor does", "[cuda][shared]") {
  if (test::shared_is_absent()) return;
  const LlamaModel model = load_model(test::shared_data() + "models/stories260K/stories260K.bin");
  const GreedyCheck c = on_host(model, Number::f32, model.tokenizer->encode("Once upon a time"), 4);
  CHECK(c.expected == c.got);
}

TEST_CASE("GPU kernels in floats continue as the CPU executor does, token for token",
          "[cuda][gpu]") {
  on_gpu([](Place&) {
    const GreedyCheck c = on_device(random_model(24, 4), Number::f32, prompt, 100);
    CHECK(c.expected == c.got);
    const GreedyCheck half = on_device(random_model(64, 4), Number::f16, prompt, 200);
    CHECK(half.largest_lead_lost() < 0.02F);
    const GreedyCheck brain = on_device(random_model(128, 4), Number::bf16, prompt, 200);
    CHECK(brain.largest_lead_lost() < 0.15F);
  });
}

void check_story(const std::string& file) {
  on_gpu([&](Place&) {
    const LlamaModel model = load_model(file);
    const auto text = model.tokenizer->encode("Once upon a time");
    const GreedyCheck c = on_device(model, Number::f32, text, 100);
    CHECK(c.expected == c.got);
  });
}

TEST_CASE("a GPU continues a story as the CPU executor does", "[cuda][gpu][shared]") {
  if (test::shared_is_absent()) return;
  check_story(test::shared_data() + "models/stories260K/stories260K.bin");
}
TEST_CASE("a GPU continues a text of SmolLM2 as the CPU executor does", "[cuda][gpu][shared]") {
  const std::string file = test::smollm2();
  if (!file.empty()) check_story(file);
}

}  // namespace
}  // namespace terrace::cuda
