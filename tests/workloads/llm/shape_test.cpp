// Parameters, weights and cached bytes of published models, against the figures their makers print.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/workloads/llm/llm_machine.h"
#include "workloads/llm/rank_shape.h"

using namespace terrace;
using namespace terrace::test;

namespace {

ModelShape parsed(const std::string& text, const std::string& file = "model/config.json") {
  Mistakes mistakes;
  const Node node = parse_config(text, file, mistakes);
  Reader reader(mistakes);
  const ModelShape shape = read<ModelShape>(node, reader);
  mistakes.raise();
  return shape;
}

std::string message_of(const std::string& text) {
  try {
    parsed(text);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no mistake";
}

// Everything but the name.
std::string canonical(ModelShape shape) {
  shape.name = "same";
  return write(shape).dump(1);
}

}  // namespace

// The count that huggingface.co shows for each repository (safetensors metadata, "total"); GPT-2
// XL's as transformers counts it; Phi-3-mini's also in keras_hub/src/models/phi3/phi3_presets.py.
TEST_CASE("A shipped model has exactly the parameters of its published checkpoint", "[llm]") {
  const std::map<std::string, std::int64_t> published = {
      {"llama-3.1-8b", 8030261248},     {"llama-3.1-70b", 70553706496},
      {"llama-3.1-405b", 405853388800}, {"llama-3.2-1b", 1235814400},
      {"llama-3.2-3b", 3212749824},     {"llama-2-7b", 6738415616},
      {"llama-2-13b", 13015864320},     {"llama-2-70b", 68976648192},
      {"mistral-7b", 7248023552},       {"qwen2.5-7b", 7615616512},
      {"qwen2.5-32b", 32763876352},     {"qwen2.5-72b", 72706203648},
      {"qwen3-8b", 8190735360},         {"qwen3-32b", 32762123264},
      {"qwen3-30b-a3b", 30532122624},   {"mixtral-8x7b", 46702792704},
      {"gemma-2-9b", 9241705984},       {"phi-3-mini", 3821079552},
      {"smollm2-135m", 134515008},      {"gpt2-xl", 1557611200},
      {"deepseek-v2-lite", 15706484224}};
  for (const auto& [name, parameters] : published) {
    CAPTURE(name);
    CHECK(shipped(name).parameters() == parameters);
  }
}

// OPT: arXiv 2205.01068, table 1. GPT-3: arXiv 2005.14165, table 2.1. Mixtral: arXiv 2401.04088
// (47B, 13B active) and mistral.ai/news/mixtral-8x22b (141B, 39B). Qwen3: arXiv 2505.09388, table 2
// (30.5B, 3.3B). DeepSeek-V2: arXiv 2405.04434, appendix B (15.7B, 2.4B without the embedding); V3:
// arXiv 2412.19437 (671B, 37B).
TEST_CASE("A shipped model has the size and the active size that its paper states", "[llm]") {
  struct Claim {
    const char* name;
    double total, active;
  };
  for (const Claim& c : {Claim{"opt-6.7b", 6.7e9, 0},
                         {"opt-13b", 13e9, 0},
                         {"opt-30b", 30e9, 0},
                         {"opt-66b", 66e9, 0},
                         {"opt-175b", 175e9, 0},
                         {"gpt3-175b", 175e9, 0},
                         {"mixtral-8x7b", 46.7e9, 12.9e9},
                         {"mixtral-8x22b", 141e9, 39e9},
                         {"qwen3-30b-a3b", 30.5e9, 3.3e9},
                         {"deepseek-v3", 671e9, 37e9}}) {
    const ModelShape m = shipped(c.name);
    const double total = static_cast<double>(m.parameters()),
                 active = static_cast<double>(m.active_parameters());
    INFO(c.name << ": " << total << " parameters, " << active << " active; published " << c.total
                << ", " << c.active);
    CHECK(total == Approx(c.total).epsilon(0.012));
    if (c.active > 0) CHECK(active == Approx(c.active).epsilon(0.02));
  }
  const ModelShape lite = shipped("deepseek-v2-lite");
  CHECK(static_cast<double>(lite.active_parameters() - lite.vocab * lite.hidden) ==
        Approx(2.4e9).epsilon(0.025));
}

TEST_CASE("A token's keys and values take two vectors a KV head and layer, or one latent",
          "[llm]") {
  const auto cached = [](const ModelShape& m) {
    return RankShape(m, Parallel{}).kv_bytes_per_token() * static_cast<double>(m.layers);
  };
  CHECK(cached(shipped("llama-3.1-8b")) == 131072);  // 2 × 32 layers × 8 heads × 128 × 2 B
  CHECK(cached(shipped("llama-3.1-8b", {"kv_format=fp8"})) == 65536);
  CHECK(cached(shipped("llama-2-70b")) == 327680);
  CHECK(cached(shipped("opt-30b")) == 1376256);
  // 512 + 64 numbers a layer: arXiv 2412.19437, section 2.1.1 and 4.2.
  CHECK(RankShape(shipped("deepseek-v3"), Parallel{}).kv_elements() == 576);
  CHECK(cached(shipped("deepseek-v3")) == 576 * 2 * 61);
  // KIVI (arXiv 2402.02750): 4-bit numbers in groups of 32, each with an fp16 scale and zero.
  const ModelShape kivi = shipped("llama-3.1-8b", {"kv_format=int4", "kv_scale_group=32"});
  CHECK(cached(kivi) == 65536 * (0.5 + 4.0 / 32));
}

TEST_CASE("vLLM holds 14.9889 GiB for Llama-3.1-8B: its parameters and one rotary table", "[llm]") {
  // The log line in vllm-project/vllm issue 17122.
  const double gib =
      RankShape(shipped("llama-3.1-8b"), Parallel{}).stage_bytes(0) / (1024.0 * 1024 * 1024);
  INFO(gib << " GiB, deviation " << gib / 14.9889 - 1);
  CHECK(gib == Approx(14.9889).epsilon(1e-5));
}

TEST_CASE("Quantised weights bring their scales and zero points along", "[llm]") {
  // AWQ, groups of 128: half a byte a weight, and an fp16 scale and a 4-bit zero a group.
  const ScaleShape awq{128, 1, Format::fp16, 4};
  CHECK(stored_bytes(4096, 4096, Format::int4, awq) == 4096 * 4096 / 2 + 4096 * 32 * 2.5);
  CHECK(stored_bytes(10, 200, Format::int4, awq) ==
        10 * 200 / 2 + 10 * 2 * 2.5);  // a group is never shared
  // DeepSeek-V3: one fp32 scale for 128 × 128 weights.
  CHECK(stored_bytes(7168, 2048, Format::fp8, {128, 128, Format::fp32, 0}) ==
        7168 * 2048 + 56 * 16 * 4);

  const ModelShape m = shipped("llama-3.1-8b", {"weight_format=int4"});
  const RankShape whole(m, Parallel{});
  const double linear = 32 * (4096.0 * 6144 + 4096.0 * 4096 + 3 * 4096.0 * 14336);
  const double rest = 2 * 128256 * 4096.0 + 65 * 4096;
  CHECK(whole.stage_bytes(0) == linear * (0.5 + 2.5 / 128) + rest * 2 + 131072 * 128 * 2);
}

TEST_CASE("A Hugging Face config.json is read as it is", "[llm]") {
  CHECK(
      canonical(parsed(
          R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 128000,
    "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 131072,
    "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
    "num_key_value_heads": 8, "rope_scaling": {"factor": 8.0, "rope_type": "llama3"}, "tie_word_embeddings": false,
    "torch_dtype": "bfloat16", "transformers_version": "4.43.0.dev0", "vocab_size": 128256})")) ==
      canonical(shipped("llama-3.1-8b")));
  CHECK(canonical(parsed(R"({"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false,
    "decoder_sparse_step": 1, "head_dim": 128, "hidden_size": 2048, "intermediate_size": 6144,
    "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [], "moe_intermediate_size": 768,
    "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
    "num_key_value_heads": 4, "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "use_sliding_window": false, "vocab_size": 151936})")) == canonical(shipped("qwen3-30b-a3b")));
  CHECK(canonical(parsed(R"({"architectures": ["DeepseekV3ForCausalLM"], "first_k_dense_replace": 3,
    "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840,
    "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_attention_heads": 128, "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128,
    "num_nextn_predict_layers": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
      "weight_block_size": [128, 128]}, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "v_head_dim": 128, "vocab_size": 129280})")) == canonical(shipped("deepseek-v3")));
  CHECK(canonical(parsed(R"({"architectures": ["OPTForCausalLM"], "activation_function": "relu",
    "do_layer_norm_before": true, "ffn_dim": 28672, "hidden_size": 7168, "max_position_embeddings": 2048,
    "num_attention_heads": 56, "num_hidden_layers": 48, "torch_dtype": "float16", "vocab_size": 50272,
    "word_embed_proj_dim": 7168})")) == canonical(shipped("opt-30b")));
  CHECK(canonical(
            parsed(R"({"architectures": ["Gemma2ForCausalLM"], "head_dim": 256, "hidden_size": 3584,
    "intermediate_size": 14336, "max_position_embeddings": 8192, "num_attention_heads": 16, "num_hidden_layers": 42,
    "num_key_value_heads": 8, "sliding_window": 4096, "torch_dtype": "bfloat16", "vocab_size": 256000})")) ==
        canonical(shipped("gemma-2-9b")));
}

TEST_CASE("What a config.json leaves out comes from its transformers class", "[llm]") {
  // The card of huggingface.co/EleutherAI/gpt-j-6b counts 6,053,381,344 for the original, padded
  // otherwise.
  CHECK(static_cast<double>(parsed(R"({"architectures": ["GPTJForCausalLM"]})").parameters()) ==
        Approx(6053381344.0).epsilon(0.001));
  // GPT-NeoX-20B: 20,554,567,680 in the card of huggingface.co/EleutherAI/gpt-neox-20b.
  CHECK(parsed(R"({"architectures": ["GPTNeoXForCausalLM"], "vocab_size": 50432})").parameters() ==
        20554567680);
  CHECK(parsed(R"({"architectures": ["GPT2LMHeadModel"]})").parameters() ==
        124439808);  // GPT-2 small
  // huggingface.co/microsoft/phi-2, safetensors: 2,779,683,840.
  CHECK(
      parsed(
          R"({"architectures": ["PhiForCausalLM"], "hidden_size": 2560, "intermediate_size": 10240,
                   "num_hidden_layers": 32})")
          .parameters() == 2779683840);
  CHECK(parsed(R"({"architectures": ["GemmaForCausalLM"]})").parameters() ==
        8537680896);  // google/gemma-7b
  CHECK(parsed(R"({"model_type": "mistral"})").sliding_window == 4096);
  CHECK(parsed(R"({"model_type": "mistral", "sliding_window": null})").sliding_window == 0);
  CHECK(parsed(R"({"architectures": ["LlamaForCausalLM"]})", "Llama-Test/config.json").name ==
        "Llama-Test");
}

TEST_CASE("Alternating windows are read from their pattern or their list", "[llm]") {
  const ModelShape gemma3 = parsed(R"({"architectures": ["Gemma3ForCausalLM"]})");
  CHECK(gemma3.windowed(0));
  CHECK_FALSE(gemma3.windowed(5));
  CHECK(gemma3.windowed(6));
  CHECK(parsed(R"({"model_type": "gemma2", "num_hidden_layers": 4, "layer_types":
    ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]})")
            .full_attention_every == 2);
  CHECK_THAT(
      message_of(
          R"({"model_type": "gemma2", "layer_types": ["full_attention", "sliding_attention"]})"),
      Catch::Contains("every n-th layer"));
}

