// How each C++ type is read from YAML, written back and described. Users include schema.h.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sim/config.h"
#include "sim/quantity_text.h"
#include "sim/reader.h"

namespace terrace {

// Specialise for an enum: static constexpr std::pair<const char*, E> values[] = {{"lru", E::lru},
// …};
template <class E>
struct EnumNames;

// What a value may be.
template <class E>
struct Limits {
  std::optional<E> low, high;
  bool low_is_open = false;
  std::vector<E> one_of;
};

// Leaves: read from one word. False, and a mistake, when it is not one.
bool read_leaf(const Node&, Reader&, bool& out);
bool read_leaf(const Node&, Reader&, double& out);
bool read_leaf(const Node&, Reader&, std::string& out);
bool read_leaf(const Node&, Reader&, FilePath& out);
bool read_signed(const Node&, Reader&, std::int64_t low, std::int64_t high, std::int64_t& out);
bool read_unsigned(const Node&, Reader&, std::uint64_t high, std::uint64_t& out);
bool read_word(const Node&, Reader&, const std::string& expected, std::string& out);
void wrong_word(const Node&, Reader&, const std::string& word,
                const std::vector<std::string>& known);
std::string list_words(const std::vector<std::string>& words, const char* separator = ", ");
std::string name_of_type(const std::type_info& type);  // "Forgetting.Params"

Node word_node(const std::string& text);   // a JSON string
Node plain_node(const std::string& text);  // a JSON number, true or false
Node list_node(const std::vector<std::string>& words);
Node type_schema(const std::string& type);  // {type: …}
Node any_of(std::vector<Node> schemas);
Node file_reference_schema();

template <class T>
inline constexpr bool is_integer_v = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <class T>
inline constexpr bool is_ordered_v = std::is_arithmetic_v<T> || is_quantity_v<T>;

template <class E>
std::vector<std::string> enum_names() {
  std::vector<std::string> names;
  for (const auto& value : EnumNames<E>::values) names.emplace_back(value.first);
  return names;
}

template <class T>
std::string text_of(const T& v) {
  if constexpr (std::is_same_v<T, bool>) {
    return v ? "true" : "false";
  } else if constexpr (is_integer_v<T>) {
    return std::to_string(v);
  } else if constexpr (std::is_floating_point_v<T>) {
    return number_text(v);
  } else if constexpr (is_quantity_v<T>) {
    return to_text(v);
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& value : EnumNames<T>::values)
      if (value.second == v) return value.first;
    return "?";
  } else if constexpr (std::is_same_v<T, FilePath>) {
    return v.resolved.empty() ? v.written : v.resolved;
  } else {
    return v;
  }
}

template <class T>
bool read_any_leaf(const Node& node, Reader& r, T& out) {
  if constexpr (is_integer_v<T> && std::is_signed_v<T>) {
    std::int64_t n = 0;
    if (!read_signed(node, r, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), n))
      return false;
    out = static_cast<T>(n);
    return true;
  } else if constexpr (is_integer_v<T>) {
    std::uint64_t n = 0;
    if (!read_unsigned(node, r, std::numeric_limits<T>::max(), n)) return false;
    out = static_cast<T>(n);
    return true;
  } else if constexpr (is_quantity_v<T>) {
    std::string word, why;
    if (!read_word(node, r, quantity_name<T>() + " such as " + unit_examples<T>(), word))
      return false;
    if (parse(word, out, why)) return true;
    r.fail(node, why);
    return false;
  } else if constexpr (std::is_enum_v<T>) {
    std::string word;
    if (!read_word(node, r, "one of " + list_words(enum_names<T>()), word)) return false;
    for (const auto& value : EnumNames<T>::values) {
      if (word != value.first) continue;
      out = value.second;
      return true;
    }
    wrong_word(node, r, word, enum_names<T>());
    return false;
  } else {
    return read_leaf(node, r, out);
  }
}

