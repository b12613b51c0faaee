// Block keys: equal for equal prefixes, different for different ones, whatever the content is known
// by.
#include "workloads/requests/block_key.h"

#include <catch2/catch.hpp>
#include <set>
#include <unordered_set>

namespace terrace {
namespace {

using Keys = std::vector<BlockKey>;

Request with_blocks(std::int64_t id, std::int64_t tokens, std::vector<std::uint64_t> ids) {
  return {id, Time(), tokens, 100, no_session, BlockIds{512, std::move(ids)}};
}
Request with_tokens(std::int64_t id, std::vector<std::int32_t> in, std::vector<std::int32_t> out) {
  const auto n = static_cast<std::int64_t>(in.size());
  return {id, Time(), n, 100, no_session, TokenIds{std::move(in), std::move(out)}};
}
Request unique(std::int64_t id, std::int64_t tokens) {
  return {id, Time(), tokens, 100, no_session, {}};
}
std::size_t common(const Keys& a, const Keys& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}
std::vector<std::int32_t> counting(int n, std::int32_t from = 0) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < n; ++i) ids.push_back(from + i);
  return ids;
}

}  // namespace

TEST_CASE("a prompt has one key for each full block and none for the rest", "[block_key]") {
  CHECK(chained_block_keys(unique(1, 15), 16).empty());
  CHECK(chained_block_keys(unique(1, 16), 16).size() == 1);
  CHECK(chained_block_keys(unique(1, 47), 16).size() == 2);
  CHECK(
      chained_block_keys(with_blocks(1, 6758, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}), 512)
          .size() == 13);
  CHECK(chained_block_keys(with_tokens(1, counting(100), {}), 16).size() == 6);
}

TEST_CASE("prompts of which nothing is known share nothing", "[block_key]") {
  std::set<BlockKey> seen;
  for (int id = 0; id < 50; ++id)
    for (const BlockKey key : chained_block_keys(unique(id, 320), 16)) seen.insert(key);
  CHECK(seen.size() == 50 * 20);
}

TEST_CASE("prompts with the same first tokens share the blocks up to the first that differs",
          "[block_key]") {
  auto a = counting(100), b = counting(100);
  b[40] = 7;  // in the third block of 16
  CHECK(common(chained_block_keys(with_tokens(1, a, {}), 16),
               chained_block_keys(with_tokens(2, b, {}), 16)) == 2);
  // Blocks after a difference are other blocks, though their own tokens are the same.
  const Keys x = chained_block_keys(with_tokens(1, a, {}), 16);
  const Keys y = chained_block_keys(with_tokens(2, b, {}), 16);
  for (std::size_t i = 2; i < x.size(); ++i) CHECK(x[i] != y[i]);
}

TEST_CASE("a 512-token block of a trace is 32 blocks of 16", "[block_key]") {
  const Request a = with_blocks(1, 2048, {10, 11, 12, 13});
  const Request b = with_blocks(2, 2048, {10, 11, 22, 23});
  CHECK(common(chained_block_keys(a, 512), chained_block_keys(b, 512)) == 2);
  CHECK(common(chained_block_keys(a, 16), chained_block_keys(b, 16)) == 64);
  const Keys fine = chained_block_keys(a, 16);
  CHECK(fine.size() == 128);
  CHECK(std::set<BlockKey>(fine.begin(), fine.end()).size() == 128);
}

TEST_CASE("trace blocks split at any block size, also one that does not divide theirs",
          "[block_key]") {
  const Request a = with_blocks(1, 2048, {10, 11, 12, 13});
  const Request b = with_blocks(2, 2048, {10, 11, 22, 23});
  for (const int size : {1, 7, 16, 48, 100, 512, 528, 1000, 1024, 2048}) {
    INFO("blocks of " << size << " tokens: " << 1024 / size << " lie whole inside the shared 1024");
    CHECK(common(chained_block_keys(a, size), chained_block_keys(b, size)) ==
          static_cast<std::size_t>(1024 / size));
    CHECK(chained_block_keys(a, size).size() == static_cast<std::size_t>(2048 / size));
  }
}

TEST_CASE("the partial last block of a trace gives the small blocks that fit in it",
          "[block_key]") {
  // 600 tokens: a block of 512 and one of 88, which holds 5 blocks of 16.
  const Request a = with_blocks(1, 600, {10, 11}), b = with_blocks(2, 600, {10, 11});
  CHECK(chained_block_keys(a, 16).size() == 37);
  CHECK(chained_block_keys(a, 16) == chained_block_keys(b, 16));
  const Request c = with_blocks(3, 600, {10, 12});
  CHECK(common(chained_block_keys(a, 16), chained_block_keys(c, 16)) == 32);
  // Without an id the rest is nobody else's.
  const Request d = with_blocks(4, 600, {10}), e = with_blocks(5, 600, {10});
  CHECK(chained_block_keys(d, 16).size() == 37);
  CHECK(common(chained_block_keys(d, 16), chained_block_keys(e, 16)) == 32);
}

