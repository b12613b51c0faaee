// SentencePiece BPE: characters join to pieces, the piece of the highest score first; what is in no
// piece is spelled in bytes.
// Source: SentencePiece (Kudo and Richardson 2018) as karpathy/llama2.c's run.c and GGUF's
// tokenizer model "llama" use it.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <unordered_map>

#include "workloads/capture/gguf.h"
#include "workloads/capture/merge_pieces.h"
#include "workloads/capture/tokenizer.h"
#include "workloads/capture/unicode_classes.h"

namespace terrace {

namespace {

struct Vocabulary {
  std::vector<std::string> pieces;  // a space is a space
  std::vector<double> scores;
  std::vector<bool> control;
  std::int32_t first = -1, unknown = -1;
  bool adds_space = true;  // in front of the text
};

class SentencePieces final : public Tokenizer {
 public:
  explicit SentencePieces(Vocabulary vocabulary) : v_(std::move(vocabulary)) {
    bytes_.fill(-1);
    for (std::size_t i = 0; i < v_.pieces.size(); ++i) {
      const auto id = static_cast<std::int32_t>(i);
      if (const int byte = byte_of(v_.pieces[i]); byte >= 0) {
        if (bytes_[static_cast<std::size_t>(byte)] < 0) bytes_[static_cast<std::size_t>(byte)] = id;
      } else if (!v_.control[i]) {
        ids_.emplace(v_.pieces[i], id);
      }
    }
  }

  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<std::int32_t> tokens;
    if (!text.empty()) {
      const std::string spaced = (v_.adds_space ? " " : "") + std::string(text);
      for (std::size_t at = 0; at < spaced.size();) {
        const std::size_t n = character_at(spaced, at).bytes;
        add_character(std::string_view(spaced).substr(at, n), tokens);
        at += n;
      }
    }
    std::string both;
    merge_pieces(tokens, [&](std::int32_t a, std::int32_t b) -> std::optional<JoinedPair> {
      const std::string &left = piece(a), &right = piece(b);
      if (byte_of(left) >= 0 || byte_of(right) >= 0) return std::nullopt;
      both.assign(left).append(right);
      const auto found = ids_.find(both);
      if (found == ids_.end()) return std::nullopt;
      return JoinedPair{-v_.scores[static_cast<std::size_t>(found->second)], found->second};
    });
    if (v_.first >= 0) tokens.insert(tokens.begin(), v_.first);
    return tokens;
  }

  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i == 0 && tokens[i] == v_.first) continue;
      const std::string& p = v_.pieces.at(static_cast<std::size_t>(tokens[i]));
      const int byte = byte_of(p);
      text += byte >= 0 ? std::string(1, static_cast<char>(byte)) : p;
    }
    if (v_.adds_space && !text.empty() && text[0] == ' ') text.erase(0, 1);
    return text;
  }
  std::int64_t vocabulary() const override { return static_cast<std::int64_t>(v_.pieces.size()); }
  std::int32_t first_token() const override { return v_.first; }

 private:
  const std::string& piece(std::int32_t id) const {
    return v_.pieces[static_cast<std::size_t>(id)];
  }
  static int byte_of(const std::string& piece) {  // "<0x41>" is 0x41; -1: no byte
    if (piece.size() != 6 || piece.compare(0, 3, "<0x") != 0 || piece[5] != '>') return -1;
    int value = 0;
    for (const char c : {piece[3], piece[4]}) {
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
  void add_character(std::string_view character, std::vector<std::int32_t>& tokens) const {
    const auto found = ids_.find(std::string(character));
    if (found != ids_.end()) {
      tokens.push_back(found->second);
      return;
    }
    for (const char c : character) {
      const std::int32_t byte = bytes_[static_cast<unsigned char>(c)];
      const std::int32_t token = byte >= 0 ? byte : v_.unknown;
      if (token >= 0) tokens.push_back(token);
    }
  }

  Vocabulary v_;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::array<std::int32_t, 256> bytes_ = {};
};

std::string with_spaces(std::string_view piece) {  // U+2581 stands for a space
  constexpr std::string_view mark = "\xE2\x96\x81";
  std::string out;
  for (std::size_t at = 0; at < piece.size();) {
    const bool space = piece.substr(at, mark.size()) == mark;
    out += space ? ' ' : piece[at];
    at += space ? mark.size() : 1;
  }
  return out;
}

std::shared_ptr<const Tokenizer> gguf_sentence_pieces(const GgufFile& gguf) {
  Vocabulary v;
  const auto pieces = gguf.texts("tokenizer.ggml.tokens");
  if (pieces.empty() || pieces.size() > 1U << 22U)
    gguf.fail(fmt::format("{} tokens in the tokenizer", pieces.size()));
  for (const std::string_view piece : pieces) v.pieces.push_back(with_spaces(piece));
  v.scores = gguf.numbers("tokenizer.ggml.scores");
  std::vector<double> types(pieces.size(), 1);
  if (gguf.has("tokenizer.ggml.token_type")) types = gguf.numbers("tokenizer.ggml.token_type");
  if (v.scores.size() != pieces.size() || types.size() != pieces.size())
    gguf.fail(fmt::format("{} tokens, {} scores, {} token types", pieces.size(), v.scores.size(),
                          types.size()));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!std::isfinite(v.scores[i]))
      gguf.fail(fmt::format("tokenizer.ggml.scores[{}] is no number", i));
    v.control.push_back(types[i] == 2 || types[i] == 3);  // unknown and control
  }
  const auto token = [&](const char* key, std::int64_t otherwise) {
    const std::int64_t id = gguf.integer_or(key, otherwise);
    if (id < -1 || id >= static_cast<std::int64_t>(pieces.size()))
      gguf.fail(fmt::format("{} is {}", key, id));
    return static_cast<std::int32_t>(id);
  };
  v.unknown = token("tokenizer.ggml.unknown_token_id", 0);
  const char* adds = "tokenizer.ggml.add_bos_token";
  if (!gguf.has(adds) || gguf.flag(adds)) v.first = token("tokenizer.ggml.bos_token_id", 1);
  if (gguf.has("tokenizer.ggml.add_space_prefix"))
    v.adds_space = gguf.flag("tokenizer.ggml.add_space_prefix");
  return std::make_shared<SentencePieces>(std::move(v));
}

}  // namespace