template <class E>
std::string range_text(const Limits<E>& limits) {
  std::string text;
  if constexpr (is_ordered_v<E>) {
    if (limits.low && limits.high)
      text = (limits.low_is_open ? "above " : "between ") + text_of(*limits.low) +
             (limits.low_is_open ? " and at most " : " and ") + text_of(*limits.high);
    else if (limits.low)
      text = (limits.low_is_open ? "above " : "at least ") + text_of(*limits.low);
    else if (limits.high)
      text = "at most " + text_of(*limits.high);
  }
  std::vector<std::string> words;
  for (const auto& each : limits.one_of) words.push_back(text_of(each));
  if (!words.empty()) text += (text.empty() ? "one of " : ", one of ") + list_words(words);
  return text;
}

template <class E>
bool within(const Limits<E>& limits, const E& v, const Node& node, Reader& r) {
  if constexpr (is_ordered_v<E>) {
    if constexpr (is_quantity_v<E>) {
      if (!limits.low && v < E()) {
        r.fail(node, text_of(v) + " is negative; must be at least 0");
        return false;
      }
    }
    const bool low = limits.low && (limits.low_is_open ? v <= *limits.low : v < *limits.low);
    if (low || (limits.high && v > *limits.high)) {
      const bool negative = v < E() && limits.low && !(*limits.low < E());
      r.fail(node, text_of(v) + (negative ? " is negative" : " is out of range") + "; must be " +
                       range_text(limits));
      return false;
    }
  }
  if (limits.one_of.empty()) return true;
  std::vector<std::string> words;
  for (const auto& each : limits.one_of) {
    words.push_back(text_of(each));
    if (words.back() == text_of(v)) return true;
  }
  wrong_word(node, r, text_of(v), words);
  return false;
}

template <class T>
std::string leaf_type() {
  if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (is_integer_v<T>)
    return "integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "number";
  else if constexpr (is_quantity_v<T>)
    return quantity_name<T>();
  else if constexpr (std::is_enum_v<T>)
    return list_words(enum_names<T>(), " | ");
  else if constexpr (std::is_same_v<T, FilePath>)
    return "file";
  else
    return "string";
}

// The codec of a leaf. A codec has these members for every type that a field may have.
template <class T, class = void>
struct Codec {
  static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T> || is_quantity_v<T> ||
                    std::is_same_v<T, std::string> || std::is_same_v<T, FilePath>,
                "a field of this type cannot be read from YAML; has the struct no fields()?");
  using Limit = std::conditional_t<std::is_same_v<T, FilePath>, std::string, T>;

  static void read(const Node& node, Reader& r, const Limits<Limit>& limits, T& out) {
    T v{};
    if (node.is_scalar() && std::is_same_v<T, std::string> && !limits.one_of.empty())
      text_into(v, node.text());  // the words of a list need no quotes, not even `off` and `1`
    else if (!read_any_leaf(node, r, v))
      return;
    if constexpr (std::is_same_v<T, Limit>) {
      if (!within(limits, v, node, r)) return;
    }
    out = std::move(v);
  }
  static void absent(const Node&, Reader&, T&) {}
  static bool empty(const T& v) {
    if constexpr (std::is_class_v<T> && !is_quantity_v<T>) return v.empty();
    return false;
  }
  static Node write(const T& v) {
    if constexpr (std::is_arithmetic_v<T>)
      return plain_node(text_of(v));
    else
      return word_node(text_of(v));
  }
  static Node schema(SchemaBuilder&, const Limits<Limit>& limits) {
    Node s = type_schema("string");
    if constexpr (std::is_same_v<T, bool>)
      s = type_schema("boolean");
    else if constexpr (is_integer_v<T>)
      s = type_schema("integer");
    else if constexpr (std::is_floating_point_v<T>)
      s = type_schema("number");
    else if constexpr (is_quantity_v<T>)
      s.put("pattern", word_node(unit_pattern<T>()));
    else if constexpr (std::is_enum_v<T>)
      s.put("enum", list_node(enum_names<T>()));
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      if (limits.low)
        s.put(limits.low_is_open ? "exclusiveMinimum" : "minimum",
              plain_node(text_of(*limits.low)));
      if (limits.high) s.put("maximum", plain_node(text_of(*limits.high)));
    }
    if (!limits.one_of.empty()) {
      Node words = Node::sequence();
      for (const auto& each : limits.one_of) words.items().push_back(Codec<Limit>::write(each));
      s.put("enum", std::move(words));
    }
    return s;
  }
  static void describe(FieldDoc& doc, DocBuilder&) {
    doc.type = leaf_type<T>();
    if constexpr (is_quantity_v<T>) doc.unit = list_words(unit_names<T>());
  }

 private:
  template <class S>
  static void text_into(S& out, const std::string& text) {
    if constexpr (std::is_same_v<S, std::string>) out = text;
  }
};

