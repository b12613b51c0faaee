// Tests of schemas: one list of fields reads, checks, fills, writes and documents a struct.
#include "sim/schema.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace terrace;

namespace {

enum class Order { first_come, row_hit };

struct Timing {
  Time trcd = Time::ps(14000);
  double derating = 1;
  static void fields(Schema<Timing>& s) {
    s.field("trcd", &Timing::trcd, "activate to read").between(Time::ps(1), Time::ps(100000));
    s.field("derating", &Timing::derating, "factor").above(0.0).at_most(2.0);
  }
};

struct Bank {
  std::string name;
  int rows = 1024;
  static void fields(Schema<Bank>& s) {
    s.field("name", &Bank::name, "what to call it").required().not_empty();
    s.field("rows", &Bank::rows, "rows in the bank").at_least(1);
  }
  void check(Checker& c) const {
    if (rows % 2 != 0) c.fail("rows", "must be even");
  }
};

struct Dram {
  bool ecc = false;
  std::uint8_t channels = 8;
  std::int64_t seed = -1;
  std::uint64_t mask = 0;
  double share = 0.5;
  std::string label = "dram";
  std::string mode = "fast";
  Bytes capacity = Bytes(80e9);
  BytesPerSecond rate = BytesPerSecond(819e9);
  Seconds skew;
  Timing timing;
  Order order = Order::row_hit;
  FilePath trace;
  std::optional<Bytes> cache;
  std::vector<int> widths = {16, 32};
  std::vector<Bank> banks;
  std::map<std::string, Watts> power;
  static void fields(Schema<Dram>& s) {
    s.field("ecc", &Dram::ecc, "with error correction");
    s.field("channels", &Dram::channels, "how many channels").between(1, 64);
    s.field("seed", &Dram::seed, "of the noise");
    s.field("mask", &Dram::mask, "address mask");
    s.field("share", &Dram::share, "of the traffic").between(0, 1);
    s.field("label", &Dram::label, "in reports");
    s.field("mode", &Dram::mode, "how fast").one_of({"fast", "off"});
    s.field("capacity", &Dram::capacity, "bytes it holds").at_least(Bytes(1024));
    s.field("rate", &Dram::rate, "peak bandwidth");
    s.field("skew", &Dram::skew, "clock skew").at_least(Seconds(-1e-9));
    s.field("timing", &Dram::timing, "timings");
    s.field("order", &Dram::order, "which request goes first");
    s.field("trace", &Dram::trace, "a trace to replay");
    s.field("cache", &Dram::cache, "in front of it");
    s.field("widths", &Dram::widths, "bits of each bus").one_of({16, 32, 64});
    s.field("banks", &Dram::banks, "the banks");
    s.field("power", &Dram::power, "by state");
  }
};

struct Foreign {  // a Hugging Face config.json says hidden_size
  int hidden = 0;
  static void fields(Schema<Foreign>& s) {
    s.field("hidden", &Foreign::hidden, "width of the model").required();
  }
  static void adapt(Node& node, Reader&) {
    const auto foreign = node.take("hidden_size");
    if (!foreign) return;
    node = Node::mapping(node.place());
    node.put("hidden", foreign->value, foreign->place);
  }
};

struct Tree {
  int value = 0;
  std::vector<Tree> below;
  Foreign foreign{3};
  static void fields(Schema<Tree>& s) {
    s.field("value", &Tree::value, "here");
    s.field("below", &Tree::below, "the subtrees");
  }
};

struct Derived : Timing {
  int more = 0;
  static void fields(Schema<Derived>& s) {
    s.field("trcd", &Derived::trcd, "from the base");
    s.field("more", &Derived::more, "own");
  }
};

struct Misnamed {
  int kind = 0;
  static void fields(Schema<Misnamed>& s) { s.field("kind", &Misnamed::kind, "taken"); }
};

struct Nothing {
  static void fields(Schema<Nothing>&) {}
};

template <class P>
P good(const std::string& text) {
  Mistakes m;
  Reader r(m);
  P p = read<P>(parse_config(text, "x.yaml", m), r);
  INFO((m.empty() ? "" : ConfigError(m).what()));
  REQUIRE(m.empty());
  return p;
}

template <class P>
std::string bad(const std::string& text) {
  Mistakes m;
  Reader r(m);
  read<P>(parse_config(text, "x.yaml", m), r);
  INFO(text);
  REQUIRE_FALSE(m.empty());
  return ConfigError(m).what();
}

}  // namespace

