// Tests of reading YAML: everything has a place, extends merges, and no input crashes it.
#include "sim/config.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

using namespace terrace;
namespace fs = std::filesystem;

namespace {

// A directory that is the working directory while it lives.
class Directory {
 public:
  Directory() : before_(fs::current_path()) {
    std::string name = (fs::temp_directory_path() / "terrace_config_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
    fs::current_path(path_);
  }
  ~Directory() {
    fs::current_path(before_);
    fs::remove_all(path_);
  }
  void write(const fs::path& file, const std::string& text) const {
    if (file.has_parent_path()) fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

 private:
  fs::path before_, path_;
};

std::string flat(const Node& n) {
  std::string out;
  switch (n.kind()) {
    case Node::Kind::null:
      return "~";
    case Node::Kind::scalar:
      return n.text();
    case Node::Kind::sequence:
      for (const auto& i : n.items()) out += (out.empty() ? "" : ",") + flat(i);
      return "[" + out + "]";
    case Node::Kind::mapping:
      for (const auto& m : n.members())
        out += (out.empty() ? "" : ",") + m.key + ":" + flat(m.value);
      return "{" + out + "}";
  }
  return out;
}

std::string errors(const Mistakes& mistakes) {
  return mistakes.empty() ? "" : ConfigError(mistakes).what();
}

Node good(const std::string& text) {
  Mistakes m;
  Node n = parse_config(text, "x.yaml", m);
  INFO(errors(m));
  REQUIRE(m.empty());
  return n;
}

std::string bad(const std::string& text) {
  Mistakes m;
  parse_config(text, "x.yaml", m);
  INFO(text);
  REQUIRE_FALSE(m.empty());
  return errors(m);
}

std::string load(const std::string& file, Mistakes& m) { return flat(load_config(file, m)); }

}  // namespace

TEST_CASE("a node knows the line and column it was written at", "[config]") {
  const Node n = good("a: 1\nb:\n  c: [x, \"y\"]\n  d:\n    - e: 5\n");
  CHECK(flat(n) == "{a:1,b:{c:[x,y],d:[{e:5}]}}");
  CHECK(n.find("a")->place().text() == "x.yaml:1:4");
  CHECK(locate(n, "b").text() == "x.yaml:2:1");
  CHECK(locate(n, "b.c[1]").text() == "x.yaml:3:10");
  CHECK(locate(n, "b.d[0].e").text() == "x.yaml:5:10");
  CHECK(locate(n, "b.d[0].missing.deep").text() == "x.yaml:5:7");
  CHECK(locate(n, "nothing").text() == "x.yaml:1:1");
  CHECK(n.find("b")->find("c")->items()[1].quoted());
  CHECK_FALSE(n.find("b")->find("c")->items()[0].quoted());
}

TEST_CASE("JSON is YAML", "[config]") {
  CHECK(flat(good("{\"a\": [1, 2.5e3, true, null],\n\t\"b\": {\"c\": \"d\\/\\u00e9\"}}")) ==
        "{a:[1,2.5e3,true,~],b:{c:d/é}}");
}

TEST_CASE("YAML that is wrong is a mistake with a place", "[config]") {
  CHECK(bad("a: 1\nb: 2\na: 3\n") == "x.yaml:3:1: a: duplicate key, first given in line 1");
  CHECK(bad("a: [1, 2\n").rfind("x.yaml:", 0) == 0);
  CHECK(bad("a: b: c\n").rfind("x.yaml:1:5: ", 0) == 0);
  CHECK(bad("a: 1\n---\nb: 2\n") ==
        "x.yaml:2:1: more text after the end of the document; a file holds one");
  CHECK(bad("{a: 1} b").rfind("x.yaml:1:8", 0) == 0);
  CHECK(bad("a: *nope").rfind("x.yaml:1:4", 0) == 0);
  CHECK(bad("a: &x [*x]").rfind("x.yaml:1:8: an alias inside of its own anchor", 0) == 0);
  CHECK(bad("a: !!int 3").find("is not understood here") != std::string::npos);
  CHECK(bad("? [a, b]\n: c\n").find("a key must be a word, not a list") != std::string::npos);
  CHECK(bad("a: &x {b: 1}\nc:\n  <<: *x\n").find("extends") != std::string::npos);
  CHECK(bad(std::string("a: 1\nb: \0", 9)) == "x.yaml:2:4: not text (control character 0x00)");
  CHECK(bad("a: \xff\xfe\n") == "x.yaml:1:4: not UTF-8 text (byte 0xff)");
  CHECK(bad("a: \xed\xa0\x80") == "x.yaml:1:4: not UTF-8 text (byte 0xed)");
}

TEST_CASE("a hundred levels are the limit", "[config]") {
  good(std::string(99, '[') + std::string(99, ']'));
  CHECK(bad(std::string(200, '[') + std::string(200, ']')) ==
        "x.yaml:1:101: nested deeper than 100 levels");
  CHECK(bad(std::string(500000, '[')).find("deeper") != std::string::npos);
  CHECK(bad(std::string(500000, '{')).find("deeper") != std::string::npos);
  std::string dashes;
  for (int i = 0; i < 50000; ++i) dashes += "- ";
  CHECK(bad(dashes).find("deeper") != std::string::npos);
}

TEST_CASE("a bomb of anchors is defused", "[config]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string list;
    for (int k = 0; k < 10; ++k) list += (k ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + list + "]\n";
  }
  CHECK(bad(bomb).find("too large: more than 250000 values") != std::string::npos);
}

TEST_CASE("noise never crashes the reader", "[config]") {
  std::mt19937 random(1);
  const std::string alphabet = "ab: -[]{},\n\n  \"'#&*!|>%@`?~\\0179.\t<extends";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    const auto length = random() % 60;
    for (unsigned k = 0; k < length; ++k)
      text += i % 4 ? alphabet[random() % alphabet.size()] : static_cast<char>(random());
    Mistakes m;
    parse_config(text, "noise.yaml", m);
    for (const Mistake& each : m.all()) REQUIRE(each.place.line >= 1);
  }
}

TEST_CASE("a file that cannot be read is a mistake", "[config]") {
  const Directory here;
  here.write("dir/x.yaml", "a: 1");
  here.write("empty.yaml", "");
  Mistakes m;
  load("dir", m);
  load("nowhere.yaml", m);
  load("emtpy.yaml", m);
  CHECK(m.all()[0].text() == "dir: cannot read \"dir\": Is a directory");
  CHECK(m.all()[1].what.rfind("cannot read \"nowhere.yaml\": No such file", 0) == 0);
  CHECK(m.all()[2].what.find("did you mean \"empty.yaml\"?") != std::string::npos);
  Mistakes none;
  CHECK(load("empty.yaml", none) == "{}");
  CHECK(none.empty());
}

TEST_CASE("extends puts a mapping over a file, at any depth", "[config]") {
  const Directory here;
  here.write("base/gpu.yaml", "name: base\nhbm: {size: 1, rate: 2}\nlist: [1, 2]\n");
  here.write("base/mid.yaml", "extends: gpu.yaml\nhbm: {rate: 3}\n");
  here.write("a.yaml", "gpu:\n  extends: base/mid.yaml\n  list: [9]\n  hbm:\n    extra: 4\n");
  Mistakes m;
  const Node n = load_config("a.yaml", m);
  CHECK(errors(m) == "");
  CHECK(flat(n) == "{gpu:{name:base,hbm:{size:1,rate:3,extra:4},list:[9]}}");
  CHECK(locate(n, "gpu.name").text() == "base/gpu.yaml:1:7");
  CHECK(locate(n, "gpu.hbm.rate").text() == "base/mid.yaml:2:13");
  CHECK(locate(n, "gpu.hbm.extra").text() == "a.yaml:5:12");
  here.write("b.yaml", "extends: [a.yaml, c.yaml]\nx: 1\n");
  here.write("c.yaml", "gpu: {name: c}\nx: 0\n");
  CHECK(load("b.yaml", m) == "{gpu:{name:c,hbm:{size:1,rate:3,extra:4},list:[9]},x:1}");
  CHECK(errors(m) == "");
}

TEST_CASE("another kind replaces, the same kind merges", "[config]") {
  const Directory here;
  here.write("base.yaml",
             "p: {kind: a, x: 1}\nq: {kind: a, x: 1}\nr: word\ns: {kind: a}\nt: file.yaml\n");
  here.write("file.yaml", "k: 1\nl: 2\n");
  here.write(
      "over.yaml",
      "extends: base.yaml\np: {kind: b, y: 2}\nq: {kind: a, y: 2}\nr: {z: 3}\ns: c\nt: {l: 3}\n");
  Mistakes m;
  CHECK(load("over.yaml", m) ==
        "{p:{kind:b,y:2},q:{kind:a,x:1,y:2},r:{kind:word,z:3},s:c,t:{k:1,l:3}}");
  CHECK(errors(m) == "");
}

TEST_CASE("a circle of extends is shown whole", "[config]") {
  const Directory here;
  here.write("a.yaml", "extends: b.yaml\nx: 1\n");
  here.write("b.yaml", "y:\n  extends: ./a.yaml\n");
  here.write("self.yaml", "extends: self.yaml\n");
  Mistakes m;
  CHECK(load("a.yaml", m) == "{y:{},x:1}");
  CHECK(errors(m) ==
        "b.yaml:2:12: extends.y.extends: a file extends itself: a.yaml -> b.yaml -> a.yaml");
  Mistakes self;
  load("self.yaml", self);
  CHECK(self.size() == 1);
}

TEST_CASE("extends that multiply are stopped", "[config]") {
  const Directory here;
  for (int i = 0; i < 40; ++i) {
    const std::string next = "{extends: f" + std::to_string(i + 1) + ".yaml}";
    here.write("f" + std::to_string(i) + ".yaml", "a: " + next + "\nb: " + next + "\n");
  }
  here.write("f40.yaml", "x: 1\n");
  Mistakes m;
  load("f0.yaml", m);
  CHECK(errors(m).find("too large") != std::string::npos);
}

TEST_CASE("configs are found on the search path", "[config]") {
  const Directory here;
  here.write("elsewhere/gpu/h100.yaml", "n: 1\n");
  here.write("configs/dram/hbm.yaml", "n: 2\n");
  here.write("s/a.yaml", "g: {extends: gpu/h100.yaml}\nd: {extends: dram/hbm.yaml}\n");
  setenv("TERRACE_CONFIGS", "nowhere:elsewhere", 1);
  Mistakes m;
  const Node n = load_config("s/a.yaml", m);
  unsetenv("TERRACE_CONFIGS");
  CHECK(errors(m) == "");
  CHECK(flat(n) == "{g:{n:1},d:{n:2}}");
  CHECK(locate(n, "g.n").text() == "elsewhere/gpu/h100.yaml:1:4");
  CHECK(locate(n, "d.n").text() == "configs/dram/hbm.yaml:1:4");
}

TEST_CASE("set changes, creates, and looks into files", "[config]") {
  const Directory here;
  here.write("gpu.yaml", "name: g\nhbm: {size: 1}\n");
  Node n = good("gpu: gpu.yaml\nlist: [{a: 1}, {a: 2}]\npolicy: h2o\n");
  Mistakes m;
  set(n, "gpu.hbm.size=64KiB", m);
  set(n, "list[1].a=5", m);
  set(n, "list[2]={a: 6}", m);
  set(n, "policy.factor=0.5", m);
  set(n, "new.deep[0].key=[1, 2]", m);
  set(n, "map[\"llama-3.1=8b\"].x=", m);
  CHECK(errors(m) == "");
  CHECK(flat(n) ==
        "{gpu:{name:g,hbm:{size:64KiB}},list:[{a:1},{a:5},{a:6}],policy:{kind:h2o,factor:0.5},"
        "new:{deep:[{key:[1,2]}]},map:{llama-3.1=8b:{x:~}}}");
  CHECK(locate(n, "gpu.hbm.size").text() == "--set:1:14");
  set(n, "policy.kind=full", m);
  set(n, "gpu={extends: gpu.yaml, name: other}", m);
  CHECK(flat(*n.find("policy")) == "{kind:full}");
  CHECK(flat(*n.find("gpu")) == "{name:other,hbm:{size:1}}");
}

TEST_CASE("a set that makes no sense is a mistake", "[config]") {
  Node n = good("a: [1]\nb: {c: 3}\n");
  const auto wrong = [&](const std::string& assignment) {
    Mistakes m;
    set(n, assignment, m);
    return errors(m);
  };
  CHECK(wrong("a").find("is not path=value") != std::string::npos);
  CHECK(wrong("=3").find("empty") != std::string::npos);
  CHECK(wrong("a[7]=3") == "--set:1:6: a: has only 1 items; [7] is past the end");
  CHECK(wrong("a.x=3") == "--set:1:5: a: cannot set \"x\" in a list");
  CHECK(wrong("b[0]=3") == "--set:1:6: b: cannot take [0] of a mapping");
  CHECK(wrong("b.c.d=3") == "--set:1:7: b.c: cannot set \"d\" in \"3\"");
  CHECK(wrong("b.c=[1").rfind("--set:1:", 0) == 0);
  CHECK(wrong("a..b=1") != "");
  CHECK(wrong("a[x]=1") != "");
  CHECK(wrong("a[0=1") != "");
  CHECK(wrong("a.=1").rfind("--set:1:", 0) == 0);
  CHECK(wrong("a[99999999999999999999]=1") != "");
  CHECK(flat(n) == "{a:[1],b:{c:3}}");
}

TEST_CASE("mistakes are sorted by file and line, and each is told once", "[config]") {
  const auto file = [](const char* n) { return std::make_shared<const std::string>(n); };
  Mistakes m;
  m.add({file("b.yaml"), 2, 1}, "x", "two");
  m.add({file("b.yaml"), 1, 5}, "", "one");
  m.add({file("a.yaml"), 9, 1}, "y", "zero");
  m.add({file("a.yaml"), 9, 1}, "z", "zero");
  CHECK(std::string(ConfigError(m).what()) ==
        "a.yaml:9:1: y: zero\nb.yaml:1:5: one\nb.yaml:2:1: x: two");
  CHECK(ConfigError(m).mistakes().size() == 3);
  CHECK_THROWS_AS(m.raise(), ConfigError);
}

TEST_CASE("suggestions are near or not at all", "[config]") {
  const std::vector<std::string> keys = {"latency_ns", "bandwidth", "capacity", "name"};
  CHECK(suggest("latency", keys) == "latency_ns");
  CHECK(suggest("bandwith", keys) == "bandwidth");
  CHECK(suggest("bnadwidth", keys) == "bandwidth");
  CHECK(suggest("Capacity", keys) == "capacity");
  CHECK(suggest("zzz", keys).empty());
  CHECK(suggest("x", keys).empty());
  CHECK(suggest("", keys).empty());
}
