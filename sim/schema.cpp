// The parts of reading, checking and describing that are the same for every struct.
#include "sim/schema.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace terrace {
namespace {

// What an unquoted YAML word means if it is not a string: a "boolean", a "number", or nothing.
std::string other_meaning(const Node& node) {
  if (node.quoted()) return "";
  std::string word = node.text();
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* each : {"true", "false", "yes", "no", "on", "off"})
    if (word == each) return "boolean";
  double ignored = 0;
  const char* end = node.text().data() + node.text().size();
  const bool number = !word.empty() && std::from_chars(node.text().data(), end, ignored).ptr == end;
  return number && word.find_first_of("0123456789") != std::string::npos ? "number" : "";
}

bool not_scalar(const Node& node, Reader& r, const std::string& expected) {
  if (node.is_scalar()) return false;
  r.fail(node, fmt::format("expected {}, found {}", expected, node.found()));
  return true;
}

// A number as YAML has it: digits first, no leading zeros, no quotes.
bool is_number(const Node& node) {
  if (node.quoted()) return false;
  std::string_view t = node.text();
  if (!t.empty() && t[0] == '-') t.remove_prefix(1);
  if (t.empty() || t[0] < '0' || t[0] > '9') return false;
  if (t.size() > 1 && t[0] == '0' && t[1] >= '0' && t[1] <= '9') return false;
  double ignored = 0;
  const auto r = std::from_chars(t.data(), t.data() + t.size(), ignored);
  return r.ptr == t.data() + t.size();
}

bool finite_number(const Node& node, double& out) {
  const std::string& t = node.text();
  return is_number(node) && std::from_chars(t.data(), t.data() + t.size(), out).ec == std::errc() &&
         std::isfinite(out);
}

template <class I>
bool read_integer(const Node& node, Reader& r, I low, I high, I& out) {
  if (not_scalar(node, r, "an integer")) return false;
  const std::string& t = node.text();
  const char* end = t.data() + t.size();
  const auto too_large = [&] {
    r.fail(node, fmt::format("{} does not fit; must be between {} and {}", t, low, high));
    return false;
  };
  double d = 0;
  if (!is_number(node)) {
    r.fail(node, fmt::format("expected an integer, found {}", node.found()));
    return false;
  }
  const auto whole = std::from_chars(t.data(), end, out);
  if (whole.ptr == end && whole.ec == std::errc()) {
    if (out < low || out > high) return too_large();
    return true;
  }
  if (t.find_first_of(".eE") == std::string::npos || !finite_number(node, d)) return too_large();
  if (d != std::floor(d)) {
    r.fail(node, fmt::format("expected an integer, found {}", t));
    return false;
  }
  if (std::abs(d) > 9007199254740992.0) {  // 2^53: beyond, a double is not the number written
    r.fail(node, fmt::format("{} is too large for this notation; write out its digits", t));
    return false;
  }
  if (d < static_cast<double>(low) || d > static_cast<double>(high)) return too_large();
  out = static_cast<I>(d);
  return true;
}

}  // namespace

void Checker::fail(const std::string& path, const std::string& what) {
  const Place place = path.empty() ? mapping_.place() : locate(mapping_, path);
  reader_.mistakes().add(place, join_paths(reader_.path(), path), what);
}

void Reader::missing(const Node& mapping, const std::string& key) {
  if (incomplete_ == 0) fail(mapping, fmt::format("missing required key \"{}\"", key));
}

void Reader::check_keys(const Node& mapping, const std::vector<std::string>& known, bool has_kind) {
  std::vector<std::string> unused;
  for (const std::string& key : known)
    if (!mapping.find(key)) unused.push_back(key);
  for (const Node::Member& m : mapping.members()) {
    if (std::find(known.begin(), known.end(), m.key) != known.end()) continue;
    if (m.key == "kind" && has_kind) continue;
    std::string hint = did_you_mean(m.key, unused);
    if (hint.empty()) hint = did_you_mean(m.key, known);  // it may stand in a file that is extended
    if (hint.empty() && !known.empty() && known.size() <= 16)
      hint = "; known: " + list_words(known);
    fail(m.place, fmt::format("unknown key \"{}\"{}", m.key, hint));
  }
}

