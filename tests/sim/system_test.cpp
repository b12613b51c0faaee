// Systems: names and patterns expand as written, and whatever does not hang together is said with
// its place.
#include "sim/system.h"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace terrace;

namespace {

class Box final : public Component {
 public:
  struct Params {
    double fails = 0;
    static void fields(Schema<Params>& s) {
      s.field("fails", &Params::fails, "whether building fails");
    }
  };
  Box(const Params& p, const Context& c) : params_(p), context_(c) {}
  void build(Machine& machine) const override {
    if (params_.fails > 0) throw BuildError("fails", "asked to");
    Device device;
    device.name = context_.name;
    device.kind = "box";
    machine.add_device(device);
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Component, Box, "test_box", "a device without anything");

class Wire final : public Link {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Wire(const Params&, const Context& c) : context_(c) {}
  void build(Machine& machine) const override {
    LinkInfo link;
    link.name = context_.name;
    link.from = context_.from;
    link.to = context_.to;
    link.rate = 1e9;
    link.forward =
        machine.add_resource({link.name + ".a", "B", 1e9, 0, ResourceClass::link, "", none});
    link.backward =
        machine.add_resource({link.name + ".b", "B", 1e9, 0, ResourceClass::link, "", none});
    machine.add_link(link);
  }

 private:
  Context context_;
};
TERRACE_REGISTER(Link, Wire, "test_wire", "a link of 1 GB/s");

SystemConfig read_system(const std::string& yaml) {
  Mistakes mistakes;
  const Node root = parse_config(yaml, "s.yaml", mistakes);
  Reader reader(mistakes);
  auto system = read<SystemConfig>(root, reader);
  mistakes.raise();
  return system;
}

std::string mistakes_of(const std::string& yaml) {
  try {
    read_system(yaml);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

const std::string eight = R"(name: node
devices:
  - {name: gpu, count: 3, device: test_box}
  - {name: host, device: test_box}
)";

}  // namespace

TEST_CASE("a count gives numbered devices and a pattern links them all", "[system]") {
  const auto machine =
      build(read_system(eight + "links:\n  - {from: gpu*, to: host, link: test_wire}\n"));
  REQUIRE(machine->devices().size() == 4);
  CHECK(machine->devices()[2].name == "gpu2");
  CHECK(machine->devices()[3].name == "host");
  REQUIRE(machine->links().size() == 3);
  CHECK(machine->links()[1].name == "gpu1-host");
  CHECK(machine->route(0, 1).through == std::vector<DeviceId>{3});
}

TEST_CASE("as many to as many are linked in order, one to many from the one", "[system]") {
  const std::string devices =
      "name: s\ndevices:\n  - {name: a, count: 2, device: test_box}\n  - {name: b, count: 2, "
      "device: test_box}\n";
  const auto machine =
      build(read_system(devices + "links:\n  - {from: 'a?', to: 'b?', link: test_wire}\n  - {from: "
                                  "a0, to: 'b[1]', link: test_wire}\n"));
  REQUIRE(machine->links().size() == 3);
  CHECK(machine->links()[0].name == "a0-b0");
  CHECK(machine->links()[1].name == "a1-b1");
  CHECK(machine->links()[2].name == "a0-b1");
}

TEST_CASE("every mistake of a system is reported at once, with its place", "[system]") {
  const std::string all = mistakes_of(R"(name: s
devices:
  - {name: gpu, count: 2, device: test_box}
  - {name: gpu1, device: test_box}
  - {name: h ost, device: test_box}
links:
  - {from: gpu*, to: hots, link: test_wire}
  - {from: gpx*, to: gpu0, link: test_wire}
  - {from: gpu0, to: gpu0, link: test_wire}
)");
  INFO(all);
  CHECK_THAT(all,
             Catch::Contains(
                 "s.yaml:4:12: devices[1].name: device \"gpu1\" is already given by devices[0]"));
  CHECK_THAT(all, Catch::Contains("s.yaml:5:12: devices[2].name: \"h ost\" is no name"));
  CHECK_THAT(all, Catch::Contains("s.yaml:7:22: links[0].to: there is no device \"hots\""));
  CHECK_THAT(all, Catch::Contains("s.yaml:8:12: links[1].from: \"gpx*\" matches no device"));
  CHECK_THAT(all, Catch::Contains("s.yaml:9:5: links[2]: links \"gpu0\" to itself"));
}

TEST_CASE("a dangling end names the device that was probably meant", "[system]") {
  CHECK_THAT(mistakes_of(eight + "links:\n  - {from: gpu*, to: hots, link: test_wire}\n"),
             Catch::Contains("links[0].to: there is no device \"hots\". did you mean \"host\"?"));
}

TEST_CASE("patterns of different sizes do not pair up", "[system]") {
  CHECK_THAT(mistakes_of("name: s\ndevices:\n  - {name: a, count: 2, device: test_box}\n"
                         "  - {name: b, count: 3, device: test_box}\n"
                         "links:\n  - {from: a*, to: b*, link: test_wire}\n"),
             Catch::Contains("links[0]: \"a*\" matches 2 devices and \"b*\" 3"));
}

TEST_CASE("a device that nothing links to is unreachable", "[system]") {
  CHECK_THAT(
      mistakes_of(eight + "links:\n  - {from: 'gpu[01]', to: host, link: test_wire}\n"),
      Catch::Contains(
          "s.yaml:3:5: devices[0]: nothing links to \"gpu2\": what it holds cannot be reached"));
  CHECK(mistakes_of("name: s\ndevices: [{name: a, device: test_box}]\n").empty());
}

TEST_CASE("two islands are one mistake", "[system]") {
  CHECK_THAT(
      mistakes_of(
          "name: s\ndevices:\n  - {name: a, count: 2, device: test_box}\n"
          "  - {name: b, count: 2, device: test_box}\nlinks:\n"
          "  - {from: a0, to: a1, link: test_wire}\n  - {from: b0, to: b1, link: test_wire}\n"),
      Catch::Contains("devices[1]: no way leads from \"a0\" to \"b0\""));
}

TEST_CASE("what only building finds keeps its path", "[system]") {
  const SystemConfig system =
      read_system("name: s\ndevices: [{name: a, device: {kind: test_box, fails: 1}}]\n");
  try {
    build(system);
    FAIL("it was built");
  } catch (const BuildError& e) {
    CHECK(e.path == "devices[0].device.fails");
    CHECK(e.problem == "asked to");
  }
}

TEST_CASE("a system made in code is checked when it is built", "[system]") {
  SystemConfig system;
  system.name = "s";
  system.devices.push_back({"a", std::nullopt, Choice<Component>::of("test_box")});
  system.links.push_back({"a", "b", Choice<Link>::of("test_wire")});
  CHECK_THROWS_AS(build(system), BuildError);
}

TEST_CASE("every shipped system can be built", "[system][configs]") {
  int count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(TERRACE_CONFIG_DIR) + "/systems")) {
    INFO(file.path().string());
    const auto system = read_config<SystemConfig>(file.path().string());
    CHECK(system.name == file.path().stem().string());
    const auto machine = build(system);
    CHECK_FALSE(machine->devices_of("gpu").empty());
    for (std::size_t i = 1; i < machine->devices().size(); ++i)
      CHECK(machine->reachable(0, static_cast<DeviceId>(i)));
    ++count;
  }
  CHECK(count >= 14);
}
