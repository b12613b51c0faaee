// The transformers classes that can be read: what their configs leave out, and what their code
// fixes.
#include "workloads/llm/hf_architectures.h"

namespace terrace {

// Defaults: transformers 4.57, configuration_*.py of each model (`head_dim: null` means hidden /
// heads). Fixed: its modeling_*.py, in the words of ModelShape.
const std::vector<HfArchitecture>& hf_architecture_table() {
  static const std::vector<HfArchitecture> table = {
      {"LlamaForCausalLM", "llama",
       "{vocab_size: 32000, hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, "
       "num_attention_heads: 32, max_position_embeddings: 2048, tie_word_embeddings: false, "
       "attention_bias: false, mlp_bias: false}",
       "{gated: true}"},
      {"MistralForCausalLM", "mistral",
       "{vocab_size: 32000, hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32, "
       "num_attention_heads: 32, num_key_value_heads: 8, max_position_embeddings: 131072, "
       "sliding_window: 4096, tie_word_embeddings: false}",
       "{gated: true}"},
      {"Qwen2ForCausalLM", "qwen2",
       "{vocab_size: 151936, hidden_size: 4096, intermediate_size: 22016, num_hidden_layers: 32, "
       "num_attention_heads: 32, num_key_value_heads: 32, max_position_embeddings: 32768, "
       "use_sliding_window: false, tie_word_embeddings: false}",
       "{gated: true, qkv_bias: true}"},
      {"Qwen3ForCausalLM", "qwen3",
       "{vocab_size: 151936, hidden_size: 4096, intermediate_size: 22016, num_hidden_layers: 32, "
       "num_attention_heads: 32, num_key_value_heads: 32, head_dim: 128, "
       "max_position_embeddings: 32768, use_sliding_window: false, attention_bias: false, "
       "tie_word_embeddings: false}",
       "{gated: true, qk_norm: true}"},
      {"Qwen3MoeForCausalLM", "qwen3_moe",
       "{vocab_size: 151936, hidden_size: 2048, intermediate_size: 6144, num_hidden_layers: 24, "
       "num_attention_heads: 32, num_key_value_heads: 4, max_position_embeddings: 32768, "
       "use_sliding_window: false, attention_bias: false, tie_word_embeddings: false, "
       "num_experts: 128, num_experts_per_tok: 8, moe_intermediate_size: 768}",
       "{gated: true, qk_norm: true}"},
      {"MixtralForCausalLM", "mixtral",
       "{vocab_size: 32000, hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32, "
       "num_attention_heads: 32, num_key_value_heads: 8, max_position_embeddings: 131072, "
       "tie_word_embeddings: false, num_local_experts: 8, num_experts_per_tok: 2}",
       "{gated: true}"},
      {"DeepseekV2ForCausalLM", "deepseek_v2",
       "{vocab_size: 32000, hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, "
       "num_attention_heads: 32, max_position_embeddings: 2048, tie_word_embeddings: false, "
       "attention_bias: false, mlp_bias: false, first_k_dense_replace: 0, kv_lora_rank: 512, "
       "q_lora_rank: 1536, n_routed_experts: 64, n_shared_experts: 2, qk_nope_head_dim: 128, "
       "qk_rope_head_dim: 64, v_head_dim: 128, moe_intermediate_size: 1407}",
       "{gated: true}"},
      {"DeepseekV3ForCausalLM", "deepseek_v3",
       "{vocab_size: 129280, hidden_size: 7168, intermediate_size: 18432, num_hidden_layers: 61, "
       "num_attention_heads: 128, num_key_value_heads: 128, max_position_embeddings: 4096, "
       "tie_word_embeddings: false, attention_bias: false, first_k_dense_replace: 3, "
       "kv_lora_rank: 512, q_lora_rank: 1536, n_routed_experts: 256, n_shared_experts: 1, "
       "num_experts_per_tok: 8, qk_nope_head_dim: 128, qk_rope_head_dim: 64, v_head_dim: 128, "
       "moe_intermediate_size: 2048}",
       "{gated: true, moe: {router_bias: true}}"},
      {"OPTForCausalLM", "opt",
       "{vocab_size: 50272, hidden_size: 768, ffn_dim: 3072, num_hidden_layers: 12, "
       "num_attention_heads: 12, max_position_embeddings: 2048, do_layer_norm_before: true, "
       "_remove_final_layer_norm: false, enable_bias: true, tie_word_embeddings: true}",
       "{gated: false, norm: layer}", 2},
      {"GPT2LMHeadModel", "gpt2",
       "{vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024, "
       "tie_word_embeddings: true}",
       "{gated: false, norm: layer, qkv_bias: true, o_bias: true, mlp_bias: true}", 0},
      {"GPTNeoXForCausalLM", "gpt_neox",
       "{vocab_size: 50432, hidden_size: 6144, intermediate_size: 24576, num_hidden_layers: 44, "
       "num_attention_heads: 64, max_position_embeddings: 2048, rotary_pct: 0.25, "
       "attention_bias: true, use_parallel_residual: true, tie_word_embeddings: false}",
       "{gated: false, norm: layer, mlp_bias: true}"},
      {"GPTJForCausalLM", "gptj",
       "{vocab_size: 50400, n_embd: 4096, n_layer: 28, n_head: 16, n_positions: 2048, "
       "rotary_dim: 64, tie_word_embeddings: false}",
       "{gated: false, norm: layer, norms: 1, mlp_bias: true, head_bias: true, "
       "parallel_residual: true}"},
      {"PhiForCausalLM", "phi",
       "{vocab_size: 51200, hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 24, "
       "num_attention_heads: 32, max_position_embeddings: 2048, partial_rotary_factor: 0.5, "
       "tie_word_embeddings: false}",
       "{gated: false, norm: layer, norms: 1, qkv_bias: true, o_bias: true, mlp_bias: true, "
       "head_bias: true, parallel_residual: true}"},
      {"Phi3ForCausalLM", "phi3",
       "{vocab_size: 32064, hidden_size: 3072, intermediate_size: 8192, num_hidden_layers: 32, "
       "num_attention_heads: 32, max_position_embeddings: 4096, tie_word_embeddings: false}",
       "{gated: true}"},
      {"GemmaForCausalLM", "gemma",
       "{vocab_size: 256000, hidden_size: 3072, intermediate_size: 24576, num_hidden_layers: 28, "
       "num_attention_heads: 16, num_key_value_heads: 16, head_dim: 256, "
       "max_position_embeddings: 8192, attention_bias: false, tie_word_embeddings: true}",
       "{gated: true}"},
      {"Gemma2ForCausalLM", "gemma2",
       "{vocab_size: 256000, hidden_size: 2304, intermediate_size: 9216, num_hidden_layers: 26, "
       "num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, "
       "max_position_embeddings: 8192, attention_bias: false, sliding_window: 4096, "
       "tie_word_embeddings: true}",
       "{gated: true, norms: 4, full_attention_every: 2}"},
      {"Gemma3ForCausalLM", "gemma3_text",
       "{vocab_size: 262208, hidden_size: 2304, intermediate_size: 9216, num_hidden_layers: 26, "
       "num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, "
       "max_position_embeddings: 131072, attention_bias: false, sliding_window: 4096, "
       "sliding_window_pattern: 6, tie_word_embeddings: true}",
       "{gated: true, norms: 4, qk_norm: true}"},
  };
  return table;
}

}  // namespace terrace
