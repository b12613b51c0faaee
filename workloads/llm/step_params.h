// How an engine runs a model's step: graph capture, paging, sampling. The words and defaults are
// vLLM's.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/schema.h"

namespace terrace {

// What is replayed from captured CUDA graphs (vLLM's cudagraph_mode).
enum class GraphMode : std::uint8_t { off, piecewise, full_decode_only, full_and_piecewise };
template <>
struct EnumNames<GraphMode> {
  static constexpr std::pair<const char*, GraphMode> values[] = {
      {"none", GraphMode::off},
      {"piecewise", GraphMode::piecewise},
      {"full_decode_only", GraphMode::full_decode_only},
      {"full_and_piecewise", GraphMode::full_and_piecewise}};
};

// Of one batch: nothing, everything but attention, or the whole forward pass.
enum class Capture : std::uint8_t { eager, piecewise, full };

struct StepParams {
  GraphMode graphs = GraphMode::full_and_piecewise;
  std::vector<std::int64_t> capture_sizes = default_capture_sizes(512);
  std::int64_t block_tokens = 16;
  bool split_attention = false;
  bool greedy = false;

  static void fields(Schema<StepParams>& s);
  void check(Checker& c) const;
  // 1, 2, 4, multiples of 8 below 256, then of 16 (VllmConfig._set_cudagraph_sizes, vLLM 0.19).
  static std::vector<std::int64_t> default_capture_sizes(std::int64_t largest);
  // The captured size that a batch of `tokens` is padded to; 0 when none is large enough.
  std::int64_t captured_size(std::int64_t tokens) const;
};

}  // namespace terrace
