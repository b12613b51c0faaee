// Byte-level BPE, as GGUF's tokenizer model "gpt2" stores it: each byte is written as one printable
// character, and merges are ranked pairs.
// Source: GPT-2 (Radford et al. 2019) and its encoder's table of bytes; keys from the GGUF
// specification.
#include <fmt/format.h>

#include <array>
#include <unordered_map>

#include "workloads/capture/gguf.h"
#include "workloads/capture/merge_pieces.h"
#include "workloads/capture/pre_tokenizer.h"
#include "workloads/capture/tokenizer.h"
#include "workloads/capture/unicode_classes.h"

namespace terrace {
namespace {

// Bytes that print stand for themselves; the others are numbered from U+0100 on.
std::array<char32_t, 256> characters_of_bytes() {
  std::array<char32_t, 256> all = {};
  char32_t next = 0x100;
  for (unsigned b = 0; b < 256; ++b) {
    const bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    all[b] = prints ? b : next++;
  }
  return all;
}

class BytePairs final : public Tokenizer {
 public:
  explicit BytePairs(const GgufFile& gguf) : pieces_(pieces_of(gguf)) {
    std::unordered_map<std::string_view, std::int32_t> ids;
    texts_.reserve(pieces_.size());
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      ids.emplace(pieces_[i], static_cast<std::int32_t>(i));
      texts_.push_back(bytes_of(pieces_[i]));
    }
    const std::string pre =
        gguf.has("tokenizer.ggml.pre") ? gguf.text("tokenizer.ggml.pre") : "gpt-2";
    cut_ = find_pre_tokenizer(pre);
    if (cut_ == nullptr)
      gguf.fail("tokenizer.ggml.pre is \"" + pre.substr(0, 64) + "\" (" + pre_tokenizer_names() +
                " are supported)");
    unknown_ = read_token(gguf, "tokenizer.ggml.unknown_token_id", -1);
    const bool adds = gguf.has("tokenizer.ggml.add_bos_token")
                          ? gguf.flag("tokenizer.ggml.add_bos_token")
                          : pre.rfind("llama", 0) == 0;
    if (adds) first_ = read_token(gguf, "tokenizer.ggml.bos_token_id", -1);
    const auto characters = characters_of_bytes();
    for (std::size_t b = 0; b < 256; ++b) {
      const auto found = ids.find(utf8(characters[b]));
      byte_tokens_[b] = found == ids.end() ? unknown_ : found->second;
    }
    read_merges(gguf, ids);
  }

  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<std::int32_t> all, piece;
    if (first_ >= 0) all.push_back(first_);
    const JoinPair join = [this](std::int32_t a, std::int32_t b) -> std::optional<JoinedPair> {
      const auto found = merges_.find(key_of(a, b));
      return found == merges_.end() ? std::nullopt : std::optional<JoinedPair>(found->second);
    };
    for (const std::string_view word : cut_(text)) {
      piece.clear();
      for (const char c : word) {
        const std::int32_t token = byte_tokens_[static_cast<unsigned char>(c)];
        if (token >= 0) piece.push_back(token);
      }
      merge_pieces(piece, join);
      all.insert(all.end(), piece.begin(), piece.end());
    }
    return all;
  }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (i > 0 || tokens[i] != first_) text += texts_.at(static_cast<std::size_t>(tokens[i]));
    return text;
  }
  std::int64_t vocabulary() const override { return static_cast<std::int64_t>(pieces_.size()); }
  std::int32_t first_token() const override { return first_; }

 private:
  static std::vector<std::string> pieces_of(const GgufFile& gguf) {
    const auto views = gguf.texts("tokenizer.ggml.tokens");
    if (views.empty() || views.size() > 1U << 22U)
      gguf.fail(fmt::format("{} tokens in the tokenizer", views.size()));
    return {views.begin(), views.end()};
  }
  std::int32_t read_token(const GgufFile& gguf, const std::string& key, std::int64_t none) const {
    const std::int64_t id = gguf.integer_or(key, none);
    if (id < none || id >= vocabulary()) gguf.fail(fmt::format("{} is {}", key, id));
    return static_cast<std::int32_t>(id);
  }
  static std::uint64_t key_of(std::int32_t a, std::int32_t b) {
    return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b);
  }
  static std::string utf8(char32_t c) {  // below U+0800
    if (c < 0x80) return {static_cast<char>(c)};
    return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  }
  // A piece that is not written in the table's characters (a control token) stands for itself.
  static std::string bytes_of(std::string_view piece) {
    static const auto table = [] {
      std::unordered_map<char32_t, char> bytes;
      const auto characters = characters_of_bytes();
      for (std::size_t b = 0; b < 256; ++b) bytes[characters[b]] = static_cast<char>(b);
      return bytes;
    }();
    std::string out;
    for (std::size_t at = 0; at < piece.size();) {
      const Character c = character_at(piece, at);
      const auto found = table.find(c.value);
      if (!c.valid || found == table.end()) return std::string(piece);
      out += found->second;
      at += c.bytes;
    }
    return out;
  }

  void read_merges(const GgufFile& gguf,
                   const std::unordered_map<std::string_view, std::int32_t>& ids) {
    const auto lines = gguf.texts("tokenizer.ggml.merges");
    for (std::size_t rank = 0; rank < lines.size(); ++rank) {
      const std::string_view line = lines[rank];
      const std::size_t space = line.find(' ');
      const auto wrong = [&](const char* what) {
        gguf.fail(fmt::format("tokenizer.ggml.merges[{}] {}", rank, what));
      };
      if (space == std::string_view::npos) wrong("is not a pair");
      const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
      const std::string both = std::string(left) + std::string(right);
      const auto a = ids.find(left), b = ids.find(right), joined = ids.find(both);
      if (a == ids.end() || b == ids.end() || joined == ids.end())
        wrong("joins what is not in the vocabulary");
      merges_.emplace(key_of(a->second, b->second),
                      JoinedPair{static_cast<double>(rank), joined->second});
    }
  }

  std::vector<std::string> pieces_, texts_;
  std::array<std::int32_t, 256> byte_tokens_ = {};
  std::unordered_map<std::uint64_t, JoinedPair> merges_;
  PreTokenizer cut_ = nullptr;
  std::int32_t first_ = -1, unknown_ = -1;
};

}  // namespace

std::shared_ptr<const Tokenizer> gguf_byte_pairs(const GgufFile& gguf) {
  return std::make_shared<BytePairs>(gguf);
}

}  // namespace terrace