std::shared_ptr<const Tokenizer> gguf_byte_pairs(const GgufFile& gguf);

std::shared_ptr<const Tokenizer> gguf_tokenizer(const GgufFile& gguf) {
  const std::string model = gguf.text("tokenizer.ggml.model");
  if (model == "gpt2") return gguf_byte_pairs(gguf);
  if (model == "llama") return gguf_sentence_pieces(gguf);
  gguf.fail("tokenizer.ggml.model is \"" + model.substr(0, 64) +
            "\" (gpt2 and llama are supported)");
}

std::shared_ptr<const Tokenizer> llama2c_tokenizer(const MappedFile& file, std::int64_t tokens) {
  Vocabulary v;
  ByteCursor in(file);
  in.value<std::int32_t>("the longest token's length");
  for (std::int64_t i = 0; i < tokens; ++i) {
    const std::uint64_t at = in.at();
    const auto score = in.value<float>("a token's score");
    const auto length = in.value<std::int32_t>("a token's length");
    if (!std::isfinite(score) || length < 0 || length > 4096)
      file.fail(
          fmt::format("byte {}: token {} has score {} and length {}: not a tokenizer of {} "
                      "tokens",
                      at, i, score, length, tokens));
    v.pieces.emplace_back(in.take(static_cast<std::uint64_t>(length), "a token"));
    v.scores.push_back(static_cast<double>(score));
    v.control.push_back(i < 3);
  }
  if (in.left() != 0)
    file.fail(fmt::format("byte {}: {} bytes follow the {} tokens of the model", in.at(), in.left(),
                          tokens));
  if (tokens < 3) file.fail("a vocabulary without the tokens of the start and the end");
  v.unknown = 0;
  v.first = 1;
  return std::make_shared<SentencePieces>(std::move(v));
}

}  // namespace terrace
