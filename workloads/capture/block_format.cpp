// Decoders of GGUF's block formats.
// Source: the layouts of ggml (ggml-common.h: block_q4_0 … block_q6_K) and its type numbers.
#include "workloads/capture/block_format.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "workloads/capture/half.h"

namespace terrace {
namespace {

template <class T>
T load(const std::uint8_t* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}
float half_at(const std::uint8_t* at) { return float_of_half(load<std::uint16_t>(at)); }

void f32(const std::uint8_t* b, float* y) { *y = load<float>(b); }
void f16(const std::uint8_t* b, float* y) { *y = half_at(b); }
void bf16(const std::uint8_t* b, float* y) { *y = float_of_bfloat16(load<std::uint16_t>(b)); }

void q8_0(const std::uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(static_cast<std::int8_t>(b[2 + i]));
}

// Low nibbles are the first half of the block, high ones the second.
void q4_0(const std::uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>((b[2 + i] & 15) - 8);
    y[i + 16] = d * static_cast<float>((b[2 + i] >> 4) - 8);
  }
}

void q4_1(const std::uint8_t* b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(b[4 + i] & 15) + m;
    y[i + 16] = d * static_cast<float>(b[4 + i] >> 4) + m;
  }
}

// The fifth bits of all 32 values stand together in one word.
void five_bits(const std::uint8_t* b, std::uint32_t high, float d, float shift, float* y) {
  for (unsigned i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>((b[i] & 15U) | (high >> i & 1U) << 4) + shift;
    y[i + 16] = d * static_cast<float>((b[i] >> 4U) | (high >> (i + 16) & 1U) << 4) + shift;
  }
}
void q5_0(const std::uint8_t* b, float* y) {
  five_bits(b + 6, load<std::uint32_t>(b + 2), half_at(b), -16 * half_at(b), y);
}
void q5_1(const std::uint8_t* b, float* y) {
  five_bits(b + 8, load<std::uint32_t>(b + 4), half_at(b), half_at(b + 2), y);
}

// 8 sub-blocks of 32 values, each with a 6-bit scale and a 6-bit minimum, packed into 12 bytes.
void q4_k(const std::uint8_t* b, float* y) {
  const float d = half_at(b), d_min = half_at(b + 2);
  const std::uint8_t *s = b + 4, *q = b + 16;
  for (int j = 0; j < 8; ++j) {
    const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    const int minimum = j < 4 ? s[j + 4] & 63 : (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    const float step = d * static_cast<float>(scale), low = d_min * static_cast<float>(minimum);
    for (int i = 0; i < 32; ++i) {
      const int byte = q[j / 2 * 32 + i];
      y[j * 32 + i] = step * static_cast<float>(j % 2 == 0 ? byte & 15 : byte >> 4) - low;
    }
  }
}

// 16 sub-blocks of 16 values with int8 scales; low 4 bits and high 2 bits stand apart.
void q6_k(const std::uint8_t* b, float* y) {
  const float d = half_at(b + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, quarter = i % 128 / 32, column = i % 32;
    const int byte = b[half * 64 + quarter % 2 * 32 + column];
    const int low = quarter < 2 ? byte & 15 : byte >> 4;
    const int high = b[128 + half * 32 + column] >> (2 * quarter) & 3;
    const auto scale = static_cast<std::int8_t>(b[192 + i / 16]);
    y[i] = d * static_cast<float>(scale) * static_cast<float>((low | high << 4) - 32);
  }
}

constexpr std::array<BlockFormat, 10> formats = {{{0, "F32", 1, 4, f32},
                                                  {1, "F16", 1, 2, f16},
                                                  {30, "BF16", 1, 2, bf16},
                                                  {2, "Q4_0", 32, 18, q4_0},
                                                  {3, "Q4_1", 32, 20, q4_1},
                                                  {6, "Q5_0", 32, 22, q5_0},
                                                  {7, "Q5_1", 32, 24, q5_1},
                                                  {8, "Q8_0", 32, 34, q8_0},
                                                  {12, "Q4_K", 256, 144, q4_k},
                                                  {14, "Q6_K", 256, 210, q6_k}}};

}  // namespace

const BlockFormat* find_block_format(std::uint32_t id) {
  const auto* found =
      std::find_if(formats.begin(), formats.end(), [&](const auto& f) { return f.id == id; });
  return found == formats.end() ? nullptr : found;
}

std::string block_format_names() {
  std::string names;
  for (const BlockFormat& f : formats) names += (names.empty() ? "" : ", ") + std::string(f.name);
  return names;
}

std::string block_format_name(std::uint32_t id) {
  if (const BlockFormat* found = find_block_format(id)) return found->name;
  constexpr std::array<std::pair<std::uint32_t, const char*>, 8> others = {{{9, "Q8_1"},
                                                                            {10, "Q2_K"},
                                                                            {11, "Q3_K"},
                                                                            {13, "Q5_K"},
                                                                            {15, "Q8_K"},
                                                                            {16, "IQ2_XXS"},
                                                                            {20, "IQ4_NL"},
                                                                            {23, "IQ4_XS"}}};
  for (const auto& [number, name] : others)
    if (number == id) return name;
  return "type " + std::to_string(id);
}

}  // namespace terrace
