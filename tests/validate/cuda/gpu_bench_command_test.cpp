// The command `terrace gpu-bench`: what it says where there is no GPU, and what needs none.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/explore/program.h"
#include "validate/cuda/device.h"

using namespace terrace::tests;
namespace cuda = terrace::cuda;

namespace {

std::string why_no_gpu() {
  try {
    cuda::open_device();
  } catch (const cuda::NoGpu& none) {
    return none.what();
  }
  return "";
}

std::string fresh(const std::string& name) {
  const std::string file =
      std::filesystem::temp_directory_path() / (name + "_" + std::to_string(::getpid()));
  std::filesystem::remove(file);
  return file;
}

}  // namespace

TEST_CASE("without a GPU gpu-bench says so in a sentence, ends with 3 and writes nothing",
          "[cuda]") {
  const std::string why = why_no_gpu();
  if (why.empty()) {
    WARN("skipped: there is a GPU");
    return;
  }
  const std::string db = fresh("gpu_bench.db"), json = fresh("gpu_bench.json");
  const Outcome o = run_program({"gpu-bench", "hbm", "--db", db, "--json", json});
  CHECK(o.code == 3);
  CHECK(o.output.empty());
  CHECK(o.errors == "terrace: " + why + "\n");
  CHECK_FALSE(std::filesystem::exists(db));
  CHECK_FALSE(std::filesystem::exists(json));
  if (!cuda::compiled_with_cuda())
    CHECK(why ==
          "this program was built without CUDA; build it with -DTERRACE_CUDA=ON where nvcc is");
}

TEST_CASE("a group that does not exist is a mistake, and the near name is told", "[cuda]") {
  const Outcome o = run_program({"gpu-bench", "gathr"});
  CHECK(o.code == 2);
  CHECK(o.errors == "terrace: no group \"gathr\". did you mean \"gather\"?\n");
}

TEST_CASE("groups and cases are listed without a GPU", "[cuda]") {
  const Outcome groups = run_program({"gpu-bench", "--list"});
  CHECK(groups.code == 0);
  for (const char* group : {"hbm", "gather", "l2", "pcie", "launch", "gemm", "attention", "kv_ops"})
    CHECK_THAT(groups.output, Catch::Contains(group));
  const Outcome cases = run_program({"gpu-bench", "gather", "--list", "--quick"});
  CHECK_THAT(cases.output, Catch::Contains("gather.random run=32 bytes=536870912 cold"));
}

TEST_CASE("a prediction is written without a GPU, the same each time", "[cuda]") {
  std::string texts[2];
  for (std::string& text : texts) {
    const std::string json = fresh("gpu_prediction.json");
    const Outcome o = run_program({"gpu-bench", "hbm", "--quick", "--predict", "--system",
                                   "systems/h100_sxm_x1.yaml", "--json", json});
    INFO(o.errors);
    REQUIRE(o.code == 0);
    std::ifstream in(json);
    text.assign(std::istreambuf_iterator<char>(in), {});
    CHECK_FALSE(std::filesystem::exists(json + ".part"));
    std::filesystem::remove(json);
  }
  CHECK(texts[0] == texts[1]);
  CHECK(nlohmann::json::parse(texts[0])["system"] == "systems/h100_sxm_x1.yaml");
}

TEST_CASE("a prediction needs a machine, and a machine a prediction", "[cuda]") {
  const Outcome no_machine = run_program({"gpu-bench", "--predict"});
  CHECK(no_machine.code == 2);
  CHECK(no_machine.errors == "terrace: --predict needs --system: the machine that is asked\n");
  CHECK(run_program({"gpu-bench", "--system", "systems/h100_sxm_x1.yaml"}).code == 2);
  CHECK(run_program({"gpu-bench", "--predict", "--system", "systems/none.yaml"}).code == 2);
}

TEST_CASE("a measurement is laid beside a prediction without a GPU", "[cuda]") {
  const std::string measured = fresh("gpu_measured.json"), predicted = fresh("gpu_predicted.json");
  REQUIRE(run_program({"gpu-bench", "hbm", "--quick", "--predict", "--system",
                       "systems/h100_sxm_x1.yaml", "--json", predicted})
              .code == 0);
  std::ifstream in(predicted);
  auto json = nlohmann::json::parse(in);
  json["kind"] = "gpu measurement";
  for (auto& point : json["points"]) point["value"] = 2 * point["value"].get<double>();
  std::ofstream(measured) << json;
  const Outcome o = run_program({"gpu-bench", "--json", measured, "--against", predicted});
  INFO(o.errors);
  CHECK(o.code == 0);
  CHECK_THAT(o.output, Catch::Contains("+100.0 %"));  // half the rate is twice the time
  const Outcome wrong = run_program({"gpu-bench", "--json", predicted, "--against", predicted});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.errors, Catch::Contains("is no gpu measurement"));
  CHECK(run_program({"gpu-bench", "--against", predicted}).code == 2);
  for (const std::string& file : {measured, predicted}) std::filesystem::remove(file);
}
