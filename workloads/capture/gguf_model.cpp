// Reads a Llama-architecture model from GGUF.
// Source: llama.cpp's names of tensors and keys (gguf-py constants.py). Its converter permutes the
// rows of Q and K, so that the rotation pairs neighbours (LLAMA_ROPE_TYPE_NORM).
#include <fmt/format.h>

#include <cmath>

#include "workloads/capture/gguf.h"
#include "workloads/capture/model.h"

namespace terrace {
namespace {

std::int64_t size_of(const GgufFile& gguf, const std::string& key, std::int64_t most) {
  const std::int64_t n = gguf.integer(key);
  if (n < 1 || n > most) gguf.fail(fmt::format("{} is {} (1 to {} are possible)", key, n, most));
  return n;
}

Rope rope_of(const GgufFile& gguf, double base, std::int64_t head_dim) {
  const std::int64_t channels = gguf.integer_or("llama.rope.dimension_count", head_dim);
  if (channels < 2 || channels > head_dim || channels % 2 != 0)
    gguf.fail(fmt::format("llama.rope.dimension_count is {} for heads of {} channels", channels,
                          head_dim));
  std::vector<double> frequencies = Rope::plain(base, channels);
  if (gguf.has("llama.rope.scaling.type") && gguf.text("llama.rope.scaling.type") != "none") {
    const std::string type = gguf.text("llama.rope.scaling.type");
    if (type != "linear")
      gguf.fail("llama.rope.scaling.type is \"" + type + "\" (none and linear are supported)");
    const double factor = gguf.number_or("llama.rope.scaling.factor", 1);
    if (!(factor >= 1 && factor <= 1e6))
      gguf.fail(fmt::format("llama.rope.scaling.factor is {}", factor));
    for (double& f : frequencies) f /= factor;
  }
  if (gguf.find("rope_freqs.weight") != nullptr) {  // Llama 3.1: divisors, one for each pair
    const std::vector<float> factors = gguf.read("rope_freqs.weight", {channels / 2});
    for (std::size_t i = 0; i < factors.size(); ++i) {
      if (!(factors[i] > 0)) gguf.fail("tensor \"rope_freqs.weight\" holds what is not above 0");
      frequencies[i] /= static_cast<double>(factors[i]);
    }
  }
  return {Rope::Pairing::interleaved, std::move(frequencies)};
}

// Nothing that would change the result is passed over.
void check_tensors(const GgufFile& gguf, std::int64_t layers) {
  static const std::vector<std::string> known = {
      "attn_norm.weight",   "attn_q.weight",        "attn_k.weight",        "attn_v.weight",
      "attn_output.weight", "ffn_norm.weight",      "ffn_gate.weight",      "ffn_up.weight",
      "ffn_down.weight",    "attn_rot_embd.weight", "attn_rot_freqs.weight"};
  for (const GgufTensor& t : gguf.tensors()) {
    const std::string& n = t.name;
    if (n == "token_embd.weight" || n == "output_norm.weight" || n == "output.weight" ||
        n == "rope_freqs.weight")
      continue;
    bool found = false;
    if (n.rfind("blk.", 0) == 0 && n.find('.', 4) != std::string::npos) {
      const std::string number = n.substr(4, n.find('.', 4) - 4);
      const std::string rest = n.substr(n.find('.', 4) + 1);
      for (const std::string& k : known) found = found || rest == k;
      found = found && !number.empty() && number.size() < 6 &&
              number.find_first_not_of("0123456789") == std::string::npos &&
              std::stoll(number) < layers;
    }
    if (!found)
      gguf.fail("tensor \"" + n.substr(0, 64) +
                "\" is not of a plain Llama model (biases and experts are not supported)");
  }
}

}  // namespace

LlamaModel load_gguf_model(const MappedFile& file) {
  const GgufFile gguf(file);
  const std::string architecture = gguf.text("general.architecture");
  if (architecture != "llama")
    gguf.fail("the architecture is \"" + architecture.substr(0, 64) + "\"; \"llama\" is supported");
  LlamaModel m;
  m.file = file.name();
  m.name = gguf.has("general.name") ? gguf.text("general.name") : "llama";
  if (gguf.integer_or("llama.expert_count", 0) > 0)
    gguf.fail("a mixture of experts; dense Llama models are supported");
  const std::int64_t layers = size_of(gguf, "llama.block_count", 1024);
  const std::int64_t dim = size_of(gguf, "llama.embedding_length", 1 << 17);
  const std::int64_t heads = size_of(gguf, "llama.attention.head_count", 1024);
  const std::int64_t kv_heads = gguf.has("llama.attention.head_count_kv")
                                    ? size_of(gguf, "llama.attention.head_count_kv", 1024)
                                    : heads;
  const std::int64_t head_dim = gguf.has("llama.attention.key_length")
                                    ? size_of(gguf, "llama.attention.key_length", 1 << 13)
                                    : dim / heads;
  if (heads % kv_heads != 0 || head_dim < 2 || head_dim % 2 != 0 ||
      (head_dim * heads != dim && !gguf.has("llama.attention.key_length")))
    gguf.fail(fmt::format("{} channels, {} heads and {} KV heads do not go together", dim, heads,
                          kv_heads));
  if (gguf.integer_or("llama.attention.value_length", head_dim) != head_dim)
    gguf.fail("values of another length than keys are not supported");
  m.ffn = size_of(gguf, "llama.feed_forward_length", 1 << 19);
  m.rope_base = gguf.number_or("llama.rope.freq_base", 10000);
  if (!(m.rope_base > 1 && m.rope_base < 1e12))
    gguf.fail(fmt::format("llama.rope.freq_base is {}", m.rope_base));
  const double epsilon = gguf.number("llama.attention.layer_norm_rms_epsilon");
  if (!(epsilon > 0 && epsilon < 1))
    gguf.fail(fmt::format("llama.attention.layer_norm_rms_epsilon is {}", epsilon));
  m.norm_epsilon = static_cast<float>(epsilon);
  m.shape = {layers,
             heads,
             kv_heads,
             head_dim,
             dim,
             size_of(gguf, "llama.context_length", std::int64_t{1} << 32),
             static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim))),
             rope_of(gguf, m.rope_base, head_dim)};
  check_tensors(gguf, layers);

  const GgufTensor* embedding = gguf.find("token_embd.weight");
  if (embedding == nullptr) gguf.fail("has no tensor \"token_embd.weight\"");
  if (embedding->dimensions.size() != 2) gguf.fail("tensor \"token_embd.weight\" is no matrix");
  m.vocabulary = embedding->dimensions[1];
  m.tokenizer = gguf_tokenizer(gguf);
  if (m.tokenizer->vocabulary() != m.vocabulary)
    gguf.fail(fmt::format("{} tokens in the tokenizer, {} in the embedding",
                          m.tokenizer->vocabulary(), m.vocabulary));
  m.embedding = gguf.read("token_embd.weight", {dim, m.vocabulary});
  m.output_norm = gguf.read("output_norm.weight", {dim});
  if (gguf.find("output.weight") != nullptr)
    m.output = gguf.read("output.weight", {dim, m.vocabulary});
  const std::int64_t q = heads * head_dim, kv = kv_heads * head_dim;
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto read = [&](const char* name, const std::vector<std::int64_t>& dimensions) {
      return gguf.read(fmt::format("blk.{}.{}.weight", i, name), dimensions);
    };
    m.layers.push_back({read("attn_norm", {dim}), read("attn_q", {dim, q}),
                        read("attn_k", {dim, kv}), read("attn_v", {dim, kv}),
                        read("attn_output", {q, dim}), read("ffn_norm", {dim}),
                        read("ffn_gate", {dim, m.ffn}), read("ffn_up", {dim, m.ffn}),
                        read("ffn_down", {m.ffn, dim})});
    const auto packed = [&](const char* name) {
      return gguf.packed(fmt::format("blk.{}.{}.weight", i, name));
    };
    m.packed.push_back({packed("attn_q"), packed("attn_k"), packed("attn_v"), packed("attn_output"),
                        packed("ffn_gate"), packed("ffn_up"), packed("ffn_down")});
  }
  m.packed_head = gguf.packed(m.output.empty() ? "token_embd.weight" : "output.weight");
  return m;
}

}  // namespace terrace
