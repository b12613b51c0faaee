// Tests of registries: members register themselves, configs choose them, and build errors find
// home.
#include "sim/registry.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace terrace;

namespace {

class Shape {
 public:
  static constexpr const char* family = "test_shape";
  static constexpr const char* meaning = "what has an area";
  struct Context {
    double scale = 1;
  };
  virtual ~Shape() = default;
  virtual double area() const = 0;
};

class Square final : public Shape {
 public:
  struct Params {
    double side = 2;
    static void fields(Schema<Params>& s) {
      s.field("side", &Params::side, "length of a side").above(0.0);
    }
  };
  Square(const Params& p, const Context& c) : area_(p.side * p.side * c.scale) {
    if (p.side == 13) throw BuildError("side", "13 is unlucky");
  }
  double area() const override { return area_; }

 private:
  double area_;
};
TERRACE_REGISTER(Shape, Square, "square", "four equal sides");

class Pair final : public Shape {
 public:
  struct Params {
    Choice<Shape> first = Choice<Shape>::of("square");
    std::vector<Choice<Shape>> others;
    static void fields(Schema<Params>& s) {
      s.field("first", &Params::first, "one");
      s.field("others", &Params::others, "more");
    }
  };
  Pair(const Params& p, const Context& c) : area_(p.first.make(c)->area()) {
    for (const auto& each : p.others) area_ += each.make(c)->area();
    if (p.others.size() == 3) throw BuildError("", "three is a crowd");
  }
  double area() const override { return area_; }

 private:
  double area_;
};
TERRACE_REGISTER(Shape, Pair, "pair", "shapes together");

class Needy final : public Shape {
 public:
  struct Params {
    std::string name;
    static void fields(Schema<Params>& s) {
      s.field("name", &Params::name, "what to call it").required();
    }
  };
  Needy(const Params&, const Context&) {}
  double area() const override { return 0; }
};
TERRACE_REGISTER(Shape, Needy, "needy", "wants a name");

// Chosen before main, when the registry may not be filled yet.
const Choice<Shape> early = Choice<Shape>::of("square");

struct Scene {
  Choice<Shape> main = Choice<Shape>::of("square", Square::Params{3});
  Choice<Shape> extra;
  static void fields(Schema<Scene>& s) {
    s.field("main", &Scene::main, "in front");
    s.field("extra", &Scene::extra, "behind");
  }
};

struct Strict {
  Choice<Shape> shape;
  static void fields(Schema<Strict>& s) {
    s.field("shape", &Strict::shape, "the one").required().not_empty();
  }
};

struct Unknown {
  Choice<Shape> shape = Choice<Shape>::of("sqare");
  static void fields(Schema<Unknown>& s) { s.field("shape", &Unknown::shape, "none such"); }
};

template <class P>
P parsed(const std::string& text, Mistakes& m) {
  Reader r(m);
  return read<P>(parse_config(text, "x.yaml", m), r);
}
template <class P>
P good(const std::string& text) {
  Mistakes m;
  P p = parsed<P>(text, m);
  INFO((m.empty() ? "" : ConfigError(m).what()));
  REQUIRE(m.empty());
  return p;
}
template <class P>
std::string bad(const std::string& text) {
  Mistakes m;
  parsed<P>(text, m);
  REQUIRE_FALSE(m.empty());
  return ConfigError(m).what();
}

std::string build_error(const std::string& text) {
  Mistakes m;
  const Node root = parse_config(text, "x.yaml", m);
  Reader r(m);
  const Scene scene = read<Scene>(root, r);
  m.raise();
  try {
    scene.main.make({});
  } catch (const BuildError& e) {
    return located(e, root).what();
  }
  return "";
}

}  // namespace

TEST_CASE("a member is chosen by name, alone or with its keys", "[registry]") {
  CHECK(good<Scene>("main: square").main.make({})->area() == 4);
  CHECK(good<Scene>("main: {kind: square, side: 5}").main.make({2})->area() == 50);
  CHECK(good<Scene>("main: {kind: pair, others: [square, {kind: square, side: 1}]}")
            .main.make({})
            ->area() == 9);
  CHECK(good<Scene>("extra: ~").extra.empty());
  CHECK(early.make({})->area() == 4);
}

