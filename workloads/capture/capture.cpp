// Full attention that writes down what it is given.
#include "workloads/capture/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "workloads/capture/full_attention.h"
#include "workloads/capture/llama_executor.h"
#include "workloads/capture/unicode_classes.h"

namespace terrace {
namespace {

class Recorder final : public AttentionHook {
 public:
  Recorder(const KvTraceHeader& header, KvTraceWriter& out) : header_(header), out_(out) {}
  void begin(const AttentionModel& model) override {
    full_.begin(model);
    for (const std::int64_t l : header_.layers) {
      const AttentionWeights& w = model.weights[static_cast<std::size_t>(l)];
      write(l, TraceTensor::wq, 0, w.query.rows, w.query.data);
      write(l, TraceTensor::wk, 0, w.key.rows, w.key.data);
      write(l, TraceTensor::wv, 0, w.value.rows, w.value.data);
    }
  }
  void attend(const LayerTokens& in, float* out) override {
    if (std::binary_search(header_.layers.begin(), header_.layers.end(), in.layer)) {
      const std::array<const float*, 7> tensors = {in.q,     in.k,     in.v,       in.x,
                                                   in.q_raw, in.k_raw, in.residual};
      for (std::size_t t = 0; t < tensors.size(); ++t)
        write(in.layer, static_cast<TraceTensor>(t), in.positions[0], in.tokens, tensors[t]);
    }
    full_.attend(in, out);
  }

 private:
  void write(std::int64_t layer, TraceTensor t, std::int64_t first, std::int64_t rows,
             const float* values) {
    if (header_.holds(t)) out_.add(layer, t, first, rows, values);
  }
  const KvTraceHeader& header_;
  KvTraceWriter& out_;
  FullAttention full_;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::size_t tensor_named(const std::string& name) {
  const auto* found = std::find(trace_tensor_names.begin(), trace_tensor_names.end(), name);
  if (found == trace_tensor_names.end()) {
    std::string all;
    for (const auto& n : trace_tensor_names) all += (all.empty() ? "" : ", ") + std::string(n);
    throw std::invalid_argument("no tensor \"" + name + "\" (" + all + ")");
  }
  return static_cast<std::size_t>(found - trace_tensor_names.begin());
}

std::int64_t layer_number(const std::string& text, std::int64_t layers) {
  std::int64_t n = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 0 || n >= layers)
    throw std::invalid_argument(
        fmt::format("\"{}\" is no layer: the model's are 0..{}", text, layers - 1));
  return n;
}

void check_text(const MappedFile& text) {
  std::int64_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = character_at(text.bytes(), at);
    if (!c.valid || c.value == 0)
      text.fail(fmt::format("line {}: not UTF-8 text (byte 0x{:02x} at {})", line,
                            static_cast<unsigned char>(text.bytes()[at]), at));
    line += c.value == '\n' ? 1 : 0;
    at += c.bytes;
  }
}

}  // namespace

std::array<TraceStorage, 10> parse_storage(const std::string& text) {
  std::array<TraceStorage, 10> out = {};
  for (const std::string& part : split(text)) {
    const std::size_t equals = part.find('=');
    const std::string word = equals == std::string::npos ? part : part.substr(equals + 1);
    if (word != "int8" && word != "fp16")
      throw std::invalid_argument("storage \"" + word + "\" (int8 and fp16 are possible)");
    const TraceStorage storage = word == "int8" ? TraceStorage::int8 : TraceStorage::fp16;
    if (equals == std::string::npos)
      out.fill(storage);
    else
      out[tensor_named(part.substr(0, equals))] = storage;
  }
  return out;
}

std::array<bool, 10> parse_tensors(const std::string& text) {
  std::array<bool, 10> out = {};
  for (const std::string& part : split(text)) out[tensor_named(part)] = true;
  return out;
}

std::vector<std::int64_t> parse_layers(const std::string& text, std::int64_t layers) {
  std::vector<std::int64_t> out;
  for (const std::string& part : split(text)) {
    const std::size_t dots = part.find("..");
    const std::int64_t first = layer_number(part.substr(0, dots), layers);
    const std::int64_t last =
        dots == std::string::npos ? first : layer_number(part.substr(dots + 2), layers);
    if (last < first) throw std::invalid_argument("layers \"" + part + "\" run backwards");
    for (std::int64_t l = first; l <= last; ++l) out.push_back(l);
  }
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    throw std::invalid_argument("a layer is named twice in \"" + text + "\"");
  return out;
}

KvTraceHeader plan_capture(const LlamaModel& model, const MappedFile& text,
                           const CaptureOptions& options) {
  check_text(text);
  std::vector<std::int32_t> tokens = model.tokenizer->encode(text.bytes());
  const std::int64_t start = model.tokenizer->first_token() >= 0 ? 1 : 0;
  const std::int64_t all = static_cast<std::int64_t>(tokens.size()) - start;
  if (options.offset < 0 || options.offset >= all)
    text.fail(fmt::format("has {} tokens: none is left after leaving out {}", all, options.offset));
  tokens.erase(tokens.begin() + start, tokens.begin() + start + options.offset);
  const auto left = static_cast<std::int64_t>(tokens.size());
  const std::int64_t wanted = options.tokens > 0
                                  ? options.tokens
                                  : std::min({left, model.shape.context, std::int64_t{2048}});
  if (wanted > left)
    text.fail(fmt::format("has {} tokens after the first {}; {} are wanted", left, options.offset,
                          wanted));
  if (wanted > model.shape.context)
    throw CaptureError(model.file, fmt::format("{} tokens are more than the model's context of {}",
                                               wanted, model.shape.context));
  tokens.resize(static_cast<std::size_t>(wanted));

  KvTraceHeader h;
  h.model = model.name;
  h.text = text.name();
  h.text_hash = text.sha1();
  h.command = options.command;
  h.shape = model.shape;
  h.rope_base = model.rope_base;
  h.layers = options.layers;
  if (h.layers.empty())
    for (std::int64_t l = 0; l < model.shape.layers; ++l) h.layers.push_back(l);
  h.token_ids = std::move(tokens);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(wanted); ++i) h.positions.push_back(i);
  h.has = options.tensors;
  h.storage = options.storage;
  return h;
}

double log_likelihood(const float* logits, std::int64_t vocabulary, std::int32_t token) {
  const float top = *std::max_element(logits, logits + vocabulary);
  double sum = 0;
  for (std::int64_t i = 0; i < vocabulary; ++i)
    sum += std::exp(static_cast<double>(logits[i] - top));
  return static_cast<double>(logits[token] - top) - std::log(sum);
}

double capture(const LlamaModel& model, const KvTraceHeader& header, std::int64_t chunk,
               const std::string& file, const std::function<void(std::int64_t)>& progress) {
  KvTraceWriter out(file, header);
  Recorder recorder(header, out);
  LlamaExecutor executor(model, recorder);
  double nats = 0;
  for (std::int64_t first = 0; first < header.tokens(); first += chunk) {
    const std::int64_t count = std::min(chunk, header.tokens() - first);
    const MatrixView logits =
        executor.run(header.token_ids.data() + first, count, LlamaExecutor::Logits::all);
    for (std::int64_t i = 0; i < count && first + i + 1 < header.tokens(); ++i)
      nats -= log_likelihood(logits.row(i), logits.columns,
                             header.token_ids[static_cast<std::size_t>(first + i + 1)]);
    if (progress) progress(first + count);
  }
  out.finish();
  return nats / static_cast<double>(std::max<std::int64_t>(1, header.tokens() - 1));
}

}  // namespace terrace
