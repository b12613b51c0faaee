// Narrow numbers and streams of bits, as the codecs store them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace terrace {

std::uint16_t to_half(float x);  // IEEE 754 binary16, to nearest even; too large: infinity
float from_half(std::uint16_t h);
// OCP FP8 (Open Compute Project, "8-bit floating point specification", 2023): to nearest even,
// too large: the largest number.
std::uint8_t to_fp8_e4m3(float x);
float from_fp8_e4m3(std::uint8_t b);
std::uint8_t to_fp8_e5m2(float x);
float from_fp8_e5m2(std::uint8_t b);

inline void put_half(std::vector<std::uint8_t>& bytes, float x) {
  const std::uint16_t h = to_half(x);
  bytes.push_back(static_cast<std::uint8_t>(h & 0xFF));
  bytes.push_back(static_cast<std::uint8_t>(h >> 8));
}

// Words of 1 to 16 bits, one after the other; the last byte is filled with zeros.
class BitWriter {
 public:
  explicit BitWriter(std::vector<std::uint8_t>& bytes) : bytes_(bytes) {}
  ~BitWriter() { flush(); }
  BitWriter(const BitWriter&) = delete;
  BitWriter& operator=(const BitWriter&) = delete;
  void put(std::uint32_t word, int bits) {
    held_ |= static_cast<std::uint64_t>(word) << count_;
    for (count_ += bits; count_ >= 8; count_ -= 8, held_ >>= 8)
      bytes_.push_back(static_cast<std::uint8_t>(held_ & 0xFF));
  }
  void flush() {
    if (count_ > 0) bytes_.push_back(static_cast<std::uint8_t>(held_ & 0xFF));
    count_ = 0;
    held_ = 0;
  }

 private:
  std::vector<std::uint8_t>& bytes_;
  std::uint64_t held_ = 0;
  int count_ = 0;
};

// Reads them back. half() and align() go to the next whole byte first.
class BitReader {
 public:
  explicit BitReader(const std::vector<std::uint8_t>& bytes) : bytes_(bytes) {}
  std::uint32_t get(int bits) {
    for (; count_ < bits; count_ += 8)
      held_ |= static_cast<std::uint64_t>(bytes_.at(next_++)) << count_;
    const auto word = static_cast<std::uint32_t>(held_ & ((1ULL << bits) - 1));
    held_ >>= bits;
    count_ -= bits;
    return word;
  }
  void align() {
    count_ = 0;
    held_ = 0;
  }
  float half() {
    align();
    const std::uint32_t low = get(8), high = get(8);
    return from_half(static_cast<std::uint16_t>(low | high << 8));
  }

 private:
  const std::vector<std::uint8_t>& bytes_;
  std::size_t next_ = 0;
  std::uint64_t held_ = 0;
  int count_ = 0;
};

}  // namespace terrace
