// The config tree, paths into it, and how mistakes are worded. Reading files is config_load.cpp.
#include "sim/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <set>
#include <tuple>

namespace terrace {
namespace {

constexpr std::size_t max_steps = 100;  // of a path: as deep as a file may be

std::vector<Mistake> sorted(std::vector<Mistake> all) {
  const auto where = [](const Mistake& m) {
    return std::make_tuple(m.place.file_name(), m.place.line, m.place.column);
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Mistake& a, const Mistake& b) { return where(a) < where(b); });
  // A file that is used twice is wrong once.
  std::set<std::string> seen;
  std::vector<Mistake> once;
  for (Mistake& m : all)
    if (!m.place.file || seen.insert(m.place.text() + m.what).second) once.push_back(std::move(m));
  return once;
}

std::string lines(const std::vector<Mistake>& all) {
  std::string text;
  for (const Mistake& m : all) text += (text.empty() ? "" : "\n") + m.text();
  return text;
}

bool is_word(const Node& node) {
  return node.is_scalar() && !node.text().empty() &&
         std::isalpha(static_cast<unsigned char>(node.text()[0])) && !is_file_reference(node);
}

bool is_plain_key(std::string_view key) {
  return !key.empty() && key.find_first_of(".[]=\" \t\n") == std::string_view::npos;
}

}  // namespace

std::string Place::text() const {
  if (!file) return "";
  return line > 0 ? fmt::format("{}:{}:{}", *file, line, column) : *file;
}

std::string Mistake::text() const {
  std::string out = place.text();
  if (!out.empty()) out += ": ";
  if (!path.empty()) out += path + ": ";
  return out + what;
}

void Mistakes::add(Place place, std::string path, std::string what) {
  all_.push_back({std::move(place), std::move(path), std::move(what)});
}

void Mistakes::raise() const {
  if (!all_.empty()) throw ConfigError(*this);
}

ConfigError::ConfigError(const Mistakes& mistakes) : ConfigError(sorted(mistakes.all())) {}
ConfigError::ConfigError(Mistake mistake) : ConfigError(std::vector<Mistake>{std::move(mistake)}) {}
ConfigError::ConfigError(std::vector<Mistake> sorted)
    : std::runtime_error(lines(sorted)), mistakes_(std::move(sorted)) {}

Node Node::null(Place place) {
  Node node;
  node.place_ = std::move(place);
  return node;
}
Node Node::scalar(std::string text, Place place, bool quoted) {
  Node node = null(std::move(place));
  node.kind_ = Kind::scalar;
  node.text_ = std::move(text);
  node.quoted_ = quoted;
  return node;
}
Node Node::sequence(Place place) {
  Node node = null(std::move(place));
  node.kind_ = Kind::sequence;
  return node;
}
Node Node::mapping(Place place) {
  Node node = null(std::move(place));
  node.kind_ = Kind::mapping;
  return node;
}

std::string Node::found() const {
  switch (kind_) {
    case Kind::null:
      return "nothing";
    case Kind::sequence:
      return "a list";
    case Kind::mapping:
      return "a mapping";
    case Kind::scalar:
      break;
  }
  const bool cut = text_.size() > 60;
  return fmt::format("{}\"{}\"", quoted_ ? "the string " : "",
                     cut ? text_.substr(0, 60) + "..." : text_);
}

Node* Node::find(std::string_view key) {
  for (Member& m : members_)
    if (m.key == key) return &m.value;
  return nullptr;
}
const Node* Node::find(std::string_view key) const { return const_cast<Node*>(this)->find(key); }

Node& Node::put(const std::string& key, Node value, Place key_place) {
  for (Member& m : members_) {
    if (m.key != key) continue;
    m.value = std::move(value);
    m.place = std::move(key_place);
    return m.value;
  }
  members_.push_back({key, std::move(key_place), std::move(value)});
  return members_.back().value;
}

