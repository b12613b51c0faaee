// A strict JSON scanner (RFC 8259) over one line at a time; linear in the line's length.
#include "workloads/requests/trace/json_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/suggest.h"
#include "workloads/requests/trace/numbers.h"

namespace terrace {
namespace {

constexpr int max_depth = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool JsonReader::stop(const char* at, const std::string& what) {
  if (good_) text_.fail(at, key_, what);
  return good_ = false;
}

void JsonReader::fail(const char* place, std::string_view key, const std::string& what) {
  text_.fail(place == nullptr ? text_.line().data() : place, key, what);
  good_ = false;
}

void JsonReader::blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
}

bool JsonReader::take(char c) {
  blanks();
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

std::string JsonReader::found() const {
  return at_ == end_ ? "the line ends" : "found " + quote(std::string_view(at_, 1));
}

bool JsonReader::next() {
  while (text_.next_line()) {
    at_ = text_.line().data();
    end_ = at_ + text_.line().size();
    blanks();
    if (at_ == end_) continue;
    key_ = {};
    good_ = first_ = true;
    if (!take('{')) stop(at_, "expected an object, " + found());
    return true;
  }
  return false;
}

bool JsonReader::member(std::string_view& key) {
  if (!good_) return false;
  key_ = {};
  if (take('}')) {
    blanks();
    return at_ == end_ ? false : stop(at_, "text after the object, " + found());
  }
  if (!first_ && !take(',')) return stop(at_, "expected \",\" or \"}\", " + found());
  first_ = false;
  blanks();
  if (at_ == end_ || *at_ != '"') return stop(at_, "expected a key in quotes, " + found());
  if (!string(key)) return false;
  if (!take(':')) return stop(at_, "expected \":\", " + found());
  key_ = key;
  blanks();
  value_ = at_;
  return true;
}

bool JsonReader::string(std::string_view& inside) {
  const char* begin = ++at_;
  for (; at_ != end_ && *at_ != '"'; ++at_) {
    if (static_cast<unsigned char>(*at_) < 0x20)
      return stop(at_, "control character in a string, " + found());
    if (*at_ != '\\') continue;
    if (++at_ == end_) break;
    if (*at_ == 'u') {
      const auto is_hex = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      };
      if (end_ - at_ < 5 || !std::all_of(at_ + 1, at_ + 5, is_hex))
        return stop(at_, "\\u needs four hexadecimal digits");
      at_ += 4;
    } else if (std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos) {
      return stop(at_, "unknown escape, " + found());
    }
  }
  if (at_ == end_) return stop(begin - 1, "a string that does not end");
  inside = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  ++at_;
  return true;
}

const char* JsonReader::number_end() const {
  const char* p = at_;
  const auto digits = [&] {
    const char* begin = p;
    while (p != end_ && is_digit(*p)) ++p;
    return p != begin;
  };
  if (p != end_ && *p == '-') ++p;
  const bool zero = p != end_ && *p == '0';
  const char* begin = p;
  if (!digits() || (zero && p - begin > 1)) return nullptr;
  if (p != end_ && *p == '.' && (++p, !digits())) return nullptr;
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    if (!digits()) return nullptr;
  }
  return p;
}

bool JsonReader::number(std::string_view& text) {
  const char* end = number_end();
  if (end == nullptr) return stop(at_, "expected a number, " + found());
  text = std::string_view(at_, static_cast<std::size_t>(end - at_));
  at_ = end;
  return true;
}

bool JsonReader::count(std::int64_t low, std::int64_t high, std::int64_t& out) {
  std::string_view text;
  std::string why;
  if (!number(text)) return false;
  return parse_count(text, low, high, out, why) || stop(value_, why);
}

bool JsonReader::time(int exponent, TracePs& out) {
  std::string_view text;
  std::string why;
  if (!number(text)) return false;
  return parse_time(text, exponent, out, why) || stop(value_, why);
}

template <class Integer>
bool JsonReader::counts(std::int64_t high, std::vector<Integer>& out) {
  if (!take('[')) return stop(at_, "expected a list, " + found());
  if (take(']')) return true;
  do {
    blanks();
    const char* begin = at_;
    std::int64_t n = 0;
    while (at_ != end_ && is_digit(*at_) && at_ - begin < 18) n = n * 10 + (*at_++ - '0');
    const bool plain = at_ != begin && at_ != end_ && (*at_ == ',' || *at_ == ']' || *at_ == ' ') &&
                       n <= high && (*begin != '0' || at_ - begin == 1);
    if (!plain) {
      at_ = value_ = begin;
      if (!count(0, high, n)) return false;
    }
    out.push_back(static_cast<Integer>(n));
  } while (take(','));
  return take(']') || stop(at_, "expected \",\" or \"]\", " + found());
}

template bool JsonReader::counts(std::int64_t, std::vector<std::int32_t>&);
template bool JsonReader::counts(std::int64_t, std::vector<std::uint64_t>&);

bool JsonReader::skip() { return value(0); }

bool JsonReader::value(int depth) {
  if (depth > max_depth) return stop(at_, "nested too deeply");
  blanks();
  std::string_view ignored;
  const char c = at_ == end_ ? '\0' : *at_;
  if (c == '"') return string(ignored);
  if (c == '{' || c == '[') {
    const char close = c == '{' ? '}' : ']';
    ++at_;
    if (take(close)) return true;
    do {
      blanks();
      if (c == '{') {
        if (at_ == end_ || *at_ != '"') return stop(at_, "expected a key in quotes, " + found());
        if (!string(ignored)) return false;
        if (!take(':')) return stop(at_, "expected \":\", " + found());
      }
      if (!value(depth + 1)) return false;
    } while (take(','));
    return take(close) || stop(at_, fmt::format("expected \",\" or \"{}\", {}", close, found()));
  }
  for (const std::string_view word : {"true", "false", "null"}) {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word)
      continue;
    at_ += word.size();
    return true;
  }
  if (c == '-' || is_digit(c)) return number(ignored);
  return stop(at_, "expected a value, " + found());
}

JsonRow::JsonRow(JsonReader& json, std::vector<std::string> keys, std::size_t required,
                 const std::vector<std::string>& ignored)
    : json_(json),
      keys_(std::move(keys)),
      required_(required),
      ignored_(ignored),
      places_(keys_.size()) {}

void JsonRow::begin() { std::fill(places_.begin(), places_.end(), nullptr); }

bool JsonRow::next() {
  std::string_view key;
  while (json_.member(key)) {
    // Rows mostly have their keys in one order: look behind the last one first.
    for (std::size_t i = 1; i <= keys_.size(); ++i) {
      const std::size_t k = (index_ + i) % keys_.size();
      if (keys_[k] != key) continue;
      if (seen(k)) {
        json_.fail(json_.place(), key, "twice");
        return false;
      }
      index_ = k;
      places_[k] = json_.place();
      return true;
    }
    if (std::find(ignored_.begin(), ignored_.end(), key) == ignored_.end()) {
      json_.fail(json_.place(), "", "unknown key " + quote(key) + did_you_mean(key, keys_));
      return false;
    }
    if (!json_.skip()) return false;
  }
  for (std::size_t k = 0; k < required_ && json_.good(); ++k)
    if (!seen(k)) json_.fail(nullptr, keys_[k], "missing");
  return false;
}

void JsonRow::fail(std::size_t key, const std::string& what) {
  json_.fail(places_[key], keys_[key], what);
}

}  // namespace terrace
