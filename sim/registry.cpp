// The catalogue of families, and the reading, writing and building of choices from it.
#include "sim/registry.h"

#include <fmt/format.h>

#include <algorithm>

namespace terrace {
namespace {

std::vector<const RegisteredFamily*>& catalogue() {
  static std::vector<const RegisteredFamily*> families;
  return families;
}

}  // namespace

ConfigError located(const BuildError& error, const Node& root) {
  Place place = locate(root, error.path);
  if (error.path.empty() && error.place.file) place = error.place;
  return ConfigError(Mistake{std::move(place), error.path, error.problem});
}

RegisteredFamily::RegisteredFamily(std::string name, std::string meaning, std::type_index type)
    : name_(std::move(name)), meaning_(std::move(meaning)), type_(type) {
  catalogue().push_back(this);
}

void RegisteredFamily::add(RegisteredMember member) {
  if (find(member.name))
    throw std::logic_error(fmt::format("two members of {} are named {}", name_, member.name));
  const auto after = std::find_if(members_.begin(), members_.end(),
                                  [&](const auto& each) { return each.name > member.name; });
  members_.insert(after, std::move(member));
}

const RegisteredMember* RegisteredFamily::find(const std::string& name) const {
  for (const RegisteredMember& member : members_)
    if (member.name == name) return &member;
  return nullptr;
}

const RegisteredMember& RegisteredFamily::at(const std::string& name) const {
  if (const RegisteredMember* member = find(name)) return *member;
  throw std::logic_error(
      fmt::format("\"{}\" is not a {}{}", name, name_, did_you_mean(name, names())));
}

std::vector<std::string> RegisteredFamily::names() const {
  std::vector<std::string> names;
  for (const RegisteredMember& member : members_) names.push_back(member.name);
  return names;
}

std::vector<const RegisteredFamily*> Catalogue::families() {
  auto all = catalogue();
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->name() < b->name(); });
  return all;
}

const void* ChosenMember::resolved(const RegisteredFamily& family) const {
  // The defaults live as long as the program.
  return params ? params.get() : family.at(kind).defaults().get();
}

void* ChosenMember::make(const RegisteredFamily& family, const void* context) const {
  if (kind.empty()) throw BuildError(path, fmt::format("no {} is chosen", family.name()));
  try {
    return family.at(kind).make(resolved(family), context);
  } catch (const BuildError& e) {
    if (e.absolute) throw;
    throw BuildError(join_paths(path, e.path), e.problem).at_root(place);
  }
}

void ChosenMember::read(const RegisteredFamily& family, const Node& node, Reader& r) {
  const ChosenMember before = *this;
  path = r.path();
  place = node.place();
  params = nullptr;
  if (node.is_null()) {
    kind.clear();
    return;
  }
  if (node.is_scalar() && !is_file_reference(node)) {
    kind = node.text();
    const RegisteredMember* member = family.find(kind);
    if (!member) return wrong_word(node, r, kind, family.names());
    Node defaults = Node::mapping(node.place());  // what is required is still missing
    params = member->read(defaults, r, nullptr);
    return;
  }
  const Mapping mapping(node, r, fmt::format("the name of a {} or a mapping", family.name()));
  if (!mapping) return;
  const Node* named = (*mapping).find("kind");
  if (named) {
    const auto inside = r.enter("kind");
    if (!read_word(*named, r, fmt::format("the name of a {}", family.name()), kind)) return;
  } else if (before.kind.empty()) {
    return r.missing(*mapping, "kind");
  }
  const RegisteredMember* member = family.find(kind);
  if (!member) {
    const auto inside = r.enter("kind");
    return wrong_word(named ? *named : *mapping, r, kind, family.names());
  }
  params = member->read(*mapping, r, named ? nullptr : before.params.get());
}

void ChosenMember::absent(const RegisteredFamily& family, const Node& mapping, Reader& r) {
  path = r.path();
  place = mapping.place();
  if (kind.empty()) return;
  const RegisteredMember* member = family.find(kind);
  if (!member) return wrong_word(mapping, r, kind, family.names());
  params = member->read(Node::mapping(mapping.place()), r, params.get());
}

Node ChosenMember::write(const RegisteredFamily& family) const {
  if (kind.empty()) return Node::null();
  Node node = family.at(kind).write(resolved(family));
  node.put("kind", word_node(kind));
  return node;
}

Node choice_schema(const RegisteredFamily& family, SchemaBuilder& b) {
  Node names = type_schema("string");
  names.put("enum", list_node(family.names()));
  std::vector<Node> forms = {std::move(names), file_reference_schema(), type_schema("null")};
  for (const RegisteredMember& member : family.members()) {
    Node kind = Node::mapping();
    kind.put("const", word_node(member.name));
    kind.put("description", word_node(member.doc));
    Node properties = Node::mapping();
    properties.put("kind", std::move(kind));
    Node own = member.properties(b);
    for (Node::Member& m : own.members()) properties.put(m.key, std::move(m.value));
    Node form = object_schema(std::move(properties));
    form.put("description", word_node(member.doc));
    forms.push_back(std::move(form));
  }
  Node schema = any_of(std::move(forms));
  schema.put("description", word_node(family.meaning()));
  return schema;
}

}  // namespace terrace
