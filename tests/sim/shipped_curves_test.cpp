// The service curves that come with the program are what it measures now, and every device that
// comes with it has one.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <regex>

#include "sim/curve_store.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace fs = std::filesystem;

namespace {

const fs::path configs = TERRACE_CONFIG_DIR;

std::vector<fs::path> files(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ending) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> lines(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

// Every n-th point of each file, another one for each file.
void hold(std::size_t n) {
  std::size_t checked = 0, number = 0;
  for (const fs::path& file : files(configs / "curves", ".csv")) {
    const std::vector<std::string> text = lines(file);
    INFO(file << ", made by scripts/curves");
    REQUIRE(text.size() > 5);
    const std::string device = text[2].substr(std::string("# device ").size());
    CHECK(text[1] == "# key " + CurveStore::key_of(device));
    const auto choice = chosen<BurstDevice>(device);
    const auto make = [&] { return choice.make({"shipped", 1}); };
    const std::vector<CurvePoint> asked = ServiceCurve::questions(*make());
    REQUIRE(text.size() == asked.size() + 5);
    for (std::size_t i = number++ % n; i < asked.size(); i += n, ++checked)
      CHECK(ServiceCurve::line_of(ServiceCurve::measure(make, asked[i])) == text[i + 5]);
  }
  CHECK(checked > 0);
}

}  // namespace

TEST_CASE("points of every shipped service curve are what the device gives now", "[curves]") {
  hold(29);
}

TEST_CASE("all points of every shipped service curve are what the device gives now",
          "[curves][long][.]") {
  hold(1);
}

TEST_CASE("every shipped memory, link and drive has its service curve beside it",
          "[curves][configs]") {
  int devices = 0;
  for (const char* folder : {"gpu", "host", "flash", "dram", "link"})
    for (const fs::path& file : files(configs / folder, ".yaml")) {
      const std::string name = fs::relative(file, configs).string();
      const std::vector<std::string> text = lines(file);
      const auto is = [&](const char* kind) {
        return std::find_if(text.begin(), text.end(), [&](const std::string& line) {
                 return line.rfind(std::string("kind: ") + kind, 0) == 0;
               }) != text.end();
      };
      if (name.find("_burst") == std::string::npos &&
          std::find_if(text.begin(), text.end(), [](const std::string& line) {
            return line.rfind("packets:", 0) == 0 || line.rfind("lines:", 0) == 0;
          }) != text.end()) {
        Machine machine;
        add_gpu(machine, "device");
        add_gpu(machine, "host");
        join(machine, 0, 1, name);
        ++devices;
        continue;
      }
      if (!is("host") && !is("cxl_memory") && !is("nvme_ssd") &&
          !(is("gpu") && name.find("arch/") == std::string::npos))
        continue;
      Machine machine;
      add(machine, "part", name);
      ++devices;
    }
  CHECK(devices >= 20);
  for (const auto& entry : CurveStore::instance().used()) {
    INFO(entry->name << ": " << entry->file);
    CHECK(!entry->measured);
    CHECK(fs::path(entry->file).parent_path().filename() == "curves");
    CHECK(fs::path(entry->file).parent_path().parent_path().filename() == "configs");
  }
  CHECK(CurveStore::instance().used().size() > 10);
}

TEST_CASE("no config types an efficiency by hand", "[configs]") {
  // Fitted to measured operator tables, and what a vendor's library reckons with: each beside its
  // source.
  const std::regex allowed(
      "^gpu/arch/[a-z]+\\.yaml: +memory_efficiency: [0-9.]+ +# F.*|"
      "^systems/h[12]00[a-z_]*_x8\\.yaml: +efficiency: 0\\.85 # NVIDIA/nccl "
      "src/graph/tuning\\.cc.*");
  const std::regex typed(".*efficiency *:.*");
  int seen = 0;
  for (const fs::path& file : files(configs, ".yaml"))
    for (const std::string& line : lines(file)) {
      ++seen;
      const std::string at = fs::relative(file, configs).string() + ": " + line;
      INFO(at);
      CHECK((!std::regex_match(line, typed) || std::regex_match(at, allowed)));
    }
  CHECK(seen > 1000);
}
