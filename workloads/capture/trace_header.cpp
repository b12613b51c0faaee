// The header of a trace: JSON that says everything about its numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "workloads/capture/trace_format.h"

namespace terrace {
namespace {

using Json = nlohmann::json;
constexpr std::array<const char*, 2> storage_names = {"int8", "fp16"};

bool is_weight(TraceTensor t) { return t >= TraceTensor::wq; }

}  // namespace

std::int64_t KvTraceHeader::heads_of(TraceTensor t) const {
  if (t == TraceTensor::q || t == TraceTensor::q_raw) return shape.heads;
  return t == TraceTensor::k || t == TraceTensor::v || t == TraceTensor::k_raw ? shape.kv_heads : 1;
}
std::int64_t KvTraceHeader::rows_of(TraceTensor t) const {
  if (t == TraceTensor::wq) return shape.heads * shape.head_dim;
  return is_weight(t) ? shape.kv_heads * shape.head_dim : tokens();
}
std::int64_t KvTraceHeader::columns_of(TraceTensor t) const {
  const bool whole = is_weight(t) || t == TraceTensor::x || t == TraceTensor::residual;
  return whole ? shape.hidden : shape.head_dim;
}

std::uint64_t trace_raw_bytes(const KvTraceHeader& h, TraceTensor t, std::uint64_t rows) {
  const auto all = static_cast<std::uint64_t>(h.heads_of(t)) * rows;
  const auto columns = static_cast<std::uint64_t>(h.columns_of(t));
  return h.storage[static_cast<std::size_t>(t)] == TraceStorage::int8
             ? all * (columns + sizeof(float))
             : all * columns * 2;
}

std::string trace_chunk_text(const TraceChunk& c) {
  const bool known = c.tensor < trace_tensor_names.size();
  return fmt::format("chunk {} of layer {}, rows {} to {} (byte {})",
                     known ? trace_tensor_names[c.tensor] : "?", c.layer, c.first,
                     std::uint64_t{c.first} + c.rows, c.offset);
}

std::string trace_header_mistake(const KvTraceHeader& h) {
  const KvShape& s = h.shape;
  const auto outside = [](std::int64_t n, std::int64_t most) { return n < 1 || n > most; };
  if (outside(s.layers, 4096) || outside(s.heads, 4096) || outside(s.kv_heads, 4096) ||
      outside(s.head_dim, 8192) || outside(s.hidden, 1 << 20) || s.heads % s.kv_heads != 0 ||
      s.context < 1)
    return fmt::format("a shape of {} layers, {} heads, {} KV heads, {} channels each, {} in all",
                       s.layers, s.heads, s.kv_heads, s.head_dim, s.hidden);
  if (!(s.scale > 0) || !std::isfinite(s.scale)) return "a scale that is no number above 0";
  if (static_cast<std::int64_t>(s.rope.frequencies().size()) * 2 > s.head_dim)
    return "more rotary frequencies than a head has pairs";
  for (const double f : s.rope.frequencies())
    if (!std::isfinite(f)) return "a rotary frequency that is no number";
  if (outside(h.tokens(), 1 << 24)) return fmt::format("{} tokens", h.tokens());
  if (h.positions.size() != h.token_ids.size())
    return fmt::format("{} positions for {} tokens", h.positions.size(), h.token_ids.size());
  for (std::size_t i = 0; i < h.positions.size(); ++i)
    if (h.positions[i] < 0 || (i > 0 && h.positions[i] <= h.positions[i - 1]))
      return fmt::format("position {} is out of order", i);
  if (h.layers.empty()) return "no layer";
  for (std::size_t i = 0; i < h.layers.size(); ++i)
    if (h.layers[i] < 0 || h.layers[i] >= s.layers || (i > 0 && h.layers[i] <= h.layers[i - 1]))
      return fmt::format("layer {} is out of order or not in the model", h.layers[i]);
  if (std::none_of(h.has.begin(), h.has.end(), [](bool b) { return b; })) return "no tensor";
  return "";
}

std::string write_trace_header(const KvTraceHeader& h) {
  const KvShape& s = h.shape;
  Json tensors = Json::object();
  for (std::size_t t = 0; t < h.has.size(); ++t)
    if (h.has[t])
      tensors[std::string(trace_tensor_names[t])] =
          storage_names[static_cast<std::size_t>(h.storage[t])];
  const bool interleaved = s.rope.pairing() == Rope::Pairing::interleaved;
  const Json json = {{"format", "terrace KV trace"},
                     {"version", 1},
                     {"model", {{"name", h.model}, {"sha1", h.model_hash}}},
                     {"text", {{"name", h.text}, {"sha1", h.text_hash}}},
                     {"command", h.command},
                     {"shape",
                      {{"layers", s.layers},
                       {"heads", s.heads},
                       {"kv_heads", s.kv_heads},
                       {"head_dim", s.head_dim},
                       {"hidden", s.hidden},
                       {"context", s.context},
                       {"scale", static_cast<double>(s.scale)}}},
                     {"rope",
                      {{"base", h.rope_base},
                       {"pairing", interleaved ? "interleaved" : "halves"},
                       {"frequencies", s.rope.frequencies()},
                       {"q_raw and k_raw",
                        "where not stored: q and k rotated back; the map is orthogonal, so the "
                        "error of a row keeps "
                        "its norm"}}},
                     {"tensors", tensors},
                     {"layers", h.layers},
                     {"token_ids", h.token_ids},
                     {"positions", h.positions}};
  return json.dump();
}

KvTraceHeader read_trace_header(const MappedFile& file, std::string_view text) {
  KvTraceHeader h;
  try {
    const Json json = Json::parse(text.begin(), text.end());
    if (json.at("format") != "terrace KV trace" || json.at("version") != 1)
      file.fail("header: format " + json.at("format").dump().substr(0, 64) + " version " +
                json.at("version").dump().substr(0, 64) + " is not supported");
    json.at("model").at("name").get_to(h.model);
    json.at("model").at("sha1").get_to(h.model_hash);
    json.at("text").at("name").get_to(h.text);
    json.at("text").at("sha1").get_to(h.text_hash);
    json.at("command").get_to(h.command);
    const Json& s = json.at("shape");
    s.at("layers").get_to(h.shape.layers);
    s.at("heads").get_to(h.shape.heads);
    s.at("kv_heads").get_to(h.shape.kv_heads);
    s.at("head_dim").get_to(h.shape.head_dim);
    s.at("hidden").get_to(h.shape.hidden);
    s.at("context").get_to(h.shape.context);
    s.at("scale").get_to(h.shape.scale);
    const Json& rope = json.at("rope");
    rope.at("base").get_to(h.rope_base);
    const auto pairing = rope.at("pairing").get<std::string>();
    if (pairing != "interleaved" && pairing != "halves")
      file.fail("header: rope.pairing is neither interleaved nor halves");
    h.shape.rope = Rope(pairing == "halves" ? Rope::Pairing::halves : Rope::Pairing::interleaved,
                        rope.at("frequencies").get<std::vector<double>>());
    for (const auto& [name, storage] : json.at("tensors").items()) {
      const auto t = std::find(trace_tensor_names.begin(), trace_tensor_names.end(), name);
      const auto* k = std::find(storage_names.begin(), storage_names.end(), storage);
      if (t == trace_tensor_names.end() || k == storage_names.end())
        file.fail("header: tensor \"" + name.substr(0, 64) + "\" or its storage is unknown");
      const auto i = static_cast<std::size_t>(t - trace_tensor_names.begin());
      h.has[i] = true;
      h.storage[i] = static_cast<TraceStorage>(k - storage_names.begin());
    }
    json.at("layers").get_to(h.layers);
    json.at("token_ids").get_to(h.token_ids);
    json.at("positions").get_to(h.positions);
  } catch (const Json::exception& error) {
    std::string what = error.what();
    std::replace(what.begin(), what.end(), '\n', ' ');
    file.fail("header: " + what.substr(0, 200));
  }
  const std::string mistake = trace_header_mistake(h);
  if (!mistake.empty()) file.fail("header: " + mistake);
  return h;
}

}  // namespace terrace
