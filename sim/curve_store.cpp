// Looking up, measuring and keeping service curves.
#include "sim/curve_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/scenario.h"
#include "sim/version.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

// Raised with any change of a burst-level model or of how curves are measured: a test holds the
// shipped curves to what is measured now.
constexpr int revision = 1;

std::string own_directory() {
  if (const char* given = std::getenv("TERRACE_CURVES")) return given;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return (fs::path(cache) / "terrace/curves").string();
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return (fs::path(home) / ".cache/terrace/curves").string();
  return "";
}

std::string file_name(const std::string& key) { return key.substr(0, 16) + ".csv"; }

}  // namespace

CurveStore& CurveStore::instance() {
  static CurveStore store;
  return store;
}

std::string CurveStore::key_of(const std::string& config) {
  return sha1_hex(fmt::format("curve {} {}", revision, config));
}

std::string CurveStore::text_of(const Entry& e) {
  std::ostringstream out;
  out << "# What " << e.name << " achieves at burst level, by access pattern: terrace calibrate\n"
      << "# key " << e.key << "\n# device " << e.config << "\n";
  e.curve.write(out);
  return out.str();
}

std::shared_ptr<CurveStore::Entry> CurveStore::find(const std::string& key) const {
  std::vector<std::string> directories = config_search_path();
  for (std::string& each : directories) each += "/curves";
  directories.push_back(own_directory());
  for (const std::string& directory : directories) {
    if (directory.empty()) continue;
    const std::string path = (fs::path(directory) / file_name(key)).string();
    std::ifstream in(path);
    if (!in) continue;
    std::string first, second;
    std::getline(in, first);
    std::getline(in, second);
    if (second != "# key " + key) continue;  // another device with the same beginning
    auto entry = std::make_shared<Entry>();
    try {
      entry->curve = ServiceCurve::read(in, path);
    } catch (const std::runtime_error& error) {
      if (hooks_.warn) hooks_.warn(std::string(error.what()) + "; measured again");
      continue;
    }
    entry->file = path;
    return entry;
  }
  return nullptr;
}

// Whole or not at all: several processes may measure the same device.
void CurveStore::keep(Entry& entry) {
  const std::string directory = directory_.empty() ? own_directory() : directory_;
  if (directory.empty()) return;
  std::error_code error;
  fs::create_directories(directory, error);
  const fs::path file = fs::path(directory) / file_name(entry.key);
  const fs::path draft = file.string() + fmt::format(".{}", ::getpid());
  {
    std::ofstream out(draft);
    out << text_of(entry);
    out.close();
    if (!out) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(draft, file, error);
  if (!error) {
    entry.file = file.string();
    return;
  }
  std::error_code ignored;
  fs::remove(draft, ignored);
  if (hooks_.warn)
    hooks_.warn(
        fmt::format("the service curve of {} cannot be kept in {}, and will be measured "
                    "again next time",
                    entry.name, directory));
}

std::shared_ptr<const ServiceCurve> CurveStore::curve(const Choice<BurstDevice>& device,
                                                      const std::string& name) {
  const std::string config = write(device).dump();
  const std::string key = key_of(config);
  for (const auto& known : used_)
    if (known->key == key) return {known, &known->curve};
  std::shared_ptr<Entry> entry = again_ ? nullptr : find(key);
  if (entry == nullptr) {
    entry = std::make_shared<Entry>();
    entry->measured = true;
    entry->curve = ServiceCurve::measure(
        [&] {
          return device.make({name, 1});
        },
        [&](std::size_t done, std::size_t all) {
          if (hooks_.progress) hooks_.progress(name, done, all);
        });
  }
  entry->name = name;
  entry->device = device;
  entry->config = config;
  entry->key = key;
  if (entry->measured) keep(*entry);
  used_.push_back(entry);
  return {entry, &entry->curve};
}

}  // namespace terrace
