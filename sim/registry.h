// Families of interchangeable parts: each member registers itself, and a config chooses one by
// name.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "sim/schema.h"

namespace terrace {

// A mistake that only building can find. `path` is relative to the Params of whoever throws it;
// Choice::make turns it into the path in the whole config.
struct BuildError : std::runtime_error {
  BuildError(const std::string& at, const std::string& what)
      : std::runtime_error(at.empty() ? what : at + ": " + what), path(at), problem(what) {}
  std::string path, problem;
  Place place;            // where the choice was read, until someone knows better
  bool absolute = false;  // the path already starts at the root

  BuildError at_root(Place where = {}) && {  // its path starts there
    absolute = true;
    place = std::move(where);
    return std::move(*this);
  }
};

// The same message as for any other mistake: file:line:column: path: what.
ConfigError located(const BuildError& error, const Node& root);

// What is known of a member without knowing its family's type.
struct RegisteredMember {
  std::string name, doc;
  std::type_index params_type;
  // Reads on top of `start`, or of the defaults when that is null.
  std::shared_ptr<const void> (*read)(const Node&, Reader&, const void* start);
  std::shared_ptr<const void> (*defaults)();
  Node (*write)(const void* params);
  Node (*properties)(SchemaBuilder&);
  std::vector<FieldDoc> (*document)();
  void* (*make)(const void* params, const void* context);  // a Family*, owned by the caller
};

class RegisteredFamily {
 public:
  RegisteredFamily(std::string name, std::string meaning, std::type_index type);
  void add(RegisteredMember member);
  const std::string& name() const { return name_; }
  const std::string& meaning() const { return meaning_; }
  std::type_index type() const { return type_; }
  const std::vector<RegisteredMember>& members() const { return members_; }  // by name
  const RegisteredMember* find(const std::string& name) const;
  const RegisteredMember& at(const std::string& name) const;  // throws std::logic_error
  std::vector<std::string> names() const;

 private:
  std::string name_, meaning_;
  std::type_index type_;
  std::vector<RegisteredMember> members_;
};

// Every family of the program and its members, for `terrace list`.
class Catalogue {
 public:
  static std::vector<const RegisteredFamily*> families();  // by name
};

template <class Family>
class Registry {
 public:
  static RegisteredFamily& family() {
    static RegisteredFamily family(Family::family, Family::meaning, typeid(Family));
    return family;
  }

  template <class Class>
  static bool add(const char* name, const char* doc) {
    using Params = typename Class::Params;
    using Context = typename Family::Context;
    family().add(
        {name, doc, typeid(Params),
         [](const Node& node, Reader& r, const void* start) -> std::shared_ptr<const void> {
           auto params = start ? std::make_shared<Params>(*static_cast<const Params*>(start))
                               : std::make_shared<Params>();
           read_struct(node, r, *params, true);
           return params;
         },
         []() -> std::shared_ptr<const void> {
           static const auto defaults = std::make_shared<const Params>();
           return defaults;
         },
         [](const void* params) { return write_node(*static_cast<const Params*>(params)); },
         [](SchemaBuilder& b) { return struct_properties<Params>(b); },
         [] { return terrace::document<Params>(); },
         [](const void* params, const void* context) -> void* {
           std::unique_ptr<Family> made = std::make_unique<Class>(
               *static_cast<const Params*>(params), *static_cast<const Context*>(context));
           return made.release();
         }});
    return true;
  }
};

#define TERRACE_REGISTER_AT_2(Family, Class, name, doc, at) \
  namespace {                                               \
  [[maybe_unused]] const bool terrace_registered_##at =     \
      ::terrace::Registry<Family>::add<Class>(name, doc);   \
  }                                                         \
  static_assert(true)
#define TERRACE_REGISTER_AT(Family, Class, name, doc, at) \
  TERRACE_REGISTER_AT_2(Family, Class, name, doc, at)
// At namespace scope, in the member's own .cpp: its name in YAML, and what it does in a sentence.
#define TERRACE_REGISTER(Family, Class, name, doc) \
  TERRACE_REGISTER_AT(Family, Class, name, doc, __COUNTER__)

// The part of Choice that needs no types: which member, its parameters, and where they were read.
struct ChosenMember {
  std::string kind;
  std::shared_ptr<const void> params;  // null: the member's defaults
  std::string path;
  Place place;

