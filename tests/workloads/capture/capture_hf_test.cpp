// The Python writer of traces against the reader. Needs numpy and zstandard; TERRACE_PYTHON names
// another interpreter than python3.
#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/capture/trace.h"

using namespace terrace;

TEST_CASE("a trace that scripts/capture_hf.py writes is read as it was meant", "[capture]") {
  const char* set = std::getenv("TERRACE_PYTHON");
  const std::string python = set != nullptr ? set : "python3";
  if (std::system((python + " -c 'import numpy, zstandard' 2>/dev/null").c_str()) != 0) {
    WARN("skipped: " << python << " has no numpy or no zstandard");
    return;
  }
  const test::TemporaryFile place("x", "");
  const std::string file = place.directory() + "p.trace";
  const std::string script = TERRACE_SOURCE_DIR "/scripts/capture_hf.py";
  REQUIRE(std::system((python + " " + script + " --write-pattern " + file).c_str()) == 0);
  const KvTrace trace(file);
  trace.check();
  CHECK(trace.header().shape.rope.pairing() == Rope::Pairing::halves);
  for (const std::int64_t l : {0, 2}) {
    const auto layer = trace.layer(
        l, {TraceTensor::q, TraceTensor::k, TraceTensor::v, TraceTensor::x, TraceTensor::wk});
    for (const TraceTensor t :
         {TraceTensor::q, TraceTensor::k, TraceTensor::v, TraceTensor::x, TraceTensor::wk})
      for (std::int64_t h = 0; h < trace.header().heads_of(t); ++h) {
        const MatrixView rows = layer.of_head(t, h);
        REQUIRE(rows.rows == (t == TraceTensor::wk ? 16 : 20));
        for (std::int64_t r = 0; r < rows.rows; ++r)
          for (std::int64_t c = 0; c < rows.columns; ++c) {
            // Within half of an int8 step: 2/127/2.
            const double expected = static_cast<double>((7 * r + 5 * h + 3 * c + l) % 17 - 8) / 4;
            REQUIRE(static_cast<double>(rows.row(r)[c]) == Approx(expected).margin(0.008));
          }
      }
  }
}
