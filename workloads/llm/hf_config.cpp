// Finds the architecture of a Hugging Face config and says its shape in the words of ModelShape.
#include "workloads/llm/hf_config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "sim/suggest.h"
#include "workloads/llm/hf_architectures.h"

namespace terrace {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& w : words) all += (all.empty() ? "" : ", ") + w;
  return all;
}

// A config.json seen through the defaults of its architecture, and the shape that comes of it.
class HfConfig {
 public:
  HfConfig(Node& mapping, Reader& reader, const HfArchitecture& architecture)
      : given_(mapping), reader_(reader), architecture_(architecture) {
    Mistakes mistakes;  // none: the tables are ours
    defaults_ = parse_config(architecture.defaults, "", mistakes);
    shape_ = parse_config(architecture.fixed, "", mistakes);
    for (Node::Member& m : shape_.members()) m.value.place(mapping.place());
  }

  Node shape() {
    size();
    biases();
    windows();
    if (find("kv_lora_rank")) latent();
    if (find({"num_experts", "num_local_experts", "n_routed_experts"})) experts();
    formats();
    refuse();
    return std::move(shape_);
  }
  const std::set<std::string>& used() const { return used_; }

 private:
  // What the file says, else the default of the class; null when either says None.
  const Node* find(const std::string& key) {
    used_.insert(key);
    const Node* node = given_.find(key);
    if (!node) node = defaults_.find(key);
    return node && !node->is_null() ? node : nullptr;
  }
  const Node* find(std::initializer_list<const char*> keys) {
    for (const char* key : keys)
      if (const Node* node = find(std::string(key))) return node;
    return nullptr;
  }
  static std::int64_t number(const Node* node) {
    return node && node->is_scalar() ? std::strtoll(node->text().c_str(), nullptr, 10) : 0;
  }
  bool says(const std::string& key, const char* value) {
    const Node* node = find(key);
    return node && node->is_scalar() && node->text() == value;
  }
  void put(Node& to, const char* key, Node value) {
    if (!value.place().line) value.place(given_.place());
    to.put(key, std::move(value));
  }
  void put(Node& to, const char* key, std::int64_t value) {
    put(to, key, Node::scalar(std::to_string(value)));
  }
  void put(const char* key, std::initializer_list<const char*> keys) {
    if (const Node* node = find(keys)) put(shape_, key, *node);
  }
  void fail(const std::string& key, const std::string& what) {
    const Node* node = given_.find(key);
    reader_.fail(node ? *node : given_, key + ": " + what);
  }

  void size() {
    put("layers", {"num_hidden_layers", "n_layer"});
    put("hidden", {"hidden_size", "n_embd"});
    put("heads", {"num_attention_heads", "n_head"});
    put("kv_heads", {"num_key_value_heads", "num_attention_heads", "n_head"});
    put("vocab", {"vocab_size"});
    put("max_positions", {"max_position_embeddings", "n_positions"});
    put("tied_embeddings", {"tie_word_embeddings"});
    const std::int64_t hidden = number(shape_.find("hidden")), heads = number(shape_.find("heads"));
    put(shape_, "head_dim", heads > 0 ? hidden / heads : 0);
    put("head_dim", {"head_dim"});
    put(shape_, "intermediate", 4 * hidden);  // GPT-2 and GPT-J, where n_inner is None
    put("intermediate", {"intermediate_size", "ffn_dim", "n_inner"});
    if (architecture_.learned_beyond >= 0)
      put(shape_, "learned_positions",
          number(shape_.find("max_positions")) + architecture_.learned_beyond);
    put("rotary_dim", {"rotary_dim"});
    if (const Node* part = find({"rotary_pct", "partial_rotary_factor"}))
      put(shape_, "rotary_dim",
          std::llround(std::strtod(part->text().c_str(), nullptr) *
                       static_cast<double>(number(shape_.find("head_dim")))));
  }

  void biases() {
    for (const char* key : {"attention_bias", "enable_bias"})
      for (const char* ours : {"qkv_bias", "o_bias"}) put(ours, {key});
    put("mlp_bias", {"enable_bias"});
    put("mlp_bias", {"mlp_bias"});
    put("qk_norm", {"qk_layernorm"});
    put("parallel_residual", {"use_parallel_residual"});
  }