std::optional<Node::Member> Node::take(std::string_view key) {
  for (auto m = members_.begin(); m != members_.end(); ++m) {
    if (m->key != key) continue;
    std::optional<Member> taken(std::move(*m));
    members_.erase(m);
    return taken;
  }
  return std::nullopt;
}

bool is_file_reference(const Node& node) {
  if (!node.is_scalar()) return false;
  for (const std::string_view end : {".yaml", ".yml", ".json"})
    if (node.text().size() > end.size() &&
        std::string_view(node.text()).substr(node.text().size() - end.size()) == end)
      return true;
  return false;
}

void merge(Node& base, Node over, Mistakes& mistakes, const std::string& path) {
  if (over.is_mapping() && is_file_reference(base) && !include_file(base, mistakes, path)) return;
  if (over.is_mapping() && is_word(base) && !over.find("kind")) {
    Node named = Node::mapping(base.place());
    named.put("kind", base, base.place());
    base = std::move(named);
  }
  const Node* under_kind = base.find("kind");
  const Node* over_kind = over.find("kind");
  const bool other_kind = under_kind && over_kind && under_kind->is_scalar() &&
                          over_kind->is_scalar() && under_kind->text() != over_kind->text();
  if (!over.is_mapping() || !base.is_mapping() || other_kind) {
    base = std::move(over);
    return;
  }
  base.place(over.place());
  base.incomplete(base.incomplete() || over.incomplete());
  for (Node::Member& m : over.members()) {
    if (Node* below = base.find(m.key)) {
      Node merged = std::move(*below);
      merge(merged, std::move(m.value), mistakes, join_path(path, m.key));
      base.put(m.key, std::move(merged), m.place);
    } else {
      base.members().push_back(std::move(m));
    }
  }
}

std::optional<std::vector<PathStep>> parse_path(std::string_view path, std::string& why) {
  std::vector<PathStep> steps;
  const auto fail = [&](const char* what) {
    why = fmt::format("\"{}\" is not a path such as a.b[2].c: {}", path, what);
    return std::nullopt;
  };
  std::size_t i = 0;
  while (i < path.size()) {
    if (steps.size() >= max_steps) return fail("too deep");
    if (path[i] == '[') {
      const bool quoted = i + 1 < path.size() && path[i + 1] == '"';
      const std::size_t close = path.find(quoted ? "\"]" : "]", i + (quoted ? 2 : 1));
      if (close == std::string_view::npos) return fail("unclosed [");
      if (quoted) {
        steps.push_back({std::string(path.substr(i + 2, close - i - 2)), std::nullopt});
        i = close + 2;
      } else {
        const std::string_view digits = path.substr(i + 1, close - i - 1);
        std::size_t n = 0;
        const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), n);
        if (digits.empty() || r.ec != std::errc() || r.ptr != digits.data() + digits.size())
          return fail("an index must be a number");
        steps.push_back({"", n});
        i = close + 1;
      }
    } else {
      if (path[i] == '.') {
        if (steps.empty()) return fail("starts with a dot");
        ++i;
      } else if (!steps.empty()) {
        return fail("missing dot");
      }
      const std::size_t end = std::min(path.find_first_of(".[]=\"", i), path.size());
      if (end == i) return fail("empty key");
      if (end < path.size() && path[end] != '.' && path[end] != '[') return fail("stray character");
      steps.push_back({std::string(path.substr(i, end - i)), std::nullopt});
      i = end;
    }
  }
  if (steps.empty()) return fail("empty");
  return steps;
}

std::string join_path(const std::string& parent, std::string_view key) {
  if (!is_plain_key(key)) return fmt::format("{}[\"{}\"]", parent, key);
  return parent.empty() ? std::string(key) : fmt::format("{}.{}", parent, key);
}
std::string join_path(const std::string& parent, std::size_t index) {
  return fmt::format("{}[{}]", parent, index);
}
std::string join_paths(const std::string& parent, const std::string& child) {
  return parent + (parent.empty() || child.empty() || child[0] == '[' ? "" : ".") + child;
}

