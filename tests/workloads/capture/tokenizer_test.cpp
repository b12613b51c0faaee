// Tokenizers: what goes in comes out, and pieces are those of the model's own tokenizer.
#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/capture/gguf.h"
#include "workloads/capture/merge_pieces.h"
#include "workloads/capture/pre_tokenizer.h"
#include "workloads/capture/unicode_classes.h"

using namespace terrace;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> texts = {
    "",
    " ",
    "  two  spaces ",
    "Es war einmal – ein König; Grüße, 東京 и кот 🐈‍⬛!\r\n\tEnd  \n\n",
    "it's 1,234.5 km\u00A0away\u3000x",
    "\xFF\xFE not UTF-8 \xC3",
    std::string("nul\0byte", 8)};

std::vector<std::string> pieces(const std::string& name, const std::string& text) {
  std::vector<std::string> out;
  for (const std::string_view p : find_pre_tokenizer(name)(text)) out.emplace_back(p);
  return out;
}
using Pieces = std::vector<std::string>;

// Merges by looking at every pair again and again: the definition.
std::vector<std::int32_t> slow_merge(std::vector<std::int32_t> tokens, const JoinPair& join) {
  for (;;) {
    std::optional<JoinedPair> best;
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
      if (const auto j = join(tokens[i], tokens[i + 1]); j && (!best || j->cost < best->cost)) {
        best = j;
        where = i;
      }
    if (!best) return tokens;
    tokens[where] = best->token;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

std::string byte_pair_gguf(const std::string& pre, const std::vector<std::string>& merges) {
  test::GgufBuilder b;
  b.text("general.architecture", "llama");
  b.text("tokenizer.ggml.model", "gpt2");
  b.text("tokenizer.ggml.pre", pre);
  std::vector<std::string> tokens;
  for (const char c : std::string("abcdef")) tokens.emplace_back(1, c);
  for (const std::string& m : merges) {
    std::string both = m;
    if (both.find(' ') != std::string::npos) both.erase(both.find(' '), 1);
    tokens.push_back(both);
  }
  tokens.emplace_back("\u0120");  // a space
  tokens.emplace_back("\u0120a");
  b.texts("tokenizer.ggml.tokens", tokens);
  b.texts("tokenizer.ggml.merges", merges);
  return b.bytes();
}

}  // namespace

TEST_CASE("GPT-2 cuts words with their space, and leaves the last space to the word", "[capture]") {
  CHECK(pieces("gpt-2", "Hello  world's 12 x!!\n\n y") ==
        Pieces{"Hello", " ", " world", "'s", " 12", " x", "!!", "\n\n", " y"});
  CHECK(pieces("gpt-2", "  \t end  ") == Pieces{"  \t", " end", "  "});
  CHECK(pieces("gpt-2", "don't'LL") == Pieces{"don", "'t", "'", "LL"});
}

TEST_CASE("SmolLM cuts every digit off by itself, and its space with it", "[capture]") {
  CHECK(pieces("smollm", "in 1984, a") == Pieces{"in", " ", "1", "9", "8", "4", ",", " a"});
  CHECK(pieces("smollm", "x²½٣") == Pieces{"x", "²", "½", "٣"});
}

TEST_CASE("Llama 3 cuts digits by three, and line breaks after marks", "[capture]") {
  CHECK(pieces("llama-bpe", "I'M 12345.\n\n  (yes) \n x") ==
        Pieces{"I", "'M", " ", "123", "45", ".\n\n", " ", " (", "yes", ")", " \n", " x"});
}

TEST_CASE("pre-tokenizers cut any bytes without a gap", "[capture]") {
  for (const char* name : {"gpt-2", "smollm", "llama-bpe"})
    for (const std::string& text : texts) {
      std::string all;
      for (const std::string& p : pieces(name, text)) {
        REQUIRE(!p.empty());
        all += p;
      }
      CHECK(all == text);
    }
}

TEST_CASE("characters have the class that Unicode gives them", "[capture]") {
  for (const char32_t c : {U'a', U'ß', U'Ж', U'東', U'ª', U'𝒳'})
    CHECK(class_of(c) == CharacterClass::letter);
  for (const char32_t c : {U'7', U'²', U'Ⅷ', U'٣', U'½'})
    CHECK(class_of(c) == CharacterClass::number);
  for (const char32_t c : {U' ', U'\n', U'\u00A0', U'\u2003', U'\u3000'})
    CHECK(class_of(c) == CharacterClass::space);
  for (const char32_t c : {U'_', U'!', U'\u200B', U'\u0301', U'🐈', char32_t{0x10FFFF}})
    CHECK(class_of(c) == CharacterClass::other);
}

TEST_CASE("merging by heap joins the same pairs as looking again after every join", "[capture]") {
  std::mt19937 random(5);
  const JoinPair join = [](std::int32_t a, std::int32_t b) -> std::optional<JoinedPair> {
    if ((a * 7 + b * 3) % 5 == 0 || a + b > 60) return std::nullopt;
    return JoinedPair{static_cast<double>((a * 13 + b * 5) % 7), a + b + 1};
  };
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::int32_t> tokens(random() % 60);
    for (auto& t : tokens) t = static_cast<std::int32_t>(random() % 9);
    auto fast = tokens;
    merge_pieces(fast, join);
    REQUIRE(fast == slow_merge(tokens, join));
  }
}

