// The pre-tokenizers of GPT-2, SmolLM and Llama 3, matched by hand.
// Source: the regular expressions of the models' tokenizer.json, as llama.cpp lists them
// (llama-vocab.cpp):
//   GPT-2:  's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   SmolLM: each \p{N} by itself, then GPT-2's on what lies between
//   Llama 3: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//            ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
#include "workloads/capture/pre_tokenizer.h"

#include <array>
#include <utility>

#include "workloads/capture/unicode_classes.h"

namespace terrace {
namespace {

using Class = CharacterClass;
constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool ended(std::size_t at) const { return at >= text_.size(); }
  Class class_at(std::size_t at) const { return class_of(character_at(text_, at).value); }
  bool is(std::size_t at, Class c) const { return !ended(at) && class_at(at) == c; }
  std::size_t after(std::size_t at) const { return at + character_at(text_, at).bytes; }
  char byte(std::size_t at) const { return ended(at) ? '\0' : text_[at]; }
  bool breaks(std::size_t at) const { return byte(at) == '\n' || byte(at) == '\r'; }

  // The end of the run of one class from `at` on.
  std::size_t run(std::size_t at, Class c, std::size_t most = unlimited) const {
    for (; most > 0 && is(at, c); --most) at = after(at);
    return at;
  }
  // The end of 's, 't, 're, 've, 'm, 'll or 'd; `at` when there is none.
  std::size_t contraction(std::size_t at, bool any_case) const {
    if (byte(at) != '\'') return at;
    const auto letter = [&](std::size_t i) {
      const char c = byte(i);
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char first = letter(at + 1), second = letter(at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    const bool two =
        ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
    return two ? at + 3 : at;
  }
  // \s+(?!\S)|\s+: all of the run, but for its last character when a word follows.
  std::size_t space(std::size_t at) const {
    std::size_t last = at, end = at;
    while (is(end, Class::space)) {
      last = end;
      end = after(end);
    }
    return ended(end) || last == at ? end : last;
  }

 private:
  std::string_view text_;
};

std::size_t gpt2_piece(const Scanner& s, std::size_t at) {
  if (const std::size_t end = s.contraction(at, false); end > at) return end;
  const std::size_t word = s.byte(at) == ' ' ? at + 1 : at;
  for (const Class c : {Class::letter, Class::number, Class::other})
    if (const std::size_t end = s.run(word, c); end > word) return end;
  return s.space(at);
}

std::size_t llama3_piece(const Scanner& s, std::size_t at) {
  if (const std::size_t end = s.contraction(at, true); end > at) return end;
  const Class first = s.class_at(at);
  const bool leads = first != Class::letter && first != Class::number && !s.breaks(at);
  const std::size_t word = leads ? s.after(at) : at;
  if (const std::size_t end = s.run(word, Class::letter); end > word) return end;
  if (first == Class::number) return s.run(at, Class::number, 3);
  const std::size_t mark = s.byte(at) == ' ' ? at + 1 : at;
  if (std::size_t end = s.run(mark, Class::other); end > mark) {
    while (s.breaks(end)) ++end;
    return end;
  }
  std::size_t last_break = at;  // \s*[\r\n]+: up to the last line break of the white space
  for (std::size_t i = at; s.is(i, Class::space); i = s.after(i))
    if (s.breaks(i)) last_break = i + 1;
  return last_break > at ? last_break : s.space(at);
}

template <std::size_t (*piece)(const Scanner&, std::size_t)>
void cut(std::string_view text, std::vector<std::string_view>& out) {
  const Scanner scanner(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = piece(scanner, at);
    out.push_back(text.substr(at, end - at));
    at = end;
  }
}

template <std::size_t (*piece)(const Scanner&, std::size_t)>
std::vector<std::string_view> whole(std::string_view text) {
  std::vector<std::string_view> out;
  cut<piece>(text, out);
  return out;
}

std::vector<std::string_view> smollm(std::string_view text) {
  std::vector<std::string_view> out;
  const Scanner scanner(text);
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = scanner.after(at);
    if (scanner.is(at, Class::number)) {
      cut<gpt2_piece>(text.substr(from, at - from), out);
      out.push_back(text.substr(at, end - at));
      from = end;
    }
    at = end;
  }
  cut<gpt2_piece>(text.substr(from), out);
  return out;
}

constexpr std::array<std::pair<const char*, PreTokenizer>, 5> known = {
    {{"gpt-2", whole<gpt2_piece>},
     {"smollm", smollm},
     {"llama-bpe", whole<llama3_piece>},
     {"llama-v3", whole<llama3_piece>},
     {"llama3", whole<llama3_piece>}}};

}  // namespace

PreTokenizer find_pre_tokenizer(const std::string& name) {
  for (const auto& [key, cut_text] : known)
    if (name == key) return cut_text;
  return nullptr;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const auto& [key, cut_text] : known) names += (names.empty() ? "" : ", ") + std::string(key);
  return names;
}

}  // namespace terrace