  void windows() {
    used_.insert("layer_types");
    const Node* window = find("sliding_window");
    if (says("use_sliding_window", "false")) window = nullptr;
    if (window) put(shape_, "sliding_window", *window);
    put("full_attention_every", {"sliding_window_pattern"});
    const Node* types = given_.find("layer_types");
    if (!window || !types || !types->is_sequence()) {
      if (says("use_sliding_window", "true") && number(find("max_window_layers")) > 0)
        fail("use_sliding_window", "windows in only the last layers are not modelled");
      return;
    }
    std::int64_t every = 0, at = 0;
    bool regular = true;
    for (const Node& type : types->items()) {
      ++at;
      const bool full = type.is_scalar() && type.text() == "full_attention";
      if (full && every == 0) every = at;
      if (full != (every > 0 && at % every == 0)) regular = false;
    }
    if (!regular) fail("layer_types", "full attention must come at every n-th layer");
    put(shape_, "full_attention_every", every);
    if (every == 1) put(shape_, "sliding_window", 0);
  }

  void latent() {
    Node mla = Node::mapping(given_.place());
    const auto take = [&](const char* ours, const char* key) {
      if (const Node* node = find(key)) put(mla, ours, *node);
    };
    take("q_rank", "q_lora_rank");
    take("kv_rank", "kv_lora_rank");
    take("nope_dim", "qk_nope_head_dim");
    take("rope_dim", "qk_rope_head_dim");
    take("value_dim", "v_head_dim");
    put(shape_, "head_dim", number(mla.find("nope_dim")) + number(mla.find("rope_dim")));
    shape_.put("mla", std::move(mla));
  }

  void experts() {
    Node moe = shape_.find("moe") ? *shape_.find("moe") : Node::mapping();
    moe.place(given_.place());
    const auto take = [&](const char* ours, std::initializer_list<const char*> keys) {
      if (const Node* node = find(keys)) put(moe, ours, *node);
    };
    take("experts", {"num_experts", "num_local_experts", "n_routed_experts"});
    take("active", {"num_experts_per_tok"});
    take("intermediate", {"moe_intermediate_size", "intermediate_size"});
    take("shared", {"n_shared_experts"});
    take("dense_layers", {"first_k_dense_replace"});
    shape_.put("moe", std::move(moe));
    for (const char* key : {"decoder_sparse_step", "moe_layer_freq"})
      if (find(key) && !says(key, "1")) fail(key, "must be 1: other patterns are not modelled");
    const Node* dense = find("mlp_only_layers");
    if (dense && !dense->items().empty()) fail("mlp_only_layers", "must be empty");
  }

  void formats() {
    const Node* type = find({"dtype", "torch_dtype"});
    if (type) {
      static const std::vector<std::pair<std::string, const char*>> names = {
          {"bfloat16", "bf16"}, {"float16", "fp16"}, {"float32", "fp32"}};
      for (const auto& [theirs, ours] : names)
        if (type->text() == theirs) put(shape_, "dtype", Node::scalar(ours, type->place()));
    }
    if (const Node* q = find("quantization_config")) quantization(*q);
  }

  // AWQ, GPTQ and block-wise or per-tensor FP8 as their checkpoints store them.
  void quantization(const Node& q) {
    const auto says_here = [&](const char* key, const char* value) {
      const Node* node = q.find(key);
      return node && node->is_scalar() && node->text() == value;
    };
    Node scales = Node::mapping(q.place());
    std::string format = "fp8";
    if (says_here("quant_method", "fp8")) {
      put(shape_, "activation_format", Node::scalar(format));
      const Node* block = q.find("weight_block_size");
      const bool blocks = block && block->is_sequence() && block->items().size() == 2;
      put(scales, "rows", blocks ? block->items()[0] : Node::scalar("0"));
      put(scales, "group", blocks ? block->items()[1] : Node::scalar("0"));
      put(scales, "format", Node::scalar("fp32"));
    } else if (says_here("quant_method", "awq") || says_here("quant_method", "gptq")) {
      const std::int64_t bits = number(q.find("bits"));
      if (bits != 4 && bits != 8) fail("quantization_config", "bits must be 4 or 8");
      format = bits == 8 ? "int8" : "int4";
      const std::int64_t group = number(q.find("group_size"));
      put(scales, "group", std::max<std::int64_t>(group, 0));  // -1: whole rows
      put(scales, "format", Node::scalar("fp16"));
      const bool zeros = says_here("zero_point", "true") || says_here("sym", "false");
      put(scales, "zero_bits", zeros ? bits : 0);
    } else {
      fail("quantization_config", "this method cannot be read; known: awq, fp8, gptq");
    }
    put(shape_, "weight_format", Node::scalar(format));
    shape_.put("weight_scales", std::move(scales));
  }

