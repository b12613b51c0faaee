// What holds for every preset in configs/kv, whatever its members: found, not listed.
#include <catch2/catch.hpp>

#include "sim/config.h"
#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

// Every budget of the preset at all tokens, by the keys of a budget's size.
KvPolicy at_full_budget(const std::string& name) {
  Mistakes mistakes;
  Node root = load_config(std::string(TERRACE_CONFIG_DIR) + "/kv/" + name + ".yaml", mistakes);
  for (const char* which : {"budget", "place"})
    if (Node* node = root.find(which); node != nullptr && node->find("share") != nullptr)
      node->put("share", Node::scalar("1"));
  if (Node* codec = root.find("codec"); codec != nullptr) *codec = Node::scalar("none");
  mistakes.raise();
  Reader reader(mistakes);
  KvPolicy policy = read<KvPolicy>(root, reader);
  mistakes.raise();
  return policy;
}

}  // namespace

TEST_CASE(
    "every preset keeps to its budget and its protected tokens, prompt at once or in chunks") {
  const RandomTrace trace(21, {192, 4, 4, 2, 32, 64, true});
  for (const std::string& name : preset_names()) {
    INFO(name);
    const KvPolicy policy = preset(name);
    REQUIRE(!policy.paper.empty());
    Walk how;
    how.prompt = 160;
    how.calibration = &trace;
    require_sound(policy, trace, how);
    how.chunk = 48;
    require_sound(policy, trace, how);
  }
}

TEST_CASE("every preset at a budget of 100 % and without a codec is the full cache, bit for bit") {
  const RandomTrace trace(22, {96, 3, 6, 2, 32, 64, true});
  for (const std::string& name : preset_names()) {
    INFO(name);
    Walk how;
    how.calibration = &trace;
    require_identity(at_full_budget(name), trace, how);
  }
}

TEST_CASE("a preset that selects reads the full cache at a share of 1, bit for bit") {
  const RandomTrace trace(24, {96, 4, 6, 2, 32, 64, true});
  int selecting = 0;
  for (const std::string& name : preset_names()) {
    Mistakes mistakes;
    Node root = load_config(std::string(TERRACE_CONFIG_DIR) + "/kv/" + name + ".yaml", mistakes);
    mistakes.raise();
    Node* place = root.find("place");
    if (place == nullptr || place->find("share") == nullptr) continue;
    INFO(name);
    ++selecting;
    Node all = Node::mapping(place->place());
    all.put("place", *place);
    all.find("place")->put("share", Node::scalar("1"));
    Reader reader(mistakes);
    const KvPolicy policy = read<KvPolicy>(all, reader);
    mistakes.raise();
    Walk how;
    how.calibration = &trace;
    require_identity(policy, trace, how);
  }
  REQUIRE(selecting >= 14);
}

TEST_CASE("every preset says the same thing when it is written and read again") {
  for (const std::string& name : preset_names()) {
    const std::string once = one_line(write_node(preset(name)));
    INFO(name << ": " << once);
    REQUIRE(one_line(write_node(policy_of(once))) == once);
  }
}

TEST_CASE("the same seed keeps the same tokens") {
  const RandomTrace trace(23, {96, 2, 4, 2, 32, 64, true});
  for (const std::string& name : preset_names()) {
    std::vector<std::vector<std::int32_t>> kept;
    for (int run = 0; run < 2; ++run) {
      Walk how;
      how.calibration = &trace;
      walk(preset(name), trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
        kept.push_back(cache.head(1, 1).positions());
      });
    }
    INFO(name);
    REQUIRE(std::equal(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(kept.size() / 2),
                       kept.begin() + static_cast<std::ptrdiff_t>(kept.size() / 2)));
  }
}

}  // namespace terrace