TEST_CASE("A quantised checkpoint says its format and its scales", "[llm]") {
  const ModelShape awq =
      parsed(R"({"model_type": "llama", "torch_dtype": "float16", "quantization_config":
    {"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": true}})");
  CHECK(awq.weights() == Format::int4);
  CHECK(awq.activations() == Format::fp16);
  CHECK(awq.scales().group == 64);
  CHECK(awq.scales().zero_bits == 4);
  CHECK_THAT(
      message_of(R"({"model_type": "llama", "quantization_config": {"quant_method": "exotic"}})"),
      Catch::Contains("known: awq, fp8, gptq"));
}

TEST_CASE("An unknown architecture is named beside the known ones", "[llm]") {
  const std::string message = message_of(R"({"architectures": ["LlamaForCausalML"]})");
  CHECK_THAT(message, Catch::Contains("unknown architecture \"LlamaForCausalML\""));
  CHECK_THAT(message, Catch::Contains("did you mean \"LlamaForCausalLM\"?"));
  CHECK_THAT(message, Catch::Contains("DeepseekV3ForCausalLM"));
  CHECK(message.find('\n') == std::string::npos);  // and no other mistake follows from it
}

TEST_CASE("A shape that contradicts itself is a mistake at its key", "[llm]") {
  const std::string base =
      "name: x\nlayers: 2\nhidden: 64\nheads: 4\nkv_heads: 4\nhead_dim: 16\nintermediate: 128\n"
      "vocab: 100\nmax_positions: 32\n";
  CHECK(message_of(base) == "no mistake");
  CHECK_THAT(message_of(base + "learned_positions: 8\n"),
             Catch::Contains("learned_positions: fewer than"));
  CHECK_THAT(message_of(base + "norms: 1\n"), Catch::Contains("norms: a layer with one norm"));
  CHECK_THAT(message_of(base + "moe: {experts: 4, active: 8, intermediate: 32}\n"),
             Catch::Contains("moe.active: more than experts"));
  CHECK_THAT(message_of(base + "full_attention_every: 2\n"),
             Catch::Contains("means nothing without"));
  CHECK_THAT(message_of(base + "weight_fromat: int4\n"), Catch::Contains("weight_format"));
}