void set(Node& root, std::string_view path, Node value, Mistakes& mistakes) {
  const Place place = value.place();
  std::string why;
  const auto steps = parse_path(path, why);
  if (!steps) return mistakes.add(place, "", why);
  Node* at = &root;
  std::string so_far;
  for (const PathStep& step : *steps) {
    if (is_file_reference(*at) && !include_file(*at, mistakes, so_far)) return;
    if (step.index) {
      if (at->is_null()) *at = Node::sequence(place);
      if (!at->is_sequence())
        return mistakes.add(place, so_far,
                            fmt::format("cannot take [{}] of {}", *step.index, at->found()));
      if (*step.index > at->items().size())
        return mistakes.add(place, so_far,
                            fmt::format("has only {} items; [{}] is past the end",
                                        at->items().size(), *step.index));
      if (*step.index == at->items().size()) at->items().push_back(Node::null(place));
      so_far = join_path(so_far, *step.index);
      at = &at->items()[*step.index];
      continue;
    }
    if (at->is_null()) *at = Node::mapping(place);
    if (is_word(*at)) {
      Node named = Node::mapping(at->place());
      named.put("kind", *at, at->place());
      *at = std::move(named);
    }
    if (!at->is_mapping())
      return mistakes.add(place, so_far,
                          fmt::format("cannot set \"{}\" in {}", step.key, at->found()));
    so_far = join_path(so_far, step.key);
    if (&step == &steps->back() && step.key == "kind" && value.is_scalar()) {
      Node over = Node::mapping(at->place());
      over.put("kind", std::move(value), place);
      return merge(*at, std::move(over), mistakes, so_far);
    }
    Node* next = at->find(step.key);
    at = next ? next : &at->put(step.key, Node::null(place), place);
  }
  *at = std::move(value);
}

void set(Node& root, std::string_view assignment, Mistakes& mistakes) {
  static const auto file = std::make_shared<const std::string>("--set");
  // The first "=" outside of ["…"] divides; a key in quotes may hold one.
  std::size_t equals = 0;
  for (bool quoted = false; equals < assignment.size(); ++equals) {
    if (assignment[equals] == '"') quoted = !quoted;
    if (assignment[equals] == '=' && !quoted) break;
  }
  if (equals >= assignment.size())
    return mistakes.add(
        {file, 1, 1}, "",
        fmt::format("\"{}\" is not path=value, such as a.b[2].c=64KiB", assignment));
  Mistakes wrong;
  Node value = parse_config(assignment.substr(equals + 1), *file, wrong);
  const std::string path(assignment.substr(0, equals));
  const int shift = static_cast<int>(equals) + 1;
  for (const Mistake& m : wrong.all()) mistakes.add(m.place, join_paths(path, m.path), m.what);
  if (!wrong.empty()) return;
  if (value.place().line <= 1) value.place({file, 1, std::max(value.place().column, 1) + shift});
  set(root, path, std::move(value), mistakes);
}

Place locate(const Node& root, std::string_view path) {
  std::string why;
  const auto steps = parse_path(path, why);
  Place place = root.place();
  if (!steps) return place;
  Node at = root;
  for (const PathStep& step : *steps) {
    Mistakes ignored;
    if (is_file_reference(at) && !include_file(at, ignored)) return place;
    Node next;
    if (step.index && at.is_sequence() && *step.index < at.items().size())
      next = at.items()[*step.index];
    else if (const Node* found = step.index ? nullptr : at.find(step.key))
      next = *found;
    else
      return place;
    at = std::move(next);
    place = at.place();
  }
  return place;
}

std::string directory_of(const Place& place) {
  return std::filesystem::path(place.file_name()).parent_path().string();
}

}  // namespace terrace
