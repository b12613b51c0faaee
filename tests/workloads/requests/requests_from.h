// Request sources for tests: from YAML, from the text of a trace, and drained to the end.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "sim/registry.h"
#include "workloads/requests/request_source.h"

namespace terrace::test {

template <class Family>
struct Holder {
  Choice<Family> chosen;
  static void fields(Schema<Holder>& s) {
    s.field("x", &Holder::chosen, "what is tested").required();
  }
};

// A member of a family as YAML says it, in flow style. Throws ConfigError or BuildError.
template <class Family>
std::unique_ptr<Family> from_yaml(const std::string& yaml, typename Family::Context context = {}) {
  Mistakes mistakes;
  const Node node = parse_config("x: " + yaml, "test.yaml", mistakes);
  Reader reader(mistakes);
  const auto holder = read<Holder<Family>>(node, reader);
  mistakes.raise();
  return holder.chosen.make(context);
}

inline std::unique_ptr<RequestSource> source(const std::string& yaml, std::uint64_t seed = 1) {
  return from_yaml<RequestSource>(yaml, {seed});
}

// A file that lives as long as this, named trace.csv or the like in a directory of its own.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "terrace_XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / name;
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }
  std::string directory() const { return directory_.string() + "/"; }

 private:
  std::filesystem::path directory_, path_;
};

inline std::unique_ptr<RequestSource> trace(const std::string& kind, const std::string& text,
                                            const std::string& more = "") {
  const TemporaryFile file("trace", text);
  return source("{kind: " + kind + ", file: " + file.path() + more + "}");
}

// Every request, each popped when it arrives and completed `service` later.
inline std::vector<Request> drain(RequestSource& source, Time service = Time()) {
  std::vector<Request> all;
  std::vector<std::pair<Time, std::int64_t>> running;
  while (!source.exhausted() || !running.empty()) {
    const bool arrival = running.empty() || source.next_arrival() <= running.front().first;
    if (arrival) {
      all.push_back(*source.pop(source.next_arrival()));
      running.emplace_back(all.back().arrival + service, all.back().id);
    } else {
      source.completed(running.front().second, running.front().first);
      running.erase(running.begin());
    }
  }
  return all;
}

// The data beside the project, or "" where the whole of ../shared is absent.
inline std::string shared_data() {
  const char* set = std::getenv("TERRACE_SHARED");
#ifdef TERRACE_SOURCE_DIR
  const std::filesystem::path beside =
      std::filesystem::path(TERRACE_SOURCE_DIR).parent_path() / "shared";
#else
  const std::filesystem::path beside = "../shared";
#endif
  const std::filesystem::path root = set != nullptr ? set : beside;
  return std::filesystem::exists(root) ? (root / "data/").string() : "";
}

inline bool shared_is_absent() {
  if (!shared_data().empty()) return false;
  WARN("skipped: there is no ../shared");
  return true;
}

}  // namespace terrace::test
