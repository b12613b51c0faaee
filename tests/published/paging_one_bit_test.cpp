// Paging with succinct predictions: the published guarantee of one-bit discard predictions.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <unordered_map>

#include "models/sram/block_cache.h"
#include "sim/random.h"

using namespace terrace;

namespace {

struct Solved {  // by Belady's oracle
  std::vector<std::uint64_t> trace;
  std::vector<bool> kept;  // from this use until the block's next one; false after the last
  std::size_t faults = 0;
};

Solved solve(std::vector<std::uint64_t> trace, std::size_t k) {
  const std::size_t n = trace.size();
  std::vector<std::size_t> next(n, n);
  std::unordered_map<std::uint64_t, std::size_t> last;
  for (std::size_t i = n; i-- > 0;) {
    const auto f = last.find(trace[i]);
    if (f != last.end()) next[i] = f->second;
    last[trace[i]] = i;
  }
  Solved out;
  out.kept.assign(n, false);
  std::unordered_map<std::uint64_t, std::size_t> there;  // block to its last use
  for (std::size_t i = 0; i < n; ++i) {
    const auto f = there.find(trace[i]);
    if (f != there.end()) {
      out.kept[f->second] = true;
    } else {
      ++out.faults;
      if (there.size() == k)
        there.erase(std::max_element(there.begin(), there.end(), [&](const auto& a, const auto& b) {
          return next[a.second] < next[b.second];
        }));
    }
    there[trace[i]] = i;
  }
  out.trace = std::move(trace);
  return out;
}

struct Run {
  std::size_t faults = 0, wrong_keep = 0, wrong_discard = 0;
};

// One bit a use: what the oracle does, turned over with probability `error`.
Run run(const Solved& s, std::uint32_t k, double error, std::uint64_t seed) {
  BlockCache cache(1, k, Choice<Replacement>::of("one_bit"));
  RandomStream random(seed, "errors");
  Run out;
  for (std::size_t i = 0; i < s.trace.size(); ++i) {
    bool keep = s.kept[i];
    if (random.uniform() < error) {
      keep = !keep;
      ++(keep ? out.wrong_keep : out.wrong_discard);
    }
    using P = BlockUse::Prediction;
    out.faults += !cache.access({s.trace[i], BlockUse::never_again, keep ? P::keep : P::discard});
  }
  return out;
}

std::vector<std::uint64_t> uniform_trace(std::uint64_t seed, std::size_t n, std::int64_t blocks) {
  RandomStream random(seed, "uniform");
  std::vector<std::uint64_t> t;
  while (t.size() < n) t.push_back(static_cast<std::uint64_t>(random.integer(0, blocks - 1)));
  return t;
}

}  // namespace

TEST_CASE("with perfect one-bit predictions paging faults no more than the optimum",
          "[sram][published]") {
  // Antoniadis et al., ICML 2023: (1, k-1, 1)-competitive, so without errors it is optimal.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto k = static_cast<std::uint32_t>(4 + seed % 13);
    const Solved s = solve(uniform_trace(seed, 3000, 3 * k), k);
    CHECK(run(s, k, 0, seed).faults == s.faults);
  }
}

TEST_CASE("wrong one-bit predictions cost k-1 faults for a false keep and one for a false discard",
          "[sram][published]") {
  // Antoniadis et al., ICML 2023: faults <= OPT + (k - 1) wrong keeps + wrong discards.
  for (const double error : {0.001, 0.01, 0.1, 0.5, 1.0}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const auto k = static_cast<std::uint32_t>(2 + seed % 15);
      const Solved s = solve(uniform_trace(seed, 2000, k + 1 + static_cast<int>(seed)), k);
      const Run r = run(s, k, error, seed);
      INFO("error " << error << " k " << k << " OPT " << s.faults << " faults " << r.faults);
      CHECK(r.faults <= s.faults + (k - 1) * r.wrong_keep + r.wrong_discard);
    }
  }
}

TEST_CASE("an adversary that asks for what was just evicted stays within the one-bit guarantee",
          "[sram][published]") {
  // k + 1 blocks, every use a fault, every prediction "keep": the worst input of deterministic
  // paging (Sleator and Tarjan, CACM 28(2), 1985), bounded as above by its wrong predictions.
  for (const std::uint32_t k : {2u, 4u, 8u, 16u}) {
    BlockCache cache(1, k, Choice<Replacement>::of("one_bit"));
    std::vector<std::uint64_t> trace;
    std::uint64_t ask = 0;
    for (int i = 0; i < 2000; ++i) {
      if (i <= static_cast<int>(k)) ask = static_cast<std::uint64_t>(i);
      trace.push_back(ask);
      std::uint64_t left = BlockCache::nobody;
      REQUIRE_FALSE(cache.access({ask, BlockUse::never_again, BlockUse::Prediction::keep}, &left));
      if (left != BlockCache::nobody) ask = left;
    }
    const Solved s = solve(trace, k);
    const auto wrong = static_cast<std::size_t>(std::count(s.kept.begin(), s.kept.end(), false));
    INFO("k " << k << " OPT " << s.faults << " wrong keeps " << wrong);
    CHECK(trace.size() <= s.faults + (k - 1) * wrong);
  }
}
