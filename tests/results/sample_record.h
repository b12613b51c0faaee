// Records for tests: one with everything in it, different for every seed; and a folder that goes
// away.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>

#include "sim/record.h"

namespace terrace::tests {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("terrace_test_{}_{}", ::getpid(), ++count);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline Record sample_record(std::uint64_t seed, int requests = 20) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto any = [&] { return std::exp(uniform(random) * 60 - 30); };  // over 26 decades
  Record r;
  r.name = fmt::format("sample{}", seed);
  r.scenario = fmt::format(R"({{"machine":{{"gpu":"h100"}},"seed":{}}})", seed);
  r.scenario_hash = fmt::format("{:016x}", seed * 0x9e3779b97f4a7c15U);
  r.code_version = "v1";
  r.seed = seed;
  r.simulated_seconds = any();
  r.wall_seconds = any();
  r.peak_memory_bytes = 1e8;
  for (int i = 0; i < 12; ++i) {
    r.stat(fmt::format("sample.{}", i), any(), "s", fmt::format("the \"{}\"th number", i));
  }
  r.ops.push_back({"attn.qkv", "gemm", "gpu.hbm", 32, any(), any(), any(), any(), any()});
  r.ops.push_back({"mlp.up", "gemm", "compute", 32, any(), any(), any(), any(), any()});
  r.tiers.push_back({"gpu0.hbm", any(), any(), any(), uniform(random), 80e9, 70e9});
  r.shares = {{"compute", 0.25, any()}, {"gpu.hbm", 0.5, any()}, {"idle", 0.25, any()}};
  for (int i = 0; i < requests; ++i) {
    const double at = uniform(random) * 100;
    r.requests.push_back({i, at, at + 0.1, at + 0.2, at + 3, 100 + i, 10 + i, i, 0, i % 2});
  }
  r.series.push_back({"kv.occupancy", "1", {{0, 0}, {any(), 0.5}, {any(), uniform(random)}}});
  r.series.push_back({"running", "1", {}});
  r.remarks = {"ranks 1 to 7 are folded into rank 0", "umlaut: ü, quote: \", line\nbreak"};
  return r;
}

}  // namespace terrace::tests