Mapping::Mapping(const Node& node, Reader& reader, const std::string& expected)
    : node_(node), reader_(reader) {
  if (is_file_reference(node)) {
    own_ = node;
    if (!include_file(*own_, reader.mistakes_, reader.path_)) return;
    const std::string file = own_->place().file_name();
    auto& open = reader.including_;
    if (std::find(open.begin(), open.end(), file) != open.end()) {
      reader.fail(node, fmt::format("\"{}\" includes itself", file));
      return;
    }
    open.push_back(file);
    included_ = true;
  }
  valid_ = (**this).is_mapping();
  incomplete_ = (**this).incomplete();
  if (incomplete_) ++reader.incomplete_;
  if (!valid_) reader.fail(node, fmt::format("expected {}, found {}", expected, (**this).found()));
}

Mapping::~Mapping() {
  if (included_) reader_.including_.pop_back();
  if (incomplete_) --reader_.incomplete_;
}

Node& Mapping::own() {
  if (!own_) own_ = node_;
  return *own_;
}

bool read_leaf(const Node& node, Reader& r, bool& out) {
  if (not_scalar(node, r, "true or false")) return false;
  const bool yes = node.text() == "true";
  if (node.quoted() || (!yes && node.text() != "false")) {
    r.fail(node, fmt::format("expected true or false, found {}", node.found()));
    return false;
  }
  out = yes;
  return true;
}

bool read_leaf(const Node& node, Reader& r, double& out) {
  if (not_scalar(node, r, "a number")) return false;
  double v = 0;
  if (!finite_number(node, v)) {
    const char* why = is_number(node) ? "{} is too large or too small to be represented"
                                      : "expected a number, found {}";
    r.fail(node, fmt::format(fmt::runtime(why), node.found()));
    return false;
  }
  out = v == 0 ? 0 : v;
  return true;
}

bool read_leaf(const Node& node, Reader& r, std::string& out) {
  if (not_scalar(node, r, "a string")) return false;
  const std::string other = other_meaning(node);
  if (!other.empty()) {
    r.fail(node, fmt::format("expected a string, found the {0} {1}; write \"{1}\" in quotes", other,
                             node.text()));
    return false;
  }
  out = node.text();
  return true;
}

bool read_leaf(const Node& node, Reader& r, FilePath& out) {
  namespace fs = std::filesystem;
  if (not_scalar(node, r, "a file name")) return false;
  FilePath file{node.text(), ""};
  if (!file.written.empty()) {
    std::error_code ignored;
    const fs::path beside = fs::path(directory_of(node.place())) / file.written;
    std::vector<fs::path> places = {beside, file.written};
    for (const std::string& folder : config_search_path())
      places.push_back(fs::path(folder) / file.written);
    for (const fs::path& each : places)
      if (file.resolved.empty() && fs::exists(each, ignored))
        file.resolved = each.lexically_normal().string();
    if (file.resolved.empty()) {
      std::vector<std::string> near;
      for (fs::directory_iterator
               i(beside.parent_path().empty() ? "." : beside.parent_path(), ignored),
           last;
           !ignored && i != last; i.increment(ignored))
        near.push_back((fs::path(file.written).parent_path() / i->path().filename()).string());
      std::sort(near.begin(), near.end());
      r.fail(node, fmt::format("cannot read \"{}\": No such file{}", file.written,
                               did_you_mean(file.written, near)));
      return false;
    }
  }
  if (!file.resolved.empty()) r.files().push_back(file.resolved);
  out = std::move(file);
  return true;
}

bool read_signed(const Node& n, Reader& r, std::int64_t low, std::int64_t high, std::int64_t& out) {
  return read_integer(n, r, low, high, out);
}
bool read_unsigned(const Node& n, Reader& r, std::uint64_t high, std::uint64_t& out) {
  return read_integer<std::uint64_t>(n, r, 0, high, out);
}
bool read_word(const Node& node, Reader& r, const std::string& expected, std::string& out) {
  if (not_scalar(node, r, expected)) return false;
  out = node.text();
  return true;
}