TEST_CASE("a long run of one letter takes n log n, not n squared", "[capture]") {
  std::vector<std::int32_t> tokens(300000, 0);
  merge_pieces(tokens, [](std::int32_t a, std::int32_t b) -> std::optional<JoinedPair> {
    if (a != b || a > 5) return std::nullopt;
    return JoinedPair{static_cast<double>(a), a + 1};
  });
  CHECK(tokens.size() == (300000 + 63) / 64);  // 4687 of 64, then one of 32
}

TEST_CASE("byte-level BPE merges by rank inside a piece only", "[capture]") {
  const std::string bytes = byte_pair_gguf("smollm", {"b c", "a bc", "a b"});
  const MappedFile file("t.gguf", bytes);
  const auto t = gguf_tokenizer(GgufFile(file));
  // b c joins before a b; the space stays alone, as no merge has it.
  CHECK(t->encode("abc ab") == std::vector<std::int32_t>{7, 9, 8});
  CHECK(t->decode(t->encode("abc abcdef fab")) == "abc abcdef fab");
  CHECK(t->first_token() == -1);
}

TEST_CASE("a pre-tokenizer or a merge that is not known is an error", "[capture]") {
  const auto open = [](const std::string& bytes) {
    return test::error_of([&] {
      const MappedFile file("t.gguf", bytes);
      gguf_tokenizer(GgufFile(file));
    });
  };
  CHECK_THAT(open(byte_pair_gguf("deepseek-llm", {"a b"})),
             Contains("tokenizer.ggml.pre is \"deepseek-llm\" (gpt-2, smollm, "));
  CHECK_THAT(open(byte_pair_gguf("smollm", {"a b", "x y"})),
             Contains("tokenizer.ggml.merges[1] joins what is not in the vocabulary"));
  CHECK_THAT(open(byte_pair_gguf("smollm", {"ab"})), Contains("merges[0] is not a pair"));
}

TEST_CASE("SentencePiece spells in bytes what no piece has, and brings any text back",
          "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  for (const std::string& text : texts)
    CHECK(m.tokenizer->decode(m.tokenizer->encode(text)) == text);
  CHECK(m.tokenizer->encode("A") == std::vector<std::int32_t>{1, 3 + ' ', 3 + 'A'});
}

TEST_CASE("the tokenizer of stories260K brings every text back", "[capture][shared]") {
  if (test::shared_is_absent()) return;
  const MappedFile file(test::shared_data() + "models/stories260K/tok512.bin");
  const auto t = llama2c_tokenizer(file, 512);
  for (const std::string& text : texts) CHECK(t->decode(t->encode(text)) == text);
  for (const char* name : {"grimm.txt", "wikitext2_valid.txt"}) {
    const MappedFile text(test::shared_data() + "text/" + name);
    CHECK(t->decode(t->encode(text.bytes())) == text.bytes());
  }
  for (std::uint64_t n = 0; n < file.size(); n += 7) {
    const MappedFile cut("tok.bin", file.bytes().substr(0, n));
    CHECK(test::error_of([&] { llama2c_tokenizer(cut, 512); }).rfind("tok.bin: byte ", 0) == 0);
  }
  CHECK_THAT(test::error_of([&] { llama2c_tokenizer(file, 500); }),
             Contains("follow the 500 tokens"));
}
