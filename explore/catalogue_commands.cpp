// terrace list, schema: what can be configured.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "explore/front_door.h"
#include "explore/space.h"
#include "results/page.h"
#include "sim/scenario.h"
#include "sim/schema.h"
#include "sim/suggest.h"

namespace terrace {
namespace {

void add_rows(Grid& grid, const std::vector<FieldDoc>& docs, const std::string& prefix) {
  for (const FieldDoc& doc : docs) {
    std::string type = doc.type;
    if (!doc.unit.empty()) type += " (" + doc.unit + ")";
    grid.add({prefix + doc.key, type, doc.required ? "required" : doc.default_text, doc.range,
              doc.meaning});
    add_rows(grid, doc.nested, prefix + doc.key + ".");
  }
}

Grid field_grid(const std::vector<FieldDoc>& docs) {
  Grid grid;
  grid.columns = {
      {"key", false}, {"type", false}, {"default", false}, {"range", false}, {"meaning", false}};
  add_rows(grid, docs, "");
  return grid;
}

const RegisteredFamily* find_family(const std::string& name) {
  for (const RegisteredFamily* f : Catalogue::families())
    if (f->name() == name) return f;
  return nullptr;
}

Page list_all() {
  Page page;
  page.title("What can be configured");
  page.line(
      "`terrace list FAMILY` shows its members, `terrace list FAMILY MEMBER` the keys of one, "
      "`terrace list scenario` the keys of a scenario file.");
  Grid grid;
  grid.columns = {{"family", false}, {"members", false}, {"meaning", false}};
  for (const RegisteredFamily* f : Catalogue::families()) {
    std::string members;
    for (const std::string& m : f->names()) members += (members.empty() ? "" : ", ") + m;
    grid.add({f->name(), members, f->meaning()});
  }
  page.table(std::move(grid));
  return page;
}

Page list_family(const RegisteredFamily& family) {
  Page page;
  page.title(family.name() + ": " + family.meaning());
  Grid grid;
  grid.columns = {{"member", false}, {"what it is", false}};
  for (const RegisteredMember& m : family.members()) grid.add({m.name, m.doc});
  page.table(std::move(grid));
  return page;
}

Page list_member(const RegisteredMember& member) {
  Page page;
  page.title(member.name + ": " + member.doc);
  page.table(field_grid(member.document()));
  return page;
}

Page list(const std::string& family_name, const std::string& member_name) {
  if (family_name.empty()) return list_all();
  Page page;
  if (family_name == "scenario" || family_name == "space") {
    page.title("Keys of a " + family_name + " file");
    page.table(field_grid(family_name == "space" ? document<SpaceParams>()
                                                 : document<Scenario::Params>()));
    return page;
  }
  const RegisteredFamily* family = find_family(family_name);
  if (family == nullptr) {
    std::vector<std::string> known = {"scenario", "space"};
    for (const RegisteredFamily* f : Catalogue::families()) known.push_back(f->name());
    const std::string near = suggest(family_name, known);
    throw InputError("no family \"" + family_name + "\"" +
                     (near.empty() ? "" : ". did you mean \"" + near + "\"?"));
  }
  if (member_name.empty()) return list_family(*family);
  const RegisteredMember* member = family->find(member_name);
  if (member == nullptr) {
    const std::string near = suggest(member_name, family->names());
    throw InputError("no " + family_name + " \"" + member_name + "\"" +
                     (near.empty() ? "" : ". did you mean \"" + near + "\"?"));
  }
  return list_member(*member);
}

}  // namespace

void add_list(CLI::App& app) {
  struct Arguments {
    std::string family, member;
    bool markdown = false;
  };
  auto args = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("list", "what can be configured: meaning, unit, range, default");
  command->add_option("FAMILY", args->family, "a family, or \"scenario\" or \"space\"")
      ->type_name("");
  command->add_option("MEMBER", args->member, "one member of it")->type_name("");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  command->callback([args] {
    const Page page = list(args->family, args->member);
    fmt::print("{}", args->markdown ? page.markdown() : page.text({0, false}));
  });
}

void add_schema(CLI::App& app) {
  auto of = std::make_shared<std::string>("scenario");
  CLI::App* command = app.add_subcommand(
      "schema", "JSON Schema for editors: completes and checks YAML as you type");
  command->add_option("FILE_KIND", *of, "scenario or space")
      ->type_name("")
      ->check(CLI::IsMember({"scenario", "space"}));
  command->callback([of] {
    fmt::print(
        "{}\n",
        (*of == "space" ? json_schema<SpaceParams>() : json_schema<Scenario::Params>()).dump(2));
  });
}

}  // namespace terrace
