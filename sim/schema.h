// One list of fields per struct reads it from YAML, checks, fills, writes and documents it.
#pragma once

#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "sim/config.h"
#include "sim/schema_types.h"

namespace terrace {

// A struct's own look at itself once every field is good: `void check(Checker& c) const`.
class Checker {
 public:
  Checker(const Node& mapping, Reader& reader) : mapping_(mapping), reader_(reader) {}
  // Places the mistake at that key, relative to the struct ("" is the struct itself).
  void fail(const std::string& path, const std::string& what);

 private:
  const Node& mapping_;
  Reader& reader_;
};

// What may be said about a field after naming it. For lists, maps and optionals the limits are
// those of the elements.
template <class T>
class Field {
 public:
  using Limit = typename Codec<T>::Limit;
  struct Rules {
    Limits<Limit> limits;
    bool required = false, not_empty = false;
  };
  explicit Field(Rules& rules) : rules_(rules) {}
  Field& between(Limit low, Limit high) { return at_least(low).at_most(high); }
  Field& at_least(Limit low) {
    rules_.limits.low = low;
    return *this;
  }
  Field& above(Limit low) {
    rules_.limits.low_is_open = true;
    return at_least(low);
  }
  Field& at_most(Limit high) {
    rules_.limits.high = high;
    return *this;
  }
  Field& one_of(std::initializer_list<Limit> values) {
    rules_.limits.one_of.assign(values);
    return *this;
  }
  Field& required() {
    rules_.required = true;
    return *this;
  }
  Field& not_empty() {
    rules_.not_empty = true;
    return *this;
  }

 private:
  Rules& rules_;
};

template <class P>
class Schema {
 public:
  struct Entry {
    std::string key, meaning;
    virtual ~Entry() = default;
    virtual void read(const Node& mapping, Reader& r, P& out) const = 0;
    virtual Node write(const P& value) const = 0;
    virtual Node schema(SchemaBuilder& b, const P& defaults) const = 0;
    virtual FieldDoc describe(DocBuilder& b, const P& defaults) const = 0;
    virtual bool required() const = 0;
  };

  // `B` is P or a base of it. The keys `kind` and `extends` mean something everywhere, and are
  // taken.
  template <class T, class B>
  Field<T> field(const char* key, T B::*member, const char* meaning) {
    static_assert(std::is_base_of_v<B, P>);
    for (const auto& known : keys_)
      if (known == key) throw std::logic_error("two fields named " + known);
    if (std::string(key) == "kind" || std::string(key) == "extends")
      throw std::logic_error(std::string("a field cannot be named ") + key);
    auto entry = std::make_unique<Of<T, B>>();
    entry->key = key;
    entry->meaning = meaning;
    entry->member = member;
    Field<T> chain(entry->rules);
    keys_.push_back(key);
    entries_.push_back(std::move(entry));
    return chain;
  }

  const std::vector<std::unique_ptr<Entry>>& entries() const { return entries_; }
  const std::vector<std::string>& keys() const { return keys_; }

  static const Schema& of() {
    static const Schema schema = [] {
      Schema s;
      P::fields(s);
      return s;
    }();
    return schema;
  }

 private:
  template <class T, class B>
  struct Of final : Entry {
    T B::*member = nullptr;
    typename Field<T>::Rules rules;