TEST_CASE("a partial block has a key of its own, for those who count references to it",
          "[block_key]") {
  const Request a = with_blocks(1, 600, {10, 11}), b = with_blocks(2, 600, {10, 11});
  const Request c = with_blocks(3, 600, {10, 12}), d = with_blocks(4, 599, {10, 11});
  const auto partial = [](const Request& r) {
    BlockChain chain(512);
    chain.extend(r, r.input_tokens);
    return chain.partial(r, r.input_tokens);
  };
  CHECK(partial(a) == partial(b));
  CHECK(partial(a) != partial(c));
  CHECK(partial(a) != partial(d));
}

TEST_CASE("generated tokens lengthen the chain: by their ids where known, else uniquely",
          "[block_key]") {
  const Request a = with_tokens(1, counting(20), counting(28, 1000));
  const Request b = with_tokens(2, counting(20), counting(28, 1000));
  const Request c = with_tokens(3, counting(20), {});
  BlockChain x(16), y(16), z(16);
  CHECK(x.extend(a, 20).size() == 1);
  CHECK(x.extend(a, 48).size() == 3);
  CHECK(y.extend(b, 48) == x.keys());
  CHECK(common(z.extend(c, 48), x.keys()) == 1);
  // The next turn brings what was said before as its prompt, and finds it.
  auto said = counting(20);
  for (const std::int32_t id : counting(28, 1000)) said.push_back(id);
  CHECK(chained_block_keys(with_tokens(9, said, {}), 16) == x.keys());
  // Past the known ids the rest is unique.
  CHECK(common(x.extend(a, 80), y.extend(b, 80)) == 3);
}

TEST_CASE("a chain grown token by token has the keys of one grown at once", "[block_key]") {
  const std::vector<Request> all = {unique(1, 100),
                                    with_blocks(2, 600, {10, 11}),
                                    with_blocks(3, 600, {10}),
                                    with_tokens(4, counting(100), counting(50)),
                                    {5, Time(), 130, 100, 3, TextSpans{{{77, 50}, {78, 80}}}}};
  for (const Request& request : all) {
    BlockChain slow(16), fast(16);
    const std::int64_t last = request.input_tokens + 100;
    for (std::int64_t n = 1; n <= last; ++n) slow.extend(request, n);
    CHECK(slow.keys() == fast.extend(request, last));
    CHECK(slow.extend(request, 3).size() == fast.keys().size());
  }
}

TEST_CASE("texts share their common prefix, and answers continue the last of them", "[block_key]") {
  const std::uint64_t system = 1, talk = 2, other = 3;
  const auto request = [&](std::int64_t id, std::uint64_t said, std::int64_t tokens) {
    return Request{id, Time(), 64 + tokens, 100, 0, TextSpans{{{system, 64}, {said, tokens}}}};
  };
  const Keys first = chained_block_keys(request(1, talk, 100), 16);
  CHECK(common(first, chained_block_keys(request(2, other, 100), 16)) == 4);  // 64 tokens
  CHECK(common(first, chained_block_keys(request(3, talk, 500), 16)) == 10);  // 164 tokens
  BlockChain answered(16);
  const Request turn = request(4, talk, 100);
  answered.extend(turn, 164 + 96);
  CHECK(common(answered.keys(), chained_block_keys(request(5, talk, 500), 16)) == 16);  // 260
  // A system prompt one token longer is another from where it ends.
  Request longer = request(6, talk, 100);
  std::get<TextSpans>(longer.content).spans[0].tokens = 65;
  longer.input_tokens += 1;
  CHECK(common(first, chained_block_keys(longer, 16)) == 4);
}

TEST_CASE("blocks of different sizes are never taken for each other", "[block_key]") {
  const Request a = with_tokens(1, counting(64), {});
  std::unordered_set<BlockKey> seen;
  for (const int size : {1, 2, 4, 8, 16, 32, 64})
    for (const BlockKey key : chained_block_keys(a, size)) seen.insert(key);
  CHECK(seen.size() == 64 + 32 + 16 + 8 + 4 + 2 + 1);
}

}  // namespace terrace
