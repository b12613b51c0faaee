// Model files: read when right, one clear line when wrong, at whichever byte.
#include "workloads/capture/gguf.h"

#include <limits>

#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"

using namespace terrace;
using Catch::Matchers::Contains;

TEST_CASE("a GGUF model says its shape, its weights and its tokenizer", "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  CHECK(m.name == "tiny");
  CHECK(m.shape.layers == 2);
  CHECK(m.shape.group() == 2);
  CHECK(m.shape.head_dim == 4);
  CHECK(m.shape.context == 64);
  CHECK(m.output.empty());  // tied
  CHECK(m.vocabulary == 259);
  // 259 tokens x 16 + last norm + 2 x (2 norms + q, k, v, o + gate, up, down)
  CHECK(m.parameters() == 259 * 16 + 16 + 2 * (32 + 256 + 128 + 128 + 256 + 3 * 16 * 24));
  CHECK(m.tokenizer->decode(m.tokenizer->encode("Zwölf\n")) == "Zwölf\n");
}

TEST_CASE("version 2 of GGUF reads like version 3; others are named", "[capture]") {
  std::string bytes = test::tiny_gguf();
  bytes[4] = 2;
  CHECK(test::gguf_model(bytes).vocabulary == 259);
  bytes[4] = 1;
  CHECK_THAT(test::error_of([&] { test::gguf_model(bytes); }),
             Contains("m.gguf: byte 4: GGUF version 1 is not supported (2 and 3 are)"));
  bytes[4] = 0;
  bytes[7] = 3;
  CHECK_THAT(test::error_of([&] { test::gguf_model(bytes); }), Contains("looks big-endian"));
}

TEST_CASE("another architecture is named beside the one that is supported", "[capture]") {
  CHECK(test::error_of([] { test::gguf_model(test::tiny_gguf({}, "mamba")); }) ==
        "m.gguf: the architecture is \"mamba\"; \"llama\" is supported");
}

TEST_CASE("what a plain Llama model has not is an error, never passed over", "[capture]") {
  const auto with = [](const std::function<void(test::GgufBuilder&)>& more) {
    return test::error_of([&] { test::gguf_model(test::tiny_gguf(more)); });
  };
  CHECK_THAT(with([](auto& b) { b.tensor("blk.0.attn_q.bias", {16}, std::string(64, '\0')); }),
             Contains("tensor \"blk.0.attn_q.bias\" is not of a plain Llama model"));
  CHECK_THAT(with([](auto& b) { b.integer("llama.expert_count", 8); }), Contains("experts"));
  CHECK_THAT(with([](auto& b) { b.text("llama.rope.scaling.type", "yarn"); }),
             Contains("llama.rope.scaling.type is \"yarn\" (none and linear are supported)"));
  CHECK_THAT(with([](auto& b) { b.integer("llama.rope.dimension_count", 6); }),
             Contains("llama.rope.dimension_count is 6 for heads of 4 channels"));
  CHECK_THAT(with([](auto& b) {
               b.tensor("output.weight", {16, 258}, std::string(16 * 258 * 4, '\0'));
             }),
             Contains("tensor \"output.weight\" is 16 x 258, not 16 x 259"));
  CHECK_THAT(with([](auto& b) {
               b.tensor("output.weight", {256, 1}, std::string(84, '\0'), 10);
             }),
             Contains("output.weight"));
}

TEST_CASE("a weight that is NaN or infinite is an error with its tensor and byte", "[capture]") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> values(16 * 259, 0.5F);
    values[1000] = bad;
    const std::string what = test::error_of([&] {
      test::gguf_model(test::tiny_gguf([&](auto& b) {
        b.tensor("output.weight", {16, 259}, test::bytes_of(values));
      }));
    });
    CHECK_THAT(what,
               Contains("tensor \"output.weight\" holds NaN or infinity at value 1000 (byte "));
  }
}

TEST_CASE("a GGUF file cut off at any byte is one clear error", "[capture]") {
  const std::string bytes = test::tiny_gguf();
  REQUIRE(test::error_of([&] { test::gguf_model(bytes); }).empty());
  for (std::size_t n = 0; n < bytes.size(); n += n < 8000 ? 1 : 61) {
    const std::string cut = bytes.substr(0, n);
    const std::string what = test::error_of([&] { test::gguf_model(cut); });
    INFO("cut at " << n << ": " << what);
    // The last tensor's padding is not needed: 24 x 16 floats end on a multiple of 32.
    REQUIRE(what.rfind("m.gguf: ", 0) == 0);
    REQUIRE(what.find('\n') == std::string::npos);
  }
}

TEST_CASE("a GGUF file with any byte changed is read or refused, and nothing else", "[capture]") {
  const std::string bytes = test::tiny_gguf();
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < 9000; ++at) {  // metadata, tensor table and some weights
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    if (at % 3 == 0) bad[at] = '\xFF';
    const std::string what = test::error_of([&] { test::gguf_model(bad); });
    refused += what.empty() ? 0 : 1;
    REQUIRE((what.empty() || what.rfind("m.gguf: ", 0) == 0));
  }
  CHECK(refused > 1000);
}

TEST_CASE("a llama2.c model cut off at any byte, or longer by one, is an error", "[capture]") {
  const std::string bytes = test::tiny_llama2c();
  const auto load = [](const std::string& b) {
    return test::error_of([&] { load_llama2c_model(MappedFile("m.bin", b)); });
  };
  REQUIRE(load(bytes).empty());
  for (std::size_t n = 0; n < bytes.size(); ++n) REQUIRE(!load(bytes.substr(0, n)).empty());
  CHECK_THAT(load(bytes + 'x'), Contains("truncated, or not a llama2.c model"));
  CHECK_THAT(load("24ka" + bytes), Contains("version 1 or 2"));
  std::string bad = bytes;
  bad[100 + 3] = '\x7F';
  bad[100 + 2] = '\xC0';
  CHECK_THAT(load(bad), Contains("holds NaN or infinity at value 18 (byte 100)"));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bad = bytes;
    bad[at] = static_cast<char>(~bad[at]);
    load(bad);  // read or refused
  }
}

TEST_CASE("a file that is no model is told apart from a damaged one", "[capture]") {
  const test::TemporaryFile text("story.txt", "Once upon a time there was a file of text.");
  CHECK_THAT(test::error_of([&] { load_model(text.path()); }),
             Contains("story.txt: byte 0: dim is 1701015119: neither GGUF nor a llama2.c model"));
  CHECK_THAT(test::error_of([&] { load_model(text.directory()); }), Contains("Is a directory"));
  CHECK_THAT(test::error_of([&] { load_model(text.directory() + "none"); }),
             Contains("No such file"));
  const test::TemporaryFile empty("empty.gguf", "");
  CHECK_THAT(test::error_of([&] { load_model(empty.path()); }), Contains("is empty"));
}