    void read(const Node& mapping, Reader& r, P& out) const override {
      const Node* node = mapping.find(this->key);
      if (!node && rules.required) return r.missing(mapping, this->key);
      const auto inside = r.enter(this->key);
      const std::size_t before = r.mistakes().size();
      if (node)
        Codec<T>::read(*node, r, rules.limits, out.*member);
      else
        Codec<T>::absent(mapping, r, out.*member);
      if (rules.not_empty && r.mistakes().size() == before && Codec<T>::empty(out.*member))
        r.fail(node ? *node : mapping, "must not be empty");
    }
    Node write(const P& value) const override { return Codec<T>::write(value.*member); }
    bool required() const override { return rules.required; }
    Node schema(SchemaBuilder& b, const P& defaults) const override;
    FieldDoc describe(DocBuilder& b, const P& defaults) const override;
  };

  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::string> keys_;
};

template <class P, class = void>
inline constexpr bool has_fields_v = false;
template <class P>
inline constexpr bool
    has_fields_v<P, std::void_t<decltype(P::fields(std::declval<Schema<P>&>()))>> = true;
template <class P, class = void>
inline constexpr bool has_check_v = false;
template <class P>
inline constexpr bool has_check_v<
    P, std::void_t<decltype(std::declval<const P&>().check(std::declval<Checker&>()))>> = true;
template <class P, class = void>
inline constexpr bool has_adapt_v = false;
template <class P>
inline constexpr bool has_adapt_v<
    P, std::void_t<decltype(P::adapt(std::declval<Node&>(), std::declval<Reader&>()))>> = true;

// Reads the keys that are there into `out`, which holds the defaults.
template <class P>
void read_struct(const Node& node, Reader& r, P& out, bool has_kind = false) {
  Mapping mapping(node, r);
  if (!mapping) return;
  const std::size_t before = r.mistakes().size();
  if constexpr (has_adapt_v<P>) P::adapt(mapping.own(), r);
  const Schema<P>& schema = Schema<P>::of();
  r.check_keys(*mapping, schema.keys(), has_kind);
  for (const auto& entry : schema.entries()) entry->read(*mapping, r, out);
  if constexpr (has_check_v<P>) {
    Checker checker(*mapping, r);
    if (r.mistakes().size() == before) out.check(checker);
  }
}

template <class P>
Node write_node(const P& value) {
  Node node = Node::mapping();
  for (const auto& entry : Schema<P>::of().entries()) node.put(entry->key, entry->write(value));
  return node;
}

Node describe_property(Node schema, const std::string& meaning, const Node& default_value);
Node object_schema(Node properties);
std::string one_line(const Node& value);  // compact JSON
nlohmann::json to_json(const Node& node);

template <class P>
Node struct_properties(SchemaBuilder& b) {
  const P defaults{};
  Node properties = Node::mapping();
  for (const auto& entry : Schema<P>::of().entries())
    properties.put(entry->key, entry->schema(b, defaults));
  return properties;
}

template <class P>
std::vector<FieldDoc> document_fields(DocBuilder& b) {
  std::vector<FieldDoc> docs;
  for (const std::type_index& type : b.open)
    if (type == typeid(P)) return docs;
  b.open.push_back(typeid(P));
  const P defaults{};
  for (const auto& entry : Schema<P>::of().entries()) docs.push_back(entry->describe(b, defaults));
  b.open.pop_back();
  return docs;
}

template <class P>
struct Codec<P, std::enable_if_t<has_fields_v<P>>> {
  using Limit = std::monostate;
  static void read(const Node& node, Reader& r, const Limits<Limit>&, P& out) {
    read_struct(node, r, out);
  }
  static void absent(const Node& mapping, Reader& r, P& out) {  // finds what is required inside
    read_struct(Node::mapping(mapping.place()), r, out);
  }
  static bool empty(const P&) { return false; }
  static Node write(const P& v) { return write_node(v); }
  static Node schema(SchemaBuilder& b, const Limits<Limit>&) {
    return b.refer(typeid(P), name_of_type(typeid(P)), [&] {
      return any_of({object_schema(struct_properties<P>(b)), file_reference_schema()});
    });
  }
  static void describe(FieldDoc& doc, DocBuilder& b) {
    doc.type = "mapping";
    doc.nested = document_fields<P>(b);
  }
};

template <class P>
template <class T, class B>
Node Schema<P>::Of<T, B>::schema(SchemaBuilder& b, const P& defaults) const {
  const std::string text = rules.required ? this->meaning + " (required)" : this->meaning;
  const Node value = rules.required ? Node::null() : Codec<T>::write(defaults.*member);
  return describe_property(Codec<T>::schema(b, rules.limits), text, value);
}

template <class P>
template <class T, class B>
FieldDoc Schema<P>::Of<T, B>::describe(DocBuilder& b, const P& defaults) const {
  FieldDoc doc;
  Codec<T>::describe(doc, b);
  doc.key = this->key;
  doc.meaning = this->meaning;
  doc.required = rules.required;
  if constexpr (!std::is_same_v<typename Field<T>::Limit, std::monostate>)
    doc.range = range_text(rules.limits);
  if (rules.not_empty) doc.range += doc.range.empty() ? "not empty" : ", not empty";
  const Node value = Codec<T>::write(defaults.*member);
  if (!rules.required && !has_fields_v<T>) doc.default_text = one_line(value);
  return doc;
}

// The struct that a node says; every mistake goes to the reader.
template <class P>
P read(const Node& node, Reader& reader) {
  P value{};
  Codec<P>::read(node, reader, {}, value);
  return value;
}

// A file, changed by assignments such as "gpu.hbm.capacity=80GB". Throws ConfigError.
template <class P>
P read_config(const std::string& file, const std::vector<std::string>& assignments = {}) {
  Mistakes mistakes;
  Node root = load_config(file, mistakes);
  for (const std::string& each : assignments) set(root, each, mistakes);
  Reader reader(mistakes);
  P value = read<P>(root, reader);
  mistakes.raise();
  return value;
}

// Canonical: every default filled in, keys sorted; read() turns it back into the same value.
// Callers of this and of json_schema() include <nlohmann/json.hpp>.
template <class P, class Json = nlohmann::json>
Json write(const P& value) {
  return to_json(Codec<P>::write(value));
}

// A JSON Schema (draft-07) with which editors complete and check the YAML.
template <class P, class Json = nlohmann::json>
Json json_schema() {
  SchemaBuilder b;
  auto root = Codec<P>::schema(b, {});  // auto: to_json is not looked at before P is known
  return to_json(b.finish(std::move(root)));
}

template <class P>
std::vector<FieldDoc> document() {
  DocBuilder b;
  return document_fields<P>(b);
}

}  // namespace terrace