namespace terrace {
template <>
struct EnumNames<Order> {
  static constexpr std::pair<const char*, Order> values[] = {{"first_come", Order::first_come},
                                                             {"row_hit", Order::row_hit}};
};
}  // namespace terrace

TEST_CASE("a mapping fills a struct and leaves the rest at its defaults", "[schema]") {
  const auto d = good<Dram>(
      "ecc: true\nchannels: 1e1\nmask: 18446744073709551615\nshare: 1\nlabel: \"8\"\nmode: off\n"
      "capacity: 64 GiB\nskew: -0.5ns\ntiming: {trcd: 15ns}\norder: first_come\ncache: 1MiB\n"
      "widths: [64]\nbanks: [{name: a}, {name: b, rows: 4}]\npower: {idle: 2W, busy: 30W}\n");
  CHECK(d.ecc);
  CHECK(d.channels == 10);
  CHECK(d.mask == 18446744073709551615u);
  CHECK(d.label == "8");
  CHECK(d.mode == "off");
  CHECK(d.capacity == Bytes(64.0 * 1073741824));
  CHECK(d.rate == BytesPerSecond(819e9));
  CHECK(d.skew == Seconds(-0.5e-9));
  CHECK(d.timing.trcd == Time::ps(15000));
  CHECK(d.timing.derating == 1);
  CHECK(d.order == Order::first_come);
  CHECK(d.cache == Bytes(1048576));
  CHECK(d.widths == std::vector<int>{64});
  CHECK(d.banks.at(1).rows == 4);
  CHECK(d.power.at("busy") == Watts(30));
  CHECK(good<Dram>("cache: ~").cache == std::nullopt);
  CHECK(good<Derived>("trcd: 3ns").trcd == Time::ps(3000));
}

TEST_CASE("every kind of mistake has its own words", "[schema]") {
  CHECK(bad<Dram>("chanels: 3") ==
        "x.yaml:1:1: unknown key \"chanels\". did you mean \"channels\"?");
  CHECK(bad<Timing>("zzz: 3") == "x.yaml:1:1: unknown key \"zzz\"; known: trcd, derating");
  CHECK(bad<Dram>("ecc: yes") == "x.yaml:1:6: ecc: expected true or false, found \"yes\"");
  CHECK(bad<Dram>("ecc: \"true\"") ==
        "x.yaml:1:6: ecc: expected true or false, found the string \"true\"");
  CHECK(bad<Dram>("channels: 65") ==
        "x.yaml:1:11: channels: 65 is out of range; must be between 1 and 64");
  CHECK(bad<Dram>("channels: 256") ==
        "x.yaml:1:11: channels: 256 does not fit; must be between 0 and 255");
  CHECK(bad<Dram>("channels: 2.5") == "x.yaml:1:11: channels: expected an integer, found 2.5");
  for (const char* text :
       {"\"3\"", "three", "0x10", "010", "+3", "3B", "~", "[3]", "{}", "-1", "1e400", "1e-2", ".5",
        "1_0", "99999999999999999999", "nan", ".inf", "true"})
    bad<Dram>(std::string("channels: ") + text);
  CHECK(bad<Dram>("mask: 1e18").find("write out its digits") != std::string::npos);
  CHECK(bad<Dram>("mask: 18446744073709551616").find("does not fit") != std::string::npos);
  CHECK(bad<Dram>("seed: -9223372036854775809").find("does not fit") != std::string::npos);
  CHECK(bad<Dram>("share: 50%") == "x.yaml:1:8: share: expected a number, found \"50%\"");
  CHECK(bad<Dram>("share: .nan") == "x.yaml:1:8: share: expected a number, found \".nan\"");
  CHECK(bad<Dram>("share: -0.1") ==
        "x.yaml:1:8: share: -0.1 is negative; must be between 0.0 and 1.0");
  CHECK(bad<Dram>("label: yes") ==
        "x.yaml:1:8: label: expected a string, found the boolean yes; write \"yes\" in quotes");
  CHECK(bad<Dram>("label: 8") ==
        "x.yaml:1:8: label: expected a string, found the number 8; write \"8\" in quotes");
  CHECK(bad<Dram>("label:") == "x.yaml:1:1: label: expected a string, found nothing");
  CHECK(bad<Dram>("mode: fats") ==
        "x.yaml:1:7: mode: \"fats\" is not known here; must be one of fast, off. did you mean "
        "\"fast\"?");
  CHECK(bad<Dram>("capacity: 64") == "x.yaml:1:11: capacity: missing unit; e.g. 64KiB, 80GB");
  CHECK(bad<Dram>("capacity: 64B") ==
        "x.yaml:1:11: capacity: 64B is out of range; must be at least 1KiB");
  CHECK(bad<Dram>("rate: -1GB/s") == "x.yaml:1:7: rate: -1GB/s is negative; must be at least 0");
  CHECK(bad<Dram>("skew: -2ns") == "x.yaml:1:7: skew: -2ns is out of range; must be at least -1ns");
  CHECK(bad<Dram>("timing: {derating: 0}") ==
        "x.yaml:1:20: timing.derating: 0.0 is out of range; must be above 0.0 and at most 2.0");
  CHECK(bad<Dram>("timing: 3") == "x.yaml:1:9: timing: expected a mapping, found \"3\"");
  CHECK(
      bad<Dram>("order: row_hits") ==
      "x.yaml:1:8: order: \"row_hits\" is not known here; must be one of first_come, row_hit. did "
      "you mean \"row_hit\"?");
  CHECK(bad<Dram>("widths: 16") == "x.yaml:1:9: widths: expected a list, found \"16\"");
  CHECK(
      bad<Dram>("widths: [16, 17]").rfind("x.yaml:1:14: widths[1]: \"17\" is not known here", 0) ==
      0);
  CHECK(bad<Dram>("power: {a.b: 3}") ==
        "x.yaml:1:14: power[\"a.b\"]: missing unit; e.g. 700W, 35mW");
  CHECK(bad<Dram>("banks:\n- rows: 4\n- name: \"\"\n") ==
        "x.yaml:2:3: banks[0]: missing required key \"name\"\n"
        "x.yaml:3:9: banks[1].name: must not be empty");
  CHECK(bad<Dram>("banks: [{name: a, rows: 3}]") == "x.yaml:1:25: banks[0].rows: must be even");
  CHECK(bad<Dram>("[]") == "x.yaml:1:1: expected a mapping, found a list");
  CHECK(bad<Dram>("kind: x").find("unknown key") != std::string::npos);
  CHECK_THROWS_AS(Schema<Misnamed>::of(), std::logic_error);
}

