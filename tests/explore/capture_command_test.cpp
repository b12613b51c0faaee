// `terrace capture` from the outside: the trace, the messages, the exit codes, and no file left
// over.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "tests/explore/program.h"
#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/capture/trace.h"

using namespace terrace;
using Catch::Matchers::Contains;
using tests::run_program;

namespace {

struct Folder {
  test::TemporaryFile model{"m.gguf", test::tiny_gguf()};
  test::TemporaryFile text{"t.txt", std::string(300, 'a') + " and so on\n"};
  std::string out = model.directory() + "o.trace";
  tests::Outcome capture(std::vector<std::string> more,
                         const std::function<bool()>& before = {}) const {
    std::vector<std::string> words = {"capture", model.path(), text.path(), "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words, before);
  }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(model.directory()), {});
  }
};

}  // namespace

TEST_CASE("terrace capture writes a trace and says what it holds", "[capture]") {
  const Folder f;
  const auto done = f.capture({"--tokens", "50", "--layers", "1", "--storage", "int8,k=fp16"});
  CHECK(done.errors.empty());  // quick work shows no progress
  CHECK(done.code == 0);
  CHECK_THAT(done.output, Contains("o.trace: 1 of 2 layers of tiny, 50 tokens, "));
  const KvTrace trace(f.out);
  CHECK(trace.header().command ==
        "terrace capture m.gguf t.txt --out o.trace --tokens 50 --layers 1 --tensors q,k,v,x "
        "--storage int8,k=fp16");
  CHECK(trace.header().model_hash == MappedFile(f.model.path()).sha1());
  CHECK(trace.header().storage[1] == TraceStorage::fp16);
  CHECK(f.capture({"--tokens", "50", "-q"}).output.empty());
}

TEST_CASE("what is wrong with a capture is one line, exit code 2, and no file", "[capture]") {
  const Folder f;
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "capture");
    words.insert(words.end(), {"--out", f.out});
    const auto done = run_program(words);
    CHECK(done.code == 2);
    CHECK(tests::lines_of(done.errors).size() == 1);
    CHECK(f.files() == 1);
    return done.errors;
  };
  const std::string m = f.model.path(), t = f.text.path();
  CHECK_THAT(refused({m, t, "--tokens", "65"}),
             Contains("m.gguf: 65 tokens are more than the model's"));
  CHECK_THAT(refused({m, t, "--layers", "2"}), Contains("--layers: \"2\" is no layer"));
  CHECK_THAT(refused({m, t, "--storage", "fp8"}), Contains("--storage: storage \"fp8\" (int8 and"));
  CHECK_THAT(refused({m, t, "--tensors", "y"}), Contains("--tensors: no tensor \"y\""));
  CHECK_THAT(refused({m, t, "--offset", "999"}), Contains("none is left after leaving out 999"));
  CHECK_THAT(refused({m, "no_such.txt"}), Contains("no_such.txt: No such file"));
  CHECK_THAT(refused({t, t}), Contains("neither GGUF nor a llama2.c model"));
  CHECK_THAT(refused({m, m}), Contains("m.gguf: line 1: not UTF-8 text"));
  const std::string whole = test::tiny_gguf();
  const test::TemporaryFile cut("cut.gguf", whole.substr(0, whole.size() / 2));
  CHECK_THAT(refused({cut.path(), t}), Contains("cut.gguf: tensor \""));
  const test::TemporaryFile mamba("mamba.gguf", test::tiny_gguf({}, "mamba"));
  CHECK_THAT(refused({mamba.path(), t}), Contains("the architecture is \"mamba\"; \"llama\" is"));
  const test::TemporaryFile scores(
      "nan.gguf", test::tiny_gguf([](auto& b) {
        b.tensor("output.weight", {16, 259},
                 test::bytes_of(std::vector<float>(16 * 259, std::nanf(""))));
      }));
  CHECK_THAT(refused({scores.path(), t}), Contains("tensor \"output.weight\" holds NaN"));
}

TEST_CASE("a capture onto a full disk is exit code 1, one line, and no file", "[capture]") {
  const Folder f;
  const auto done = f.capture({"--tokens", "60", "--storage", "fp16"}, [] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small = {3000, 3000};
    return ::setrlimit(RLIMIT_FSIZE, &small) == 0;
  });
  CHECK(done.code == 1);
  CHECK_THAT(done.errors, Contains("o.trace: File too large"));
  CHECK(tests::lines_of(done.errors).size() == 1);
  CHECK(f.files() == 1);
}