  void refuse() {
    if (says("do_layer_norm_before", "false"))
      fail("do_layer_norm_before", "norms after the residual are not modelled");
    if (says("_remove_final_layer_norm", "true"))
      fail("_remove_final_layer_norm", "a model without a final norm is not modelled");
    const Node* projected = find("word_embed_proj_dim");
    if (projected && number(projected) != number(shape_.find("hidden")))
      fail("word_embed_proj_dim", "embeddings narrower than the hidden state are not modelled");
  }

  Node& given_;
  Reader& reader_;
  const HfArchitecture& architecture_;
  Node defaults_, shape_;
  std::set<std::string> used_;
};

std::string word_in(const Node& mapping, const std::string& key) {
  const Node* node = mapping.find(key);
  if (node && node->is_sequence() && !node->items().empty()) node = &node->items().front();
  return node && node->is_scalar() ? node->text() : std::string();
}

const HfArchitecture* find_architecture(const Node& mapping) {
  const std::string name = word_in(mapping, "architectures"), type = word_in(mapping, "model_type");
  for (const HfArchitecture& a : hf_architecture_table())
    if (name.empty() ? type == a.model_type : name == a.name) return &a;
  return nullptr;
}

// The model's folder, as `Qwen3-8B/config.json` has no name of its own.
std::string name_of_config(const Node& mapping) {
  const std::string said = word_in(mapping, "_name_or_path");
  const std::filesystem::path path(said.empty() ? mapping.place().file_name() : said);
  const auto name = said.empty() && path.filename() == "config.json" ? path.parent_path().filename()
                    : said.empty()                                   ? path.stem()
                                                                     : path.filename();
  return name.empty() ? "model" : name.string();
}

}  // namespace

bool is_hf_config(const Node& mapping) {
  return mapping.find("architectures") || mapping.find("model_type");
}

std::vector<std::string> hf_architectures() {
  std::vector<std::string> names;
  for (const HfArchitecture& a : hf_architecture_table()) names.emplace_back(a.name);
  return names;
}

void adapt_hf_config(Node& mapping, Reader& reader, const std::vector<std::string>& own_keys) {
  const Node* says = mapping.find("architectures");
  if (!says) says = mapping.find("model_type");
  const std::string config_file = says->place().file_name();
  const HfArchitecture* architecture = find_architecture(mapping);
  if (!architecture) {
    const std::string name =
        word_in(mapping, says == mapping.find("architectures") ? "architectures" : "model_type");
    reader.fail(*says, "unknown architecture \"" + name + "\"" +
                           did_you_mean(name, hf_architectures()) +
                           " known: " + joined(hf_architectures()));
    architecture = &hf_architecture_table().front();  // the other mistakes are still worth telling
  }
  HfConfig config(mapping, reader, *architecture);
  Node shape = config.shape();
  shape.place(mapping.place());
  shape.put("name", Node::scalar(name_of_config(mapping), mapping.place(), true));

  Node over = Node::mapping(mapping.place());
  for (Node::Member& m : mapping.members()) {
    const bool own = std::find(own_keys.begin(), own_keys.end(), m.key) != own_keys.end();
    const bool theirs = config.used().count(m.key) != 0;
    const bool elsewhere = m.value.place().file_name() != config_file;
    const bool kept = own ? !theirs || elsewhere : !theirs && elsewhere;
    if (kept && m.key != "architectures" && m.key != "model_type")
      over.put(m.key, std::move(m.value), m.place);
  }
  merge(shape, std::move(over), reader.mistakes(), reader.path());
  mapping = std::move(shape);
}

}  // namespace terrace