void wrong_word(const Node& node, Reader& r, const std::string& word,
                const std::vector<std::string>& known) {
  const std::string list = known.size() <= 24 ? "; must be one of " + list_words(known) : "";
  r.fail(node, fmt::format("\"{}\" is not known here{}{}", word, list, did_you_mean(word, known)));
}

std::string list_words(const std::vector<std::string>& words, const char* separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::string name_of_type(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> raw(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  std::string name = raw ? raw.get() : type.name();
  for (const std::string noise : {"(anonymous namespace)::", "terrace::"})
    for (auto at = name.find(noise); at != std::string::npos; at = name.find(noise))
      name.erase(at, noise.size());
  for (auto at = name.find("::"); at != std::string::npos; at = name.find("::"))
    name.replace(at, 2, ".");
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.') c = '_';
  return name;
}

Node word_node(const std::string& text) { return Node::scalar(text, {}, true); }
Node plain_node(const std::string& text) { return Node::scalar(text, {}, false); }

Node list_node(const std::vector<std::string>& words) {
  Node list = Node::sequence();
  for (const std::string& each : words) list.items().push_back(word_node(each));
  return list;
}

Node type_schema(const std::string& type) {
  Node s = Node::mapping();
  s.put("type", word_node(type));
  return s;
}

Node any_of(std::vector<Node> schemas) {
  Node list = Node::sequence();
  list.items() = std::move(schemas);
  Node s = Node::mapping();
  s.put("anyOf", std::move(list));
  return s;
}

Node file_reference_schema() {
  Node s = type_schema("string");
  s.put("pattern", word_node("\\.(yaml|yml|json)$"));
  s.put("description", word_node("a file that holds this mapping"));
  return s;
}

Node object_schema(Node properties) {
  Node extends = any_of({type_schema("string"), type_schema("array")});
  extends.put("description", word_node("file(s) that this mapping is put over"));
  properties.put("extends", std::move(extends));
  Node s = type_schema("object");
  s.put("properties", std::move(properties));
  s.put("additionalProperties", plain_node("false"));
  return s;
}

Node describe_property(Node schema, const std::string& meaning, const Node& default_value) {
  if (schema.find("$ref")) {  // draft-07 ignores what stands beside a $ref
    Node list = Node::sequence();
    list.items().push_back(std::move(schema));
    schema = Node::mapping();
    schema.put("allOf", std::move(list));
  }
  schema.put("description", word_node(meaning));
  if (default_value.is_scalar()) schema.put("default", default_value);
  return schema;
}

Node SchemaBuilder::reference(const std::string& name) {
  Node s = Node::mapping();
  s.put("$ref", word_node("#/definitions/" + name));
  return s;
}

std::string SchemaBuilder::unused(const std::string& name) const {
  std::string unique = name;
  for (int n = 2; definitions_.find(unique); ++n) unique = fmt::format("{}_{}", name, n);
  return unique;
}

Node SchemaBuilder::finish(Node root) const {
  root.put("$schema", word_node("http://json-schema.org/draft-07/schema#"));
  if (const Node* reference = root.find("$ref")) {
    Node list = Node::sequence();
    Node only = Node::mapping();
    only.put("$ref", *reference);
    list.items().push_back(std::move(only));
    root.take("$ref");
    root.put("allOf", std::move(list));
  }
  root.put("definitions", definitions_);
  return root;
}

nlohmann::json to_json(const Node& node) {
  using nlohmann::json;
  switch (node.kind()) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::sequence: {
      json list = json::array();
      for (const Node& item : node.items()) list.push_back(to_json(item));
      return list;
    }
    case Node::Kind::mapping: {
      json object = json::object();
      for (const Node::Member& m : node.members()) object[m.key] = to_json(m.value);
      return object;
    }
    case Node::Kind::scalar:
      break;
  }
  if (node.quoted()) return node.text();
  json value = json::parse(node.text(), nullptr, false);
  return value.is_discarded() ? json(node.text()) : value;
}

std::string one_line(const Node& value) {
  if (value.is_null()) return "none";
  if (value.is_scalar()) return value.text();
  return to_json(value).dump();
}

}  // namespace terrace
