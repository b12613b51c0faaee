// Range coding: symbols take as many bits as -log2 of their share of a table says, but for a part
// in a thousand. State: range and the bytes that a carry may still change.
// Source: Martin, "Range encoding", Video & Data Recording Conference, 1979.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace {

// Shares of 2^16 of each symbol, none of them 0.
struct SymbolTable {
  static constexpr std::uint32_t total = 1 << 16;
  std::vector<std::uint32_t> from;  // cumulative; one more than symbols

  SymbolTable() = default;
  explicit SymbolTable(const std::vector<double>& counts) {
    double sum = 0;
    for (const double c : counts) sum += c;
    const auto n = static_cast<double>(counts.size());
    double before = 0;
    from.push_back(0);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      before += sum > 0 ? counts[i] / sum : 1 / n;
      // One for each symbol, the rest by count.
      const double at = static_cast<double>(i + 1) + (total - n) * before;
      from.push_back(i + 1 == counts.size() ? total : static_cast<std::uint32_t>(at));
    }
  }
};

class RangeEncoder {
 public:
  explicit RangeEncoder(std::vector<std::uint8_t>& bytes) : bytes_(bytes), begin_(bytes.size()) {}
  void put(const SymbolTable& table, std::size_t symbol) {
    part(table.from[symbol], table.from[symbol + 1] - table.from[symbol], 16);
  }
  void put_bits(std::uint32_t word, int bits) {
    for (; bits > 0; bits -= 8, word >>= 8) part(word & 0xFF, 1, 8);
  }
  // To be called once, after the last symbol: the stream must be the last of its bytes.
  void finish() {
    for (int i = 0; i < 5; ++i) shift();
    bytes_.erase(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));  // always 0
    while (bytes_.size() > begin_ && bytes_.back() == 0) bytes_.pop_back();
  }

 private:
  void part(std::uint32_t start, std::uint32_t size, int bits) {
    range_ >>= bits;
    low_ += static_cast<std::uint64_t>(start) * range_;
    range_ *= size;
    for (; range_ < (1U << 24); range_ <<= 8) shift();
  }
  void shift() {
    if (low_ < 0xFF000000U || low_ > 0xFFFFFFFFU) {
      const auto carry = static_cast<std::uint8_t>(low_ >> 32);
      for (std::uint8_t held = held_; waiting_ > 0; --waiting_, held = 0xFF)
        bytes_.push_back(static_cast<std::uint8_t>(held + carry));
      held_ = static_cast<std::uint8_t>(low_ >> 24);
    }
    ++waiting_;
    low_ = (low_ & 0x00FFFFFFU) << 8;
  }
  std::vector<std::uint8_t>& bytes_;
  std::size_t begin_;
  std::uint64_t low_ = 0, waiting_ = 1;
  std::uint32_t range_ = 0xFFFFFFFFU;
  std::uint8_t held_ = 0;
};

// Reads them back with the same tables; bytes past the end are 0.
class RangeDecoder {
 public:
  RangeDecoder(const std::vector<std::uint8_t>& bytes, std::size_t begin)
      : bytes_(bytes), next_(begin) {
    for (int i = 0; i < 4; ++i) code_ = code_ << 8 | byte();
  }
  std::size_t get(const SymbolTable& table) {
    range_ >>= 16;
    const std::uint32_t at = code_ / range_;
    std::size_t low = 0, high = table.from.size() - 1;
    while (low + 1 < high) {
      const std::size_t middle = (low + high) / 2;
      (table.from[middle] <= at ? low : high) = middle;
    }
    take(table.from[low], table.from[low + 1] - table.from[low]);
    return low;
  }
  std::uint32_t get_bits(int bits) {
    std::uint32_t word = 0;
    for (int at = 0; at < bits; at += 8) {
      range_ >>= 8;
      const std::uint32_t b = code_ / range_;
      take(b, 1);
      word |= b << at;
    }
    return word;
  }

 private:
  std::uint32_t byte() { return next_ < bytes_.size() ? bytes_[next_++] : 0U; }
  void take(std::uint32_t start, std::uint32_t size) {
    code_ -= start * range_;
    range_ *= size;
    for (; range_ < (1U << 24); range_ <<= 8) code_ = code_ << 8 | byte();
  }
  const std::vector<std::uint8_t>& bytes_;
  std::size_t next_;
  std::uint32_t code_ = 0, range_ = 0xFFFFFFFFU;
};

// Whole numbers: those from -reach to reach by a table, the others after a mark, in 24 bits.
class NumberTable {
 public:
  NumberTable() = default;
  // A count of each number from -reach on, and of those beyond; a sixteenth is added to each.
  NumberTable(std::int32_t reach, std::vector<double> counts) : reach_(reach) {
    for (double& c : counts) c += 1.0 / 16;
    table_ = SymbolTable(counts);
  }
  std::size_t symbol(std::int32_t x) const {
    return static_cast<std::size_t>(x < -reach_ || x > reach_ ? 2 * reach_ + 1 : x + reach_);
  }
  void put(RangeEncoder& out, std::int32_t x) const {
    out.put(table_, symbol(x));
    if (x < -reach_ || x > reach_) out.put_bits(static_cast<std::uint32_t>(x + (1 << 23)), 24);
  }
  std::int32_t get(RangeDecoder& in) const {
    const auto s = static_cast<std::int32_t>(in.get(table_));
    return s <= 2 * reach_ ? s - reach_ : static_cast<std::int32_t>(in.get_bits(24)) - (1 << 23);
  }

 private:
  std::int32_t reach_ = 0;
  SymbolTable table_;
};

}  // namespace terrace
