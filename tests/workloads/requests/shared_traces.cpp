// The public traces beside the project, against the figures that their publishers and README state.
#include <catch2/catch.hpp>
#include <chrono>
#include <unordered_set>

#include "tests/workloads/requests/requests_from.h"
#include "workloads/requests/block_key.h"

namespace terrace {
namespace {

std::vector<Request> all_of(const std::string& kind, const std::string& file) {
  const auto source =
      test::source("{kind: " + kind + ", file: " + test::shared_data() + "traces/" + file + "}");
  const auto expected = static_cast<std::size_t>(source->expected_count());
  auto all = test::drain(*source);
  CHECK(all.size() == expected);
  return all;
}

struct Hits {
  std::int64_t hits = 0, references = 0;
  double rate() const { return static_cast<double>(hits) / static_cast<double>(references); }
};

// Of an infinite cache that is asked for every block of every prompt in turn.
Hits infinite_cache(const std::vector<Request>& all, std::int32_t block_tokens, bool partial) {
  Hits h;
  std::unordered_set<BlockKey> seen;
  const auto refer = [&](BlockKey key) {
    ++h.references;
    h.hits += seen.insert(key).second ? 0 : 1;
  };
  for (const Request& r : all) {
    BlockChain chain(block_tokens);
    for (const BlockKey key : chain.extend(r, r.input_tokens)) refer(key);
    if (partial && r.input_tokens % block_tokens > 0) refer(chain.partial(r, r.input_tokens));
  }
  return h;
}

}  // namespace

TEST_CASE("the Azure hour has 19,366 chat requests", "[requests][shared]") {
  if (test::shared_is_absent()) return;
  const auto all = all_of("azure_csv", "azure_2023_conv.csv");
  CHECK(all.size() == 19'366);
  double input = 0, output = 0;
  for (const Request& r : all) {
    input += static_cast<double>(r.input_tokens) / 19'366;
    output += static_cast<double>(r.output_tokens) / 19'366;
  }
  // Splitwise (ISCA 2024), figure 3: medians 1020 in, 129 out
  std::vector<std::int64_t> in, out;
  for (const Request& r : all) {
    in.push_back(r.input_tokens);
    out.push_back(r.output_tokens);
  }
  std::sort(in.begin(), in.end());
  std::sort(out.begin(), out.end());
  CHECK(in[in.size() / 2] == 1020);
  CHECK(out[out.size() / 2] == 129);
  CHECK(all.front().arrival == Time());
  // 18:15:46.6805900 to 19:14:08.4025270, read off the file: 3501.721937 s
  CHECK(all.back().arrival == Time::ps(3'501'721'937'000'000));
}

TEST_CASE("Mooncake's conversations hit 36.6 % of block references in an infinite cache",
          "[requests][shared]") {
  if (test::shared_is_absent()) return;
  const auto all = all_of("mooncake_jsonl", "mooncake_conversation.jsonl");
  REQUIRE(all.size() == 12'031);
  std::int64_t input = 0, output = 0;
  for (const Request& r : all) {
    input += r.input_tokens;
    output += r.output_tokens;
  }
  CHECK(std::llround(static_cast<double>(input) / 12'031) == 12'035);
  CHECK(std::llround(static_cast<double>(output) / 12'031) == 343);

  const Hits hits = infinite_cache(all, 512, true);
  INFO(hits.hits << " of " << hits.references << " references hit: " << 100 * hits.rate() << " %");
  CHECK(hits.rate() == Approx(0.366).margin(0.0005));

  // The same straight from the trace's ids, without any key.
  Hits ids;
  std::unordered_set<std::uint64_t> seen;
  std::int64_t full_hits = 0, full = 0, small_hits = 0, small = 0;
  constexpr std::int64_t first = 2000;  // requests, in blocks of 16
  for (const Request& r : all) {
    const auto& blocks = std::get<BlockIds>(r.content).ids;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const bool hit = !seen.insert(blocks[i]).second;
      const std::int64_t tokens =
          std::min<std::int64_t>(512, r.input_tokens - 512 * static_cast<std::int64_t>(i));
      ++ids.references;
      ids.hits += hit ? 1 : 0;
      full += tokens == 512 ? 1 : 0;
      full_hits += tokens == 512 && hit ? 1 : 0;
      if (r.id >= first) continue;
      small += tokens / 16;
      small_hits += hit ? tokens / 16 : 0;
    }
  }
  CHECK(hits.hits == ids.hits);
  CHECK(hits.references == ids.references);

  const Hits whole = infinite_cache(all, 512, false);
  INFO("full blocks only: " << 100 * whole.rate() << " %");
  CHECK(whole.hits == full_hits);
  CHECK(whole.references == full);

  const Hits fine = infinite_cache({all.begin(), all.begin() + first}, 16, false);
  INFO("blocks of 16: " << fine.hits << " of " << fine.references << ", from the ids " << small_hits
                        << " of " << small);
  CHECK(fine.hits == small_hits);
  CHECK(fine.references == small);
}

TEST_CASE("the coding agent's ideal hit rate is 86 %, and sessions are known",
          "[requests][shared]") {
  if (test::shared_is_absent()) return;
  const auto all = all_of("mooncake_jsonl", "miniswe_512tok.jsonl");
  CHECK(all.size() == 402);
  const Hits hits = infinite_cache(all, 512, true);
  INFO(100 * hits.rate() << " %");
  CHECK(hits.rate() == Approx(0.86).margin(0.005));
  for (const Request& r : all) REQUIRE(r.session != no_session);
  const auto fine = all_of("mooncake_jsonl", "miniswe_16tok.jsonl, block_tokens: 16");
  CHECK(fine.size() == 402);
}

TEST_CASE("300 ShareGPT requests bring 257k tokens and want 196k", "[requests][shared]") {
  if (test::shared_is_absent()) return;
  const auto all = all_of("sharegpt_jsonl", "sharegpt-llama-3.1-8b-300-sps10.jsonl");
  REQUIRE(all.size() == 300);
  std::int64_t input = 0, output = 0;
  for (const Request& r : all) {
    input += r.input_tokens;
    output += r.output_tokens;
    const auto& ids = std::get<TokenIds>(r.content);
    REQUIRE(static_cast<std::int64_t>(ids.input.size()) == r.input_tokens);
    REQUIRE(static_cast<std::int64_t>(ids.output.size()) == r.output_tokens);
  }
  CHECK(input / 1000 == 257);
  CHECK((output + 500) / 1000 == 196);
}

TEST_CASE("a 3 MB trace loads in far less than 100 ms", "[requests][shared]") {
  if (test::shared_is_absent()) return;
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto started = std::chrono::steady_clock::now();
    test::source("{kind: mooncake_jsonl, file: " + test::shared_data() +
                 "traces/mooncake_conversation.jsonl}");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    best = std::min(best, took.count());
  }
  INFO("best of 5: " << 1e3 * best << " ms");
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(best < 0.1);
#endif
}

}  // namespace terrace