template <class T>
struct Codec<std::optional<T>> {
  using Limit = typename Codec<T>::Limit;
  static void read(const Node& node, Reader& r, const Limits<Limit>& limits,
                   std::optional<T>& out) {
    out.reset();
    if (!node.is_null()) Codec<T>::read(node, r, limits, out.emplace());
  }
  static void absent(const Node& mapping, Reader& r, std::optional<T>& out) {
    if (out) Codec<T>::absent(mapping, r, *out);
  }
  static bool empty(const std::optional<T>& v) { return !v; }
  static Node write(const std::optional<T>& v) { return v ? Codec<T>::write(*v) : Node::null(); }
  static Node schema(SchemaBuilder& b, const Limits<Limit>& limits) {
    return any_of({Codec<T>::schema(b, limits), type_schema("null")});
  }
  static void describe(FieldDoc& doc, DocBuilder& b) {
    Codec<T>::describe(doc, b);
    doc.type = "optional " + doc.type;
  }
};

template <class T>
struct Codec<std::vector<T>> {
  using Limit = typename Codec<T>::Limit;
  static void read(const Node& node, Reader& r, const Limits<Limit>& limits, std::vector<T>& out) {
    if (!node.is_sequence()) return r.fail(node, "expected a list, found " + node.found());
    out.clear();
    for (const Node& item : node.items()) {
      const auto inside = r.enter(out.size());
      T value{};
      Codec<T>::read(item, r, limits, value);
      out.push_back(std::move(value));
    }
  }
  static void absent(const Node& mapping, Reader& r, std::vector<T>& out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto inside = r.enter(i);
      T value = std::move(out[i]);
      Codec<T>::absent(mapping, r, value);
      out[i] = std::move(value);
    }
  }
  static bool empty(const std::vector<T>& v) { return v.empty(); }
  static Node write(const std::vector<T>& v) {
    Node node = Node::sequence();
    for (const auto& each : v) node.items().push_back(Codec<T>::write(each));
    return node;
  }
  static Node schema(SchemaBuilder& b, const Limits<Limit>& limits) {
    Node s = type_schema("array");
    s.put("items", Codec<T>::schema(b, limits));
    return s;
  }
  static void describe(FieldDoc& doc, DocBuilder& b) {
    Codec<T>::describe(doc, b);
    doc.type = "list of " + doc.type;
  }
};

template <class T>
struct Codec<std::map<std::string, T>> {
  using Limit = typename Codec<T>::Limit;
  using Map = std::map<std::string, T>;
  static void read(const Node& node, Reader& r, const Limits<Limit>& limits, Map& out) {
    const Mapping mapping(node, r);
    if (!mapping) return;
    out.clear();
    for (const Node::Member& m : (*mapping).members()) {
      const auto inside = r.enter(m.key);
      Codec<T>::read(m.value, r, limits, out[m.key]);
    }
  }
  static void absent(const Node& mapping, Reader& r, Map& out) {
    for (auto& [key, value] : out) {
      const auto inside = r.enter(key);
      Codec<T>::absent(mapping, r, value);
    }
  }
  static bool empty(const Map& v) { return v.empty(); }
  static Node write(const Map& v) {
    Node node = Node::mapping();
    for (const auto& [key, each] : v) node.put(key, Codec<T>::write(each));
    return node;
  }
  static Node schema(SchemaBuilder& b, const Limits<Limit>& limits) {
    Node s = type_schema("object");
    s.put("additionalProperties", Codec<T>::schema(b, limits));
    return any_of({std::move(s), file_reference_schema()});
  }
  static void describe(FieldDoc& doc, DocBuilder& b) {
    Codec<T>::describe(doc, b);
    doc.type = "map of " + doc.type;
  }
};

}  // namespace terrace