TEST_CASE("a default member keeps its own parameters", "[registry]") {
  CHECK(good<Scene>("{}").main.make({})->area() == 9);
  CHECK(good<Scene>("main: {side: 4}").main.make({})->area() == 16);
  CHECK(good<Scene>("main: {kind: square}").main.make({})->area() == 4);
  CHECK(good<Scene>("{}").main.params_as<Square>()->side == 3);
  CHECK(good<Scene>("{}").main.params_as<Square::Params>()->side == 3);
  CHECK(good<Scene>("{}").main.params_as<Pair>() == nullptr);
  CHECK(early.params_as<Square>()->side == 2);
  CHECK_THROWS_AS(Choice<Shape>::of("pair", Square::Params{}), std::logic_error);
}

TEST_CASE("a wrong choice is a mistake with a suggestion", "[registry]") {
  CHECK(
      bad<Scene>("main: sqare") ==
      "x.yaml:1:7: main: \"sqare\" is not known here; must be one of needy, pair, square. did you "
      "mean \"square\"?");
  CHECK(bad<Scene>("main: {kind: sqare}").rfind("x.yaml:1:14: main.kind: \"sqare\"", 0) == 0);
  CHECK(bad<Scene>("main: {kind: square, sid: 3}") ==
        "x.yaml:1:22: main: unknown key \"sid\". did you mean \"side\"?");
  CHECK(bad<Scene>("main: {kind: square, side: -1}").rfind("x.yaml:1:28: main.side: ", 0) == 0);
  CHECK(bad<Scene>("extra: {side: 3}") == "x.yaml:1:1: extra: missing required key \"kind\"");
  CHECK(bad<Scene>("main: [square]") ==
        "x.yaml:1:1: main: expected the name of a test_shape or a mapping, found a list");
  CHECK(bad<Scene>("main: needy") == "x.yaml:1:7: main: missing required key \"name\"");
  CHECK(bad<Strict>("{}") == "x.yaml:1:1: missing required key \"shape\"");
  CHECK(bad<Strict>("shape:") == "x.yaml:1:1: shape: must not be empty");
  CHECK(bad<Unknown>("{}").find("did you mean \"square\"?") != std::string::npos);
}

TEST_CASE("a choice is written canonically", "[registry]") {
  const auto json = write(good<Scene>("main: {kind: pair, others: [square]}"));
  CHECK(json.dump() ==
        R"({"extra":null,"main":{"first":{"kind":"square","side":2.0},"kind":"pair",)"
        R"("others":[{"kind":"square","side":2.0}]}})");
  CHECK(write(good<Scene>(json.dump())) == json);
}

TEST_CASE("an error found while building is placed in the file", "[registry]") {
  CHECK(build_error("main:\n  kind: square\n  side: 13\n") ==
        "x.yaml:3:9: main.side: 13 is unlucky");
  CHECK(build_error("main:\n  kind: pair\n  others: [square, {kind: square, side: 13}]\n") ==
        "x.yaml:3:41: main.others[1].side: 13 is unlucky");
  CHECK(build_error("main:\n  kind: pair\n  first: {side: 13}\n") ==
        "x.yaml:3:17: main.first.side: 13 is unlucky");
  CHECK(build_error("main: {kind: pair, others: [square, square, square]}") ==
        "x.yaml:1:1: main: three is a crowd");
  CHECK_THROWS_WITH(good<Scene>("{}").extra.make({}), "extra: no test_shape is chosen");
}

TEST_CASE("the catalogue lists families and members", "[registry]") {
  const RegisteredFamily* shapes = nullptr;
  for (const auto* family : Catalogue::families())
    if (family->name() == "test_shape") shapes = family;
  REQUIRE(shapes != nullptr);
  CHECK(shapes->meaning() == "what has an area");
  CHECK(shapes->names() == std::vector<std::string>{"needy", "pair", "square"});
  CHECK(shapes->at("square").doc == "four equal sides");
  CHECK(shapes->at("square").document().at(0).range == "above 0.0");
  CHECK(shapes->at("pair").document().at(0).type == "choice of test_shape");
  CHECK_THROWS_AS(Registry<Shape>::add<Square>("square", "again"), std::logic_error);
}

TEST_CASE("the JSON Schema offers every member, also to itself", "[registry]") {
  const nlohmann::json s = json_schema<Scene>();
  const auto& forms = s["definitions"]["test_shape"]["anyOf"];
  CHECK(forms[0]["enum"] == nlohmann::json({"needy", "pair", "square"}));
  CHECK(forms[4]["properties"]["kind"]["const"] == "pair");
  CHECK(forms[4]["properties"]["first"]["allOf"][0]["$ref"] == "#/definitions/test_shape");
  CHECK(forms[5]["properties"]["side"]["exclusiveMinimum"] == 0.0);
}
