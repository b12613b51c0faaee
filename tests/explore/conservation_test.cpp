// Nothing is lost and nothing is made: laws that every record must keep, whatever the scenario.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/explore/runs.h"

namespace terrace::tests {
namespace {

bool begins(const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; }
bool ends(const std::string& text, const std::string& with) {
  return text.size() >= with.size() &&
         text.compare(text.size() - with.size(), with.size(), with) == 0;
}

struct Run {
  Json record;
  std::map<std::string, double> stats;

  explicit Run(const std::string& text) : record(Json::parse(text)) {
    for (const Json& s : record["stats"]) stats[s["name"]] = s["value"];
  }
  double stat(const std::string& name) const {
    INFO("no statistic " << name);
    REQUIRE(stats.count(name) == 1);
    return stats.at(name);
  }
  double seconds() const { return record["simulated_seconds"]; }
};

void check_near(const std::string& what, double is, double should, double tolerance) {
  const double scale = std::max(std::abs(should), 1e-12);
  INFO(what << ": " << is << ", should be " << should << "; deviation "
            << (is - should) / scale * 100 << " %");
  CHECK(std::abs(is - should) <= tolerance * scale);
}

void check_shares_and_loads(const Run& run) {
  double fractions = 0, seconds = 0;
  for (const Json& share : run.record["shares"]) {
    INFO(share.dump());
    CHECK(share["fraction"].get<double>() >= 0);
    fractions += share["fraction"].get<double>();
    seconds += share["seconds"].get<double>();
  }
  CHECK(std::abs(fractions - 1) <= 1e-9);
  CHECK(seconds > 0);
  int loads = 0;
  for (const auto& [name, value] : run.stats) {
    if (!ends(name, ".utilisation") && !ends(name, ".busy_fraction")) continue;
    INFO(name << " = " << value);
    CHECK(value >= 0);
    CHECK(value <= 1 + 1e-12);
    ++loads;
  }
  CHECK(loads > 4);
}

void check_rooflines(const Run& run) {
  double moved = 0;
  for (const Json& op : run.record["ops"]) {
    INFO(op.dump());
    CHECK(op["bound_seconds"].get<double>() <= op["seconds"].get<double>() * (1 + 1e-9));
    CHECK(op["count"].get<std::int64_t>() > 0);
    moved += op["read_bytes"].get<double>() + op["written_bytes"].get<double>();
  }
  CHECK(moved > 0);
}

void check_energy(const Run& run) {
  double sum = 0;
  for (const auto& [name, value] : run.stats)
    if (begins(name, "energy.") && name != "energy.total" && name != "energy.per_output_token")
      sum += value;
  check_near("energy of devices and links", sum, run.stat("energy.total"), 1e-9);
  check_near("mean power x time", run.stat("power.mean") * run.seconds(), run.stat("energy.total"),
             1e-9);
  check_near("energy per token x tokens",
             run.stat("energy.per_output_token") * run.stat("tokens.output"),
             run.stat("energy.total"), 1e-9);
}

void check_requests(const Run& run) {
  CHECK(run.stat("requests.completed") == run.stat("requests.count"));
  const Json& requests = run.record["requests"];
  if (requests.empty()) return;
  CHECK(static_cast<double>(requests.size()) == run.stat("requests.count"));
  double input = 0, output = 0, cached = 0, last = 0;
  for (const Json& r : requests) {
    INFO(r.dump());
    CHECK(r["scheduled"].get<double>() >= r["arrival"].get<double>());
    CHECK(r["first_token"].get<double>() > r["scheduled"].get<double>());
    CHECK(r["finished"].get<double>() >= r["first_token"].get<double>());
    CHECK(r["finished"].get<double>() <= run.seconds());
    CHECK(r["cached_tokens"].get<double>() < r["input_tokens"].get<double>());
    CHECK(r["output_tokens"].get<double>() >= 1);
    input += r["input_tokens"].get<double>();
    output += r["output_tokens"].get<double>();
    cached += r["cached_tokens"].get<double>();
    last = std::max(last, r["finished"].get<double>());
  }
  CHECK(input == run.stat("tokens.input"));
  CHECK(output == run.stat("tokens.output"));
  double reused = 0;
  for (const auto& [name, value] : run.stats)
    if (begins(name, "kv.tokens_reused.")) reused += value;
  CHECK(cached == reused);
}

// Little: number = rate x time. The record integrates the number over the makespan; the times and
// the rate here come from the rows of the requests.
void check_little(const Run& run) {
  const Json& requests = run.record["requests"];
  if (requests.empty()) return;
  double wait = 0, stay = 0;
  for (const Json& r : requests) {
    wait += r["scheduled"].get<double>() - r["arrival"].get<double>();
    stay += r["finished"].get<double>() - r["arrival"].get<double>();
  }
  const double n = static_cast<double>(requests.size()), rate = n / run.stat("makespan");
  if (run.stat("preemptions") == 0)
    check_near("mean number waiting against rate x wait", run.stat("queue.mean_waiting"),
               rate * (wait / n), 0.01);
  check_near("mean number waiting against the record's own rate x wait",
             run.stat("queue.mean_waiting"),
             run.stat("queue.arrival_rate") * run.stat("queue.mean_wait"), 0.01);
  check_near("mean number present against rate x stay",
             run.stat("queue.mean_waiting") + run.stat("queue.mean_running"), rate * (stay / n),
             0.01);
}

// Kirchhoff's law at every device: what links bring and memories give is what links take away and
// memories keep, but for what a GPU's or CPU's own ops read and write.
void check_bytes(const Run& run) {
  struct Node {
    double in = 0, out = 0, read = 0, written = 0;
    bool memory = false;
  };
  std::map<std::string, Node> nodes;
  for (const auto& [name, value] : run.stats) {
    const std::string head = "resource.", middle = ".to_", tail = ".moved";
    const std::size_t at = name.find(middle);
    if (!begins(name, head) || !ends(name, tail) || at == std::string::npos) continue;
    const std::size_t to = at + middle.size();
    nodes[name.substr(head.size(), at - head.size())].out += value;
    nodes[name.substr(to, name.size() - tail.size() - to)].in += value;
  }
  for (const Json& t : run.record["tiers"]) {
    INFO(t.dump());
    CHECK(t["peak_bytes"].get<double>() <= t["capacity_bytes"].get<double>());
    const std::string tier = t["tier"], device = tier.substr(0, tier.find('.'));
    Node& node = nodes[device];
    node.memory = true;
    node.read += t["read_bytes"].get<double>();
    node.written += t["written_bytes"].get<double>();
    if (ends(tier, ".hbm")) continue;  // a cache lies before it
    CHECK(node.read + node.written == run.stat("resource." + tier + ".moved"));
  }
  for (const Json& op : run.record["ops"])
    if (op["label"] == "host_attention") nodes["host"].read -= op["read_bytes"].get<double>();
  for (const auto& [name, node] : nodes) {
    INFO(fmt::format("{}: in {:.0f}, out {:.0f}, read {:.0f}, written {:.0f} B", name, node.in,
                     node.out, node.read, node.written));
    if (begins(name, "gpu")) {
      if (nodes.count("nvswitch") != 0) continue;  // partners' partial sums are used on arrival
      CHECK(node.written >= node.in);
      CHECK(node.read >= node.out);
    } else if (name == "host" || !node.memory) {
      CHECK(node.in + node.read == node.out + node.written);
    } else {
      CHECK(node.in == node.written);
      CHECK(node.out == node.read);
    }
  }
}

Run check_laws(const std::string& scenario, const Words& sets) {
  Run run(record_text(scenario, sets));
  check_shares_and_loads(run);
  check_rooflines(run);
  check_energy(run);
  check_requests(run);
  check_little(run);
  check_bytes(run);
  return run;
}

bool worked(const Run& run, const std::string& resource) {
  return run.stat("resource." + resource + ".moved") > 0;
}

}  // namespace

TEST_CASE("A chat service on one GPU keeps every law of conservation", "[explore][conservation]") {
  check_laws("chat_h100.yaml", {"workload.requests.count=60"});
}

TEST_CASE("A queue that builds up in front of a full batch keeps Little's law",
          "[explore][conservation]") {
  const Run run =
      check_laws("chat_h100.yaml", {"workload.requests.count=80", "workload.engine.max_num_seqs=8",
                                    "workload.requests.arrival.rate=200/s"});
  CHECK(run.stat("queue.mean_waiting") > 8);
}

TEST_CASE("A service that preempts for want of KV blocks keeps every law of conservation",
          "[explore][conservation]") {
  const Words tight = {"workload.requests.count=80", "workload.requests.arrival.rate=400/s",
                       "workload.engine.max_model_len=8192",
                       "workload.engine.gpu_memory_utilization=0.23"};
  const Run again = check_laws("chat_h100.yaml", tight);
  CHECK(again.stat("preemptions") > 0);
  const Run swapped = check_laws(
      "chat_h100.yaml", joined(tight, {"workload.engine.preemption=swap",
                                       "workload.engine.swap={tier: host.dram, capacity: 32GiB}"}));
  CHECK(swapped.stat("preemptions.swapped") > 0);
  CHECK(worked(swapped, "gpu0.to_host"));
}

TEST_CASE("KV that spills down to host, CXL and SSD arrives there byte for byte",
          "[explore][conservation]") {
  const Run run = check_laws(
      "memory_h100.yaml",
      {"workload.requests.count=16", "system=systems/h100_tiers.yaml",
       "workload.requests.arrival.rate=4/s", "workload.requests.think.mean=1s",
       "workload.engine.max_num_seqs=16", "workload.engine.gpu_memory_utilization=0.5",
       "workload.kv.tiers=[{tier: host.dram, capacity: 4GiB}, {tier: cxl.dram, capacity: 4GiB}, "
       "{tier: ssd.flash, capacity: 1TiB}]"});
  for (const char* link : {"gpu0.to_host", "host.to_gpu0", "host.to_cxl", "cxl.to_host",
                           "host.to_ssd", "ssd.to_host"}) {
    INFO(link);
    CHECK(worked(run, link));
  }
}

TEST_CASE("FlexGen's offloading moves between GPU, host and disk what it says",
          "[explore][conservation]") {
  const Run host = check_laws("flexgen_opt30b.yaml", {"workload.output_tokens=4"});
  CHECK(worked(host, "host.to_gpu0"));
  const Run disk = check_laws("flexgen_opt30b.yaml",
                              {"workload.output_tokens=3", "workload.weights_host=40",
                               "workload.cache_host=50", "workload.host_attention=false"});
  CHECK(worked(disk, "ssd.to_host"));
  CHECK(worked(disk, "host.to_ssd"));
}

TEST_CASE("Weights kept in host memory cross the link as often as they are read",
          "[explore][conservation]") {
  const Run run = check_laws(
      "chat_h100.yaml",
      {"workload.requests.count=6", "workload.weights.outside=[{tier: host.dram, fraction: 0.3}]"});
  CHECK(worked(run, "host.to_gpu0"));
}

TEST_CASE("Eight GPUs as two replicas of four keep every law of conservation",
          "[explore][conservation]") {
  const Run run =
      check_laws("azure_a100.yaml", {"workload.requests={kind: synthetic, arrival: {kind: poisson, "
                                     "rate: 4/s}, lengths: azure_conv, count: 12}"});
  CHECK(worked(run, "gpu7.to_nvswitch"));
}

TEST_CASE("A mixture of experts spread over GPUs keeps every law of conservation",
          "[explore][conservation]") {
  const Run run =
      check_laws("chat_h100.yaml", {"workload.requests.count=12", "system=systems/h100_sxm_x8.yaml",
                                    "workload.model=llm/qwen3-30b-a3b.yaml",
                                    "workload.parallel={tp: 2, dp: 2, expert_parallel: true}"});
  CHECK(worked(run, "gpu3.to_nvswitch"));
}

TEST_CASE("Multi-head latent attention keeps every law of conservation",
          "[explore][conservation]") {
  check_laws("chat_h100.yaml",
             {"workload.requests.count=30", "workload.model=llm/deepseek-v2-lite.yaml"});
}

TEST_CASE("Two pipeline stages keep every law of conservation", "[explore][conservation]") {
  const Run two =
      check_laws("chat_h100.yaml", {"workload.requests.count=30", "system=systems/h100_sxm_x8.yaml",
                                    "workload.parallel={pp: 2}"});
  CHECK(two.stat("resource.gpu0.to_nvswitch.moved") == two.stat("resource.nvswitch.to_gpu1.moved"));
  check_laws("chat_h100.yaml", {"workload.requests.count=16", "system=systems/h100_sxm_x8.yaml",
                                "workload.parallel={tp: 2, pp: 2, dp: 2}"});
}

}  // namespace terrace::tests
