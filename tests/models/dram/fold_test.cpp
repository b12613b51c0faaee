// Folding a long stream over time and channels gives what every burst one by one gives.
#include <ctime>

#include "models/dram/stream_fold.h"
#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

TEST_CASE("a folded stream takes as long as one that is simulated burst by burst, within 3 %",
          "[dram][fold]") {
  struct Case {
    const char* name;
    BurstPattern pattern;
  };
  const Case cases[] = {{"stream", stream()},
                        {"2:1 mix", stream(2.0 / 3)},
                        {"random 32 B", gather(32)},
                        {"random 1 KB", gather(1024)}};
  for (const char* yaml :
       {"hbm3_channel.yaml", "{extends: hbm3_channel.yaml, refresh: per_bank}"}) {
    for (const Case& c : cases) {
      const DramParams p = params(yaml);
      const std::uint64_t requests = 250000;
      Dram d(p, {});
      const double whole = drive(d, c.pattern, requests).span.seconds();
      const FoldedRun folded = fold(p, c.pattern, requests * 32);
      INFO(yaml << ", " << c.name << ": " << whole * 1e6 << " us, folded "
                << folded.span.seconds() * 1e6 << " us from " << folded.simulated << " bursts");
      CHECK(folded.span.seconds() == Approx(whole).epsilon(0.03));
      CHECK(folded.simulated < requests / 2);
    }
  }
}

TEST_CASE("many channels fold into one: 48 MB over 80 channels, within 3 %", "[dram][fold]") {
  const DramParams p = params("h100_sxm_hbm3.yaml");
  Dram d(p, {});
  BurstPattern pattern = stream();
  pattern.request_bytes = 256;
  const std::uint64_t bytes = 48u << 20;
  const double whole = drive(d, pattern, bytes / 256).span.seconds();
  const FoldedRun folded = fold(p, pattern, bytes);
  INFO(whole * 1e6 << " us, folded " << folded.span.seconds() * 1e6 << " us");
  CHECK(folded.span.seconds() == Approx(whole).epsilon(0.03));
}

TEST_CASE("a stream of 16 GB over an 80-channel device folds in under a second", "[dram][fold]") {
  const DramParams p = params("h100_sxm_hbm3.yaml");
  const std::clock_t began = std::clock();
  const FoldedRun folded = fold(p, stream(), std::uint64_t{16} << 30);
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  const double effective = static_cast<double>(folded.bytes) / 32 / seconds;
  INFO(seconds << " s of host time, " << effective / 1e6 << " M bursts/s, "
               << 100 * folded.share_of_peak << " % of peak");
  CHECK(seconds < 1);
  CHECK(effective > 100e6);
  CHECK(folded.share_of_peak > 0.95);
  CHECK(folded.share_of_peak <= 1);
}
