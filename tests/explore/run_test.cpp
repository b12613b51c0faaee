// What `terrace run` and the commands that ask leave on the screen, on disk and as exit code.
#include <algorithm>
#include <map>
#include <set>

#include "tests/explore/runs.h"
#include "tests/results/sample_record.h"

namespace terrace::tests {
namespace {

const std::string scenario = "configs/scenarios/chat_h100.yaml";
const Words small = {"workload.requests.count=6"};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Outcome run_well(const Words& words) {
  Outcome outcome = run_program(words);
  INFO(words.front() << ": " << outcome.errors);
  REQUIRE(outcome.code == 0);
  return outcome;
}

std::string database_with_runs(const TemporaryFolder& folder) {
  const std::string file = folder.file("runs.db");
  for (const char* seed : {"seed=1", "seed=2"})
    run_well(joined({"run", scenario, "-q", "--db", file}, set_words(joined(small, {seed}))));
  return file;
}

std::string runs_in(const std::string& database) {
  const Outcome answer =
      run_well({"query", "SELECT count(*) AS n FROM run", "--format", "json", "--db", database});
  return Json::parse(answer.output).at(0).at("n").dump();
}

}  // namespace

TEST_CASE("The report leads with throughput, latency and where the time went", "[explore][run]") {
  const Outcome run = run_well(joined({"run", scenario, "--no-store"}, set_words(small)));
  CHECK(lines_of(run.output).front() == "chat_h100");
  for (const char* said :
       {"requests    6 of 6 completed", "throughput", "requests/s", "output tokens/s", "goodput",
        "TTFT", "TPOT", "p50", "p90", "p99", "Where the time went", "100.0 %", "gpu0.compute",
        "gpu0.hbm", "per million output tokens", "J per output token"}) {
    INFO(said << " in\n" << run.output);
    CHECK(has(run.output, said));
  }
}

TEST_CASE("A trace is JSON with engines, links and requests, one op at a time on an engine",
          "[explore][run][trace]") {
  TemporaryFolder folder;
  const std::string file = folder.file("trace.json");
  run_well(
      joined({"run", "configs/scenarios/flexgen_opt30b.yaml", "--no-store", "-q", "--trace", file},
             set_words({"workload.output_tokens=2", "workload.batches=1"})));
  const std::string chat = folder.file("chat.json");
  run_well(joined({"run", scenario, "--no-store", "-q", "--trace", chat},
                  set_words({"workload.requests.count=2",
                             "workload.requests.lengths={kind: fixed, input: 100, output: 3}"})));
  for (const std::string& each : {file, chat}) {
    const Json trace = Json::parse(text_in(each));
    std::map<std::int64_t, std::string> processes;
    std::set<std::string> threads;
    for (const Json& e : trace["traceEvents"]) {
      if (e["name"] == "process_name") processes[e["pid"]] = e["args"]["name"];
      if (e["name"] == "thread_name") threads.insert(e["args"]["name"].get<std::string>());
    }
    CHECK(threads.count("gpu0.compute") == 1);
    CHECK(threads.count("host.to_gpu0") == 1);
    struct Span {
      double start, end;
      std::string name;
    };
    std::map<std::pair<std::string, std::int64_t>, std::vector<Span>> spans;
    std::map<std::string, int> events;
    for (const Json& e : trace["traceEvents"]) {
      if (e["ph"] != "X") continue;
      const std::string process = processes.at(e["pid"]);
      const double start = e["ts"], length = e["dur"];
      if (start < 0 || length < 0) FAIL_CHECK(e.dump());
      ++events[process];
      spans[{process, e["tid"]}].push_back({start, start + length, e["name"]});
    }
    CHECK(events["engines"] > 100);
    CHECK(events["links and memories"] > 100);
    if (each == chat) CHECK(events["requests"] >= 4);
    int overlaps = 0;
    for (auto& [where, list] : spans) {
      if (where.first != "engines" && where.first != "requests") continue;
      std::sort(list.begin(), list.end(), [](const Span& a, const Span& b) {
        return a.start != b.start ? a.start < b.start : a.end < b.end;
      });
      for (std::size_t i = 1; i < list.size(); ++i)
        if (list[i].start < list[i - 1].end - 3e-6 && ++overlaps < 4)  // 3 ps: rounded in print
          FAIL_CHECK(where.first << " " << where.second << ": " << list[i].name << " at "
                                 << list[i].start << " us begins before " << list[i - 1].name
                                 << " ends");
    }
    CHECK(overlaps == 0);
  }
}

TEST_CASE("A full disk under the trace or the record is one clear line", "[explore][run]") {
  const Outcome trace =
      run_program(joined({"run", scenario, "--no-store", "-q", "--trace", "/dev/full"},
                         set_words({"workload.requests.count=2"})));
  CHECK(trace.code == 1);
  REQUIRE(lines_of(trace.errors).size() == 1);
  CHECK(has(trace.errors, "/dev/full"));
  CHECK(has(trace.errors, "disk full"));
  const Outcome nowhere =
      run_program({"run", scenario, "--no-store", "-q", "--trace", "/no/where"});
  CHECK(nowhere.code == 1);
  REQUIRE(lines_of(nowhere.errors).size() == 1);
  CHECK(has(nowhere.errors, "cannot write /no/where"));
}

TEST_CASE("SIGINT during a run stores nothing and exits 130", "[explore][run]") {
  TemporaryFolder folder;
  const std::string file = folder.file("none.db"), trace = folder.file("trace.json");
  const Outcome run =
      run_program(joined({"run", scenario, "-q", "--db", file, "--trace", trace},
                         set_words({"workload.requests.count=100000"})),
                  [&] {
                    return signal_when(SIGINT, [&] {  // the trace grows once the run is under way
                      std::error_code ignored;
                      const auto size = std::filesystem::file_size(trace, ignored);
                      return !ignored && size > 1'000'000;
                    });
                  });
  CHECK(run.code == 130);
  CHECK(lines_of(run.errors) == Words{"terrace: interrupted; nothing of this run was stored"});
  CHECK(runs_in(file) == "0");
}

TEST_CASE("Exit codes tell wrong input from trouble", "[explore][run]") {
  TemporaryFolder folder;
  const std::string no_file = folder.file("absent.db");
  const std::vector<std::pair<Words, int>> cases = {
      {{"--version"}, 0},
      {{"--help"}, 0},
      {{"run", "--help"}, 0},
      {{}, 2},
      {{"run"}, 2},
      {{"rnu", scenario}, 2},
      {{"run", "absent.yaml"}, 2},
      {{"run", scenario, "--sett", "a=b"}, 2},
      {{"run", scenario, "--set", "seeed=1"}, 2},
      {{"list", "nothing"}, 2},
      {{"list", "component", "nothing"}, 2},
      {{"show", "1", "--db", no_file}, 1},
      {{"query", "SELECT 1", "--db", no_file}, 1},
      {{"run", scenario, "-q", "--db", folder.path()}, 1},
  };
  for (const auto& [words, code] : cases) {
    std::string line = "terrace";
    for (const std::string& word : words) line += " " + word;
    const Outcome outcome = run_program(words);
    INFO(line << "\n" << outcome.errors);
    CHECK(outcome.code == code);
    CHECK(outcome.errors.empty() == (code == 0));
    CHECK(outcome.output.empty() == (code != 0));
  }
  CHECK(!std::filesystem::exists(no_file));
}

TEST_CASE("Two scenarios in one command are two runs, and a wrong one does not stop the other",
          "[explore][run]") {
  TemporaryFolder folder;
  const std::string file = folder.file("two.db");
  const Outcome both = run_program(
      joined({"run", "tests/bad_configs/unknown_key.yaml", scenario, "-q", "--db", file},
             set_words(small)));
  CHECK(both.code == 2);
  CHECK(runs_in(file) == "1");
}

TEST_CASE("explain tells budget and roofline without running", "[explore][explain]") {
  for (const char* name : {"chat_h100", "memory_h100", "flexgen_opt30b"}) {
    const Outcome page = run_well({"explain", "configs/scenarios/" + std::string(name) + ".yaml"});
    for (const char* said : {name, "Memories", "Resources", "FLOP", "least time", "hbm"}) {
      INFO(said << " in\n" << page.output);
      CHECK(has(page.output, said));
    }
  }
  const Outcome canonical = run_well({"explain", scenario, "--canonical"});
  const Json tree = Json::parse(canonical.output);
  CHECK(tree["workload"]["kind"] == "serving");
}

TEST_CASE("Every family and every member of it can be listed with its keys", "[explore][list]") {
  const Outcome all = run_well({"list", "--markdown"});
  int families = 0, members = 0;
  for (const std::string& line : lines_of(all.output)) {
    std::vector<std::string> cells;
    for (std::size_t from = 1; line.rfind("| ", 0) == 0 && from < line.size();) {
      const std::size_t to = std::min(line.find('|', from), line.size());
      const std::string cell = line.substr(from, to - from);
      const std::size_t first = cell.find_first_not_of(' ');
      cells.push_back(first == std::string::npos
                          ? ""
                          : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
      from = to + 1;
    }
    if (cells.size() < 3 || cells[0] == "family" || has(cells[0], "-")) continue;
    ++families;
    const Outcome family = run_well({"list", cells[0]});
    std::string names = cells[1] + ", ";
    for (std::size_t at; (at = names.find(", ")) != std::string::npos; names.erase(0, at + 2)) {
      const std::string member = names.substr(0, at);
      INFO(cells[0] << " " << member);
      CHECK(has(family.output, member));
      CHECK(has(run_well({"list", cells[0], member}).output, member + ": "));
      ++members;
    }
  }
  CHECK(families >= 9);
  CHECK(members >= 30);
  for (const char* kind : {"scenario", "space"})
    CHECK(has(run_well({"list", kind}).output, "meaning"));
}

TEST_CASE("The JSON Schema knows every key at the top of the shipped scenarios and spaces",
          "[explore][schema]") {
  for (const std::string& kind : {std::string("scenario"), std::string("space")}) {
    const Json schema = Json::parse(run_well({"schema", kind}).output);
    // $ref, allOf and anyOf followed down to the properties of the top.
    std::set<std::string> known;
    const std::function<void(const Json&)> collect = [&](const Json& at) {
      if (at.contains("properties"))
        for (const auto& item : at["properties"].items()) known.insert(item.key());
      for (const char* group : {"allOf", "anyOf", "oneOf"})
        if (at.contains(group))
          for (const Json& each : at[group]) collect(each);
      if (at.contains("$ref"))
        collect(schema.at(Json::json_pointer(at["$ref"].get<std::string>().substr(1))));
    };
    collect(schema);
    CHECK(known.count("name") == 1);
    int files = 0;
    const std::string folder = std::string(TERRACE_SOURCE_DIR) + "/configs/" + kind + "s";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".yaml") continue;
      ++files;
      for (const std::string& line : lines_of(text_in(entry.path().string()))) {
        if (line.empty() || has(" #-}]", line.substr(0, 1))) continue;
        const std::string key = line.substr(0, line.find(':'));
        INFO(entry.path() << ": " << key);
        CHECK(known.count(key) == 1);
      }
    }
    CHECK(files >= 3);
  }
}

