// The command `terrace validate accuracy`: tables, picture and database of a folder of its own.
#include <filesystem>
#include <fstream>

#include "results/database.h"
#include "tests/explore/program.h"

using namespace terrace;
using namespace terrace::tests;

namespace {

namespace fs = std::filesystem;

const char* const header =
    "source,hardware,n_gpu,model,dtype,workload,input_len,output_len,batch_or_rate,metric,value,"
    "unit,citation\n";

struct Folder {
  fs::path path = fs::temp_directory_path() / "terrace_accuracy_test";
  explicit Folder(const std::string& rows) {
    fs::remove_all(path);
    fs::create_directories(path);
    std::ofstream(path / "e2e.csv") << header << rows;
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("measured runs are predicted, summed up, drawn and stored", "[validate][measured]") {
  const Folder folder(
      "FasterTransformer,A100-SXM-80G,1,GPT-350M,fp16,static batch,128,8,batch=1,e2e_latency,25.43,"
      "ms,its guide\n"
      "FasterTransformer,A100-SXM-80G,1,GPT-350M,fp16,static batch,128,8,batch=1,gpu_memory_used,"
      "3.43,GB,its guide\n"
      "Somebody,A100-SXM-80G,1,GPT-350M,fp16,static batch,128,8,batch=1,e2e_latency,25,ms,a "
      "blog\n");
  const Outcome out =
      run_program({"validate", "accuracy", "e2e_runs", "--data", folder.path.string(), "--db",
                   folder.file("a.db"), "--plot", folder.file("a.svg"), "--markdown"});
  INFO(out.errors);
  CHECK(out.code == 0);
  CHECK(has(out.output, "Made by `terrace validate accuracy e2e_runs"));
  CHECK(has(out.output, "1 measured rows are compared, 2 are named below"));
  CHECK(has(out.output, "| FasterTransformer | 1 | what an engine's allocator holds"));
  CHECK(has(out.output, "| Somebody | 1 | no rule says how to express it |"));
  CHECK(has(out.output, "e2e.csv:2 |"));
  CHECK(fs::file_size(folder.file("a.svg")) > 1000);
  const Database db = Database::open(folder.file("a.db"), Database::Mode::read);
  CHECK(db.size() == 1);
  CHECK(db.connection().integer("SELECT count(*) FROM measurement JOIN run ON run.id = run "
                                "WHERE family = 'FasterTransformer' AND predicted > 0") == 1);
  CHECK(db.connection().integer("SELECT count(*) FROM accuracy") == 4);
}

TEST_CASE("a set that does not exist, a folder that is not there, and a bad row are mistakes",
          "[validate][measured]") {
  const Outcome name = run_program({"validate", "accuracy", "gem_tables"});
  CHECK(name.code == 2);
  CHECK(has(name.errors, "no set of measured rows \"gem_tables\". did you mean \"gemm_tables\"?"));
  CHECK(run_program({"validate", "accuracy", "--data", "/nowhere"}).code == 2);
  const Folder folder("A,B,1,C,fp16,w,1,2,,e2e_latency,soon,ms,x\n");
  const Outcome row = run_program(
      {"validate", "accuracy", "e2e_runs", "--data", folder.path.string(), "--no-store"});
  CHECK(row.code == 2);
  CHECK(has(row.errors, "e2e.csv:2:33: column \"value\": must be a number, is \"soon\""));
}