TEST_CASE("all mistakes are told at once", "[schema]") {
  CHECK(bad<Dram>("capacity: 0\nchannels: 0\nfoo: 1\ntiming:\n  trcd: 0s\n") ==
        "x.yaml:1:11: capacity: missing unit; e.g. 64KiB, 80GB\n"
        "x.yaml:2:11: channels: 0 is out of range; must be between 1 and 64\n"
        "x.yaml:3:1: unknown key \"foo\"\n"
        "x.yaml:5:9: timing.trcd: 0s is out of range; must be between 1ps and 100ns");
}

TEST_CASE("what is required is missed even inside of what is absent", "[schema]") {
  struct Outer {
    Bank bank;
    static void fields(Schema<Outer>& s) { s.field("bank", &Outer::bank, "a bank"); }
  };
  CHECK(bad<Outer>("{}") == "x.yaml:1:1: bank: missing required key \"name\"");
}

TEST_CASE("writing and reading a struct loses nothing", "[schema]") {
  const auto d = good<Dram>(
      "cache: 3kB\nbanks: [{name: \"yes\"}]\npower: {\"a.b\": 0.1W}\nlabel: \"8 \\\"q\\\" é\\n\"\n"
      "share: 0.1\nseed: -9223372036854775808\n");
  const nlohmann::json once = write(d);
  CHECK(once["capacity"] == "80GB");
  CHECK(once["timing"]["trcd"] == "14ns");
  CHECK(once["order"] == "row_hit");
  CHECK(once["share"] == 0.1);
  CHECK(once["seed"] == std::numeric_limits<std::int64_t>::min());
  CHECK(write(good<Dram>(once.dump())) == once);
  CHECK(write(good<Dram>(once.dump(2))).dump() == once.dump());
  CHECK(write(Dram{})["cache"].is_null());
}