TEST_CASE("show, query and compare answer about stored runs in every format", "[explore][query]") {
  TemporaryFolder folder;
  const std::string db = database_with_runs(folder);
  const auto ask = [&](Words words) {
    return run_well(joined(std::move(words), {"--db", db})).output;
  };
  const Json record = Json::parse(ask({"show", "1", "--json"}));
  CHECK(record["seed"] == 1);
  CHECK(record["requests"].size() == 6);
  CHECK(Json::parse(ask({"show", "last", "--json"}))["seed"] == 2);
  CHECK(has(ask({"show", "1"}), "Where the time went"));
  CHECK(has(ask({"show", "1", "--markdown"}), "terrace show 1"));
  const std::string hash = record["scenario_hash"];
  CHECK(Json::parse(ask({"show", hash.substr(0, 10), "--json"})) == record);

  const std::string again = folder.file("again.yaml");  // JSON is YAML
  std::ofstream(again) << ask({"show", "1", "--scenario"});
  const Outcome rerun = run_well({"run", again, "--no-store", "-q", "--json"});
  CHECK(Json::parse(rerun.output) == record);

  const std::string sql = "SELECT seed, name FROM run ORDER BY seed";
  const Json rows = Json::parse(ask({"query", sql, "--format", "json"}));
  REQUIRE(rows.size() == 2);
  CHECK(rows[1]["seed"] == 2);
  CHECK(ask({"query", sql, "--format", "csv"}) ==
        "seed,name\r\n1,chat_h100\r\n2,chat_h100\r\n");  // RFC 4180
  CHECK(has(ask({"query", sql, "--format", "markdown"}), "| chat_h100"));
  CHECK(lines_of(ask({"query", sql})).size() == 4);
  CHECK(run_program({"query", "SELECT nothing FROM run", "--db", db}).code == 2);
  CHECK(run_program({"query", "DELETE FROM run", "--db", db}).code != 0);
  CHECK(runs_in(db) == "2");

  const std::string compared = ask({"compare", "1", "2"});
  INFO(compared);
  CHECK(has(compared, "seed  1  2"));
  CHECK(has(compared, "What changed in the result"));
  CHECK(run_program({"show", "9", "--db", db}).code == 1);
}

