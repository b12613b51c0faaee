// Reads llama2.c's .bin: seven int32, then every weight as float32 in a fixed order.
// Source: karpathy/llama2.c, export.py (legacy export) and run.c. The head's rotation pairs
// neighbours, and the tables of sines that the file carries are left out as run.c does.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "workloads/capture/model.h"

namespace terrace {
namespace {

class Weights {
 public:
  Weights(const MappedFile& file, std::uint64_t at) : file_(file), in_(file, at) {}
  std::vector<float> next(const char* name, std::int64_t count) {
    const auto n = static_cast<std::uint64_t>(count);
    const std::uint64_t at = in_.at();
    std::vector<float> values(n);
    std::memcpy(values.data(), in_.take(n * sizeof(float), name).data(), n * sizeof(float));
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i]))
        file_.fail(fmt::format("{} holds NaN or infinity at value {} (byte {})", name, i,
                               at + i * sizeof(float)));
    return values;
  }
  void skip(const char* name, std::int64_t count) {
    in_.take(static_cast<std::uint64_t>(count) * sizeof(float), name);
  }
  std::uint64_t left() const { return in_.left(); }

 private:
  const MappedFile& file_;
  ByteCursor in_;
};

}  // namespace

LlamaModel load_llama2c_model(const MappedFile& file) {
  ByteCursor in(file);
  if (file.bytes().substr(0, 4) == "24ka")
    file.fail("a llama2.c file of version 1 or 2; only the first format (no magic number) is read");
  constexpr std::array<const char*, 7> names = {"dim",        "hidden_dim", "n_layers", "n_heads",
                                                "n_kv_heads", "vocab_size", "seq_len"};
  std::array<std::int64_t, 7> n = {};
  for (std::size_t i = 0; i < n.size(); ++i) n[i] = in.value<std::int32_t>(names[i]);
  const bool tied = n[5] > 0;
  n[5] = std::abs(n[5]);
  constexpr std::array<std::int64_t, 7> most = {1 << 17, 1 << 19, 1024,   1024,
                                                1024,    1 << 22, 1 << 22};
  for (std::size_t i = 0; i < n.size(); ++i)
    if (n[i] < 1 || n[i] > most[i])
      file.fail(fmt::format("byte {}: {} is {}: neither GGUF nor a llama2.c model", i * 4, names[i],
                            n[i]));
  const auto [dim, ffn, layers, heads, kv_heads, vocabulary, context] = n;
  if (dim % (2 * heads) != 0 || heads % kv_heads != 0)
    file.fail(
        fmt::format("dim {}, {} heads and {} KV heads do not go together", dim, heads, kv_heads));

  LlamaModel m;
  m.file = file.name();
  m.name = "llama2.c";
  const std::int64_t head_dim = dim / heads, kv = kv_heads * head_dim;
  m.rope_base = 10000;
  m.shape = {layers,
             heads,
             kv_heads,
             head_dim,
             dim,
             context,
             static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim))),
             Rope(Rope::Pairing::interleaved, Rope::plain(m.rope_base, head_dim))};
  m.norm_epsilon = 1e-5F;
  m.ffn = ffn;
  m.vocabulary = vocabulary;
  // The sums below stay under 2^63: each factor is bounded above.
  const std::int64_t per_layer = 2 * dim + 2 * dim * dim + 2 * dim * kv + 3 * dim * ffn;
  const std::int64_t all =
      vocabulary * dim * (tied ? 1 : 2) + layers * per_layer + dim + context * head_dim;
  if (in.left() / 4 != static_cast<std::uint64_t>(all) || in.left() % 4 != 0)
    file.fail(
        fmt::format("{} bytes, but a model of dim {}, {} layers, {} tokens takes {}: truncated,"
                    " or not a llama2.c model",
                    file.size(), dim, layers, vocabulary, 28 + 4 * all));

  Weights weights(file, in.at());
  m.embedding = weights.next("the token embedding", vocabulary * dim);
  m.layers.resize(static_cast<std::size_t>(layers));
  const auto each = [&](const char* name, std::int64_t count, std::vector<float> LlamaLayer::*to) {
    for (LlamaLayer& layer : m.layers) layer.*to = weights.next(name, count);
  };
  each("an attention norm", dim, &LlamaLayer::attention_norm);
  each("wq", dim * dim, &LlamaLayer::query);
  each("wk", kv * dim, &LlamaLayer::key);
  each("wv", kv * dim, &LlamaLayer::value);
  each("wo", dim * dim, &LlamaLayer::output);
  each("an FFN norm", dim, &LlamaLayer::ffn_norm);
  each("w1", ffn * dim, &LlamaLayer::gate);
  each("w2", dim * ffn, &LlamaLayer::down);
  each("w3", ffn * dim, &LlamaLayer::up);
  m.output_norm = weights.next("the last norm", dim);
  weights.skip("the table of sines", context * head_dim);
  if (!tied) m.output = weights.next("the classifier", vocabulary * dim);
  return m;
}

}  // namespace terrace