TEST_CASE("a file name stands for the mapping in the file", "[schema]") {
  const auto here = std::filesystem::temp_directory_path() / "terrace_schema_test";
  std::filesystem::create_directories(here / "sub");
  std::ofstream(here / "sub/timing.yaml") << "trcd: 9ns\n";
  std::ofstream(here / "sub/wrong.yaml") << "trdc: 9ns\n";
  std::ofstream(here / "sub/self.yaml") << "below: [self.yaml]\n";
  std::ofstream(here / "sub/config.json") << "{\"hidden_size\": 4096, \"vocab\": 3}";
  std::ofstream(here / "sub/t.csv") << "1\n";
  std::ofstream(here / "sub/top.yaml") << "timing: timing.yaml\ntrace: t.csv\n";
  std::ofstream(here / "sub/bad.yaml") << "timing: wrong.yaml\ntrace: u.csv\n";
  std::ofstream(here / "sub/lost.yaml") << "timing: nowhere.yaml\n";
  const auto file = [&](const char* name) { return (here / "sub" / name).string(); };
  const auto d = read_config<Dram>(file("top.yaml"), {"timing.derating=1.5", "channels=4"});
  CHECK(d.timing.trcd == Time::ps(9000));
  CHECK(d.timing.derating == 1.5);
  CHECK(d.channels == 4);
  CHECK(d.trace.written == "t.csv");
  CHECK(d.trace.resolved == file("t.csv"));
  CHECK(write(d)["trace"] == file("t.csv"));
  CHECK(read_config<Foreign>(file("config.json")).hidden == 4096);
  CHECK_THROWS_WITH(read_config<Dram>(file("bad.yaml")),
                    file("bad.yaml") +
                        ":2:8: trace: cannot read \"u.csv\": No such file. did you "
                        "mean \"t.csv\"?\n" +
                        file("wrong.yaml") +
                        ":1:1: timing: unknown key \"trdc\". did you mean \"trcd\"?");
  CHECK_THROWS_WITH(read_config<Dram>(file("lost.yaml")),
                    Catch::Contains("timing: cannot read \"nowhere.yaml\": No such file"));
  CHECK_THROWS_WITH(read_config<Tree>(file("self.yaml")), Catch::Contains("includes itself"));
  CHECK_THROWS_WITH(read_config<Foreign>("no_such.json"), Catch::Contains("No such file"));
  CHECK_THROWS_WITH(read_config<Dram>(file("top.yaml"), {"channels=0"}),
                    "--set:1:10: channels: 0 is out of range; must be between 1 and 64");
  std::filesystem::remove_all(here);
}

TEST_CASE("a file that could not be read does not also miss its keys", "[schema]") {
  CHECK(bad<Bank>("extends: nowhere.yaml").find("missing required") == std::string::npos);
  CHECK(bad<Dram>("banks: [{rows: 2}]\ntiming: {extends: nowhere.yaml}").find("missing required") !=
        std::string::npos);
  CHECK(bad<Bank>("a: [").find("missing required") == std::string::npos);
}

TEST_CASE("the JSON Schema says what the reader accepts", "[schema]") {
  const nlohmann::json s = json_schema<Dram>();
  CHECK(s["$schema"] == "http://json-schema.org/draft-07/schema#");
  const auto& dram = s["definitions"]["Dram"]["anyOf"];
  CHECK(s["allOf"][0]["$ref"] == "#/definitions/Dram");
  CHECK(dram[0]["additionalProperties"] == false);
  CHECK(dram[1]["pattern"] == "\\.(yaml|yml|json)$");
  const auto& p = dram[0]["properties"];
  CHECK(p["channels"]["type"] == "integer");
  CHECK(p["channels"]["minimum"] == 1);
  CHECK(p["channels"]["maximum"] == 64);
  CHECK(p["channels"]["default"] == 8);
  CHECK(p["ecc"]["default"] == false);
  CHECK(p["mode"]["enum"] == nlohmann::json({"fast", "off"}));
  CHECK(p["order"]["enum"] == nlohmann::json({"first_come", "row_hit"}));
  CHECK(p["capacity"]["default"] == "80GB");
  CHECK(p["capacity"]["description"] == "bytes it holds");
  CHECK(p["timing"]["allOf"][0]["$ref"] == "#/definitions/Timing");
  CHECK(p.contains("extends"));
  CHECK(json_schema<Tree>()["definitions"].contains("Tree"));
  CHECK(json_schema<Nothing>()["definitions"].contains("Nothing"));
}

TEST_CASE("the documentation lists key, type, range, default and meaning", "[schema]") {
  const auto docs = document<Dram>();
  REQUIRE(docs.size() == 17);
  CHECK(docs[1].key == "channels");
  CHECK(docs[1].type == "integer");
  CHECK(docs[1].range == "between 1 and 64");
  CHECK(docs[1].default_text == "8");
  CHECK(docs[1].meaning == "how many channels");
  CHECK(docs[7].type == "bytes");
  CHECK(docs[7].unit.find("KiB") != std::string::npos);
  CHECK(docs[10].nested.at(0).key == "trcd");
  CHECK(docs[13].type == "optional bytes");
  CHECK(docs[13].default_text == "none");
  CHECK(docs[15].type == "list of mapping");
  CHECK(docs[15].nested.at(0).required);
  CHECK(document<Tree>()[1].nested.empty());
}