TEST_CASE("A run is compared with a measured one request by request", "[explore][query][shared]") {
  const char* given = std::getenv("TERRACE_SHARED");
  const std::string shared =
      given != nullptr ? given : std::string(TERRACE_SOURCE_DIR) + "/../shared";
  if (!std::filesystem::exists(shared)) {
    WARN("no " << shared << ": not tested");
    return;
  }
  TemporaryFolder folder;
  const std::string db = folder.file("replay.db");
  run_well({"run", "configs/scenarios/replay_rtx4090.yaml", "-q", "--db", db});
  const Outcome compared = run_well(
      {"compare", "last",
       shared + "/data/measured/vllm_runs/rtx4090_llama-3.1-8b/vllm/requests.jsonl", "--db", db});
  INFO(compared.output);
  for (const char* said : {"TTFT", "TPOT", "makespan"}) CHECK(has(compared.output, said));
}

TEST_CASE("A Hugging Face config.json works as a model as it is", "[explore][run]") {
  TemporaryFolder folder;
  const std::string file = folder.file("config.json");
  std::ofstream(file) << R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
  "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 8,
  "num_attention_heads": 16, "num_key_value_heads": 4, "vocab_size": 32000,
  "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
  "hidden_act": "silu", "rope_theta": 10000.0, "bos_token_id": 1, "eos_token_id": 2})";
  const Words sets = {"workload.requests.count=6", "workload.model=" + file};
  const Outcome run =
      run_well(joined({"run", scenario, "--no-store", "-q", "--json"}, set_words(sets)));
  const Json record = Json::parse(run.output);
  // Embedding and head; per layer q and o, k and v, gate, up and down, two norms; the last norm;
  // and the table of rotations that vLLM keeps beside them, positions x head width; all in bf16.
  const double parameters =
      2 * 32000. * 1024 + 8 * (2 * 1024. * 1024 + 2 * 1024. * 256 + 3 * 1024. * 2816 + 2 * 1024.) +
      1024;
  const double bytes = 2 * (parameters + 32768. * 64);
  for (const Json& s : record["stats"])
    if (s["name"] == "memory.weights") {
      INFO("weights " << s["value"] << " B, by hand " << bytes);
      CHECK(s["value"].get<double>() == bytes);
    }
}

}  // namespace terrace::tests