  const void* resolved(const RegisteredFamily& family) const;
  void* make(const RegisteredFamily& family, const void* context) const;
  void read(const RegisteredFamily& family, const Node& node, Reader& r);
  void absent(const RegisteredFamily& family, const Node& mapping, Reader& r);
  Node write(const RegisteredFamily& family) const;
};
Node choice_schema(const RegisteredFamily& family, SchemaBuilder& b);

// A member of a family with its parameters, as a value. In YAML: a mapping with `kind: name` and
// the member's own keys; or just the name, for its defaults; or nothing, for an empty choice.
// `kind` may be left out where the field has a default.
template <class Family>
class Choice {
 public:
  Choice() = default;
  static Choice of(const std::string& kind) {  // looked up when used: safe in static initialisers
    Choice choice;
    choice.chosen_.kind = kind;
    return choice;
  }
  template <class Params>
  static Choice of(const std::string& kind, Params params) {
    if (Registry<Family>::family().at(kind).params_type != typeid(Params))
      throw std::logic_error(kind + " has other parameters");
    Choice choice = of(kind);
    choice.chosen_.params = std::make_shared<const Params>(std::move(params));
    return choice;
  }

  bool empty() const { return chosen_.kind.empty(); }
  const std::string& kind() const { return chosen_.kind; }
  const std::string& path() const { return chosen_.path; }  // where in the config it was read

  // Builds the member. A BuildError leaves with its path from the root of the config.
  template <class F = Family>
  std::unique_ptr<F> make(const typename F::Context& context) const {
    return std::unique_ptr<F>(static_cast<F*>(chosen_.make(Registry<Family>::family(), &context)));
  }

  // The parameters, if the chosen member's are of type T; else null. T may be the member itself.
  template <class T>
  const auto* params_as() const {
    if constexpr (has_params<T>(0)) {
      return params_of_type<typename T::Params>();
    } else {
      return params_of_type<T>();
    }
  }

 private:
  friend struct Codec<Choice<Family>>;
  template <class T>
  static constexpr bool has_params(typename T::Params*) {
    return true;
  }
  template <class T>
  static constexpr bool has_params(...) {
    return false;
  }
  template <class Params>
  const Params* params_of_type() const {
    if (empty()) return nullptr;
    const RegisteredFamily& family = Registry<Family>::family();
    if (family.at(kind()).params_type != typeid(Params)) return nullptr;
    return static_cast<const Params*>(chosen_.resolved(family));
  }
  ChosenMember chosen_;
};

template <class Family>
struct Codec<Choice<Family>> {
  using Limit = std::monostate;
  static RegisteredFamily& family() { return Registry<Family>::family(); }
  static void read(const Node& node, Reader& r, const Limits<Limit>&, Choice<Family>& out) {
    out.chosen_.read(family(), node, r);
  }
  static void absent(const Node& mapping, Reader& r, Choice<Family>& out) {
    out.chosen_.absent(family(), mapping, r);
  }
  static bool empty(const Choice<Family>& v) { return v.empty(); }
  static Node write(const Choice<Family>& v) { return v.chosen_.write(family()); }
  static Node schema(SchemaBuilder& b, const Limits<Limit>&) {
    return b.refer(typeid(Family), family().name(), [&] { return choice_schema(family(), b); });
  }
  static void describe(FieldDoc& doc, DocBuilder&) { doc.type = "choice of " + family().name(); }
};

}  // namespace terrace
