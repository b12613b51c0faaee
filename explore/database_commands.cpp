// terrace query, show, compare: asking the results database.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "explore/front_door.h"
#include "results/compare.h"
#include "results/database.h"
#include "results/measured.h"
#include "results/query.h"
#include "results/report.h"

namespace terrace {
namespace {

struct Arguments {
  std::string database = default_database(), sql, a, b, format = "table", command, title;
  bool markdown = false, json = false, full = false, scenario = false;
};

void print(const Page& page, bool markdown, const std::string& command) {
  fmt::print("{}", markdown ? page.markdown(command) : page.text());
}

void add_database(CLI::App* command, Arguments& args) {
  command->add_option("--db", args.database, "results database")
      ->type_name("FILE")
      ->capture_default_str();
}

}  // namespace

void add_query(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* query_command = app.add_subcommand(
      "query", "ask the results database in SQL (`SELECT * FROM doc` describes it)");
  query_command->add_option("SQL", args->sql, "one SELECT")->required()->type_name("");
  query_command
      ->add_option("--format", args->format,
                   "table, csv, json, markdown, or svg: a plot of x, y[, series[, label]]")
      ->check(CLI::IsMember({"table", "csv", "json", "markdown", "svg"}))
      ->capture_default_str();
  query_command->add_option("--title", args->title, "of a plot")->type_name("TEXT");
  add_database(query_command, *args);
  query_command->callback([args] {
    const Database database = Database::open(args->database, Database::Mode::read);
    const Answer answer = query(database, args->sql);
    if (args->format == "csv")
      fmt::print("{}", answer.csv());
    else if (args->format == "json")
      fmt::print("{}\n", answer.json());
    else if (args->format == "svg")
      fmt::print("{}", answer.svg(args->title));
    else if (args->format == "markdown")
      fmt::print("{}", markdown_of(answer.grid()));
    else
      fmt::print("{}", text_of(answer.grid(),
                               {isatty(1) != 0 ? std::size_t{160} : std::size_t{0}, false}));
  });
}

void add_show(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* show = app.add_subcommand("show", "one record in full");
  show->add_option("RUN", args->a, "number, name, start of the hash, or \"last\"")
      ->required()
      ->type_name("");
  show->add_flag("--json", args->json, "the record as JSON");
  show->add_flag("--scenario", args->scenario,
                 "the scenario it ran, as JSON that can be run again");
  show->add_flag("--markdown", args->markdown, "as Markdown");
  add_database(show, *args);
  show->callback([args] {
    const Database database = Database::open(args->database, Database::Mode::read);
    const Record record = database.load(database.resolve(args->a));
    if (args->scenario)
      fmt::print("{}\n", record.scenario);
    else if (args->json)
      fmt::print("{}\n", record.to_json());
    else
      print(report(record, {true, true}), args->markdown, "terrace show " + args->a);
  });
}

void add_compare(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* compare_command = app.add_subcommand(
      "compare",
      "two records side by side, or a record beside a measured run (requests as JSON lines)");
  compare_command->add_option("A", args->a, "a run: number, name, start of the hash, or \"last\"")
      ->required()
      ->type_name("");
  compare_command->add_option("B", args->b, "another run, or a file of measured requests")
      ->required()
      ->type_name("");
  compare_command->add_flag("--markdown", args->markdown, "as Markdown");
  compare_command->add_flag("--full", args->full,
                            "every number that differs, not only the 30 that differ most");
  add_database(compare_command, *args);
  compare_command->callback([args] {
    const std::string line = "terrace compare " + args->a + " " + args->b;
    if (std::filesystem::is_regular_file(args->b)) {
      const MeasuredRun measured = read_measured(args->b);
      const Database database = Database::open(args->database, Database::Mode::read);
      print(compare(database.load(database.resolve(args->a)), measured).page(), args->markdown,
            line);
      return;
    }
    const Database database = Database::open(args->database, Database::Mode::read);
    const Comparison result =
        compare(database.load(database.resolve(args->a)), database.load(database.resolve(args->b)));
    print(result.page(args->full ? 0 : 30), args->markdown, line);
  });
}

}  // namespace terrace
