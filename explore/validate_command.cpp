// terrace validate [NAME…]: published figures, simulated; a report, whatever it finds.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "explore/front_door.h"
#include "explore/progress.h"
#include "sim/suggest.h"
#include "validate/comparison_page.h"

namespace terrace {
namespace {

using validate::Comparison;

struct ValidateArguments {
  std::vector<std::string> names;
  bool markdown = false, list = false;
};

Page list_comparisons() {
  Page page;
  page.title("What can be validated");
  Grid grid;
  grid.columns = {{"name", false}, {"what is compared", false}};
  for (const RegisteredMember& m : Registry<Comparison>::family().members())
    grid.add({m.name, m.doc});
  page.table(std::move(grid));
  return page;
}

void validate_all(const ValidateArguments& args) {
  const RegisteredFamily& family = Registry<Comparison>::family();
  const std::vector<std::string> names = args.names.empty() ? family.names() : args.names;
  std::vector<std::string> known = family.names();
  known.emplace_back("accuracy");  // a subcommand
  for (const std::string& name : names)
    if (family.find(name) == nullptr)
      throw InputError("no comparison \"" + name + "\"" + did_you_mean(name, known));
  if (args.list) {
    fmt::print("{}", args.markdown ? list_comparisons().markdown("terrace validate --list")
                                   : list_comparisons().text());
    return;
  }
  for (const std::string& name : names) {
    const auto comparison = Choice<Comparison>::of(name).make({});
    const std::vector<validate::Part> parts = comparison->parts();
    validate::Rows rows;
    {
      Progress progress("validating " + name, static_cast<double>(parts.size()), "parts");
      for (std::size_t i = 0; i < parts.size(); ++i) {
        progress.update(static_cast<double>(i), parts[i].name);
        for (validate::Row& row : parts[i].run()) rows.push_back(std::move(row));
      }
      progress.update(static_cast<double>(parts.size()));
    }
    const Page page = validate::page_of(name, *comparison, rows);
    fmt::print("{}\n", args.markdown ? page.markdown("terrace validate " + name) : page.text());
    std::fflush(stdout);
  }
}

}  // namespace

void add_validate(CLI::App& app) {
  auto args = std::make_shared<ValidateArguments>();
  CLI::App* command =
      app.add_subcommand("validate", "simulate published figures and print the deviations");
  command->add_option("NAME", args->names, "comparisons; all when none is named")->type_name("");
  command->add_flag("--list", args->list, "only their names");
  command->add_flag("--markdown", args->markdown, "as Markdown");
  add_accuracy(*command);
  command->callback([args, command] {
    if (command->get_subcommands().empty()) validate_all(*args);
  });
}

}  // namespace terrace
