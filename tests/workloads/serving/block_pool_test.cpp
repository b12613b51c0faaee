// Paged blocks: who holds them, in what order they are taken, what they still hold.
#include "workloads/serving/block_pool.h"

#include <catch2/catch.hpp>

namespace terrace {

TEST_CASE("the null block is one of the blocks and is never given out") {
  BlockPool pool(5);
  REQUIRE(pool.blocks() == 5);
  REQUIRE(pool.usable() == 4);
  for (int i = 0; i < 4; ++i) REQUIRE(pool.take() == i + 1);
  REQUIRE(pool.free() == 0);
  REQUIRE(pool.usage() == 1.0);
  REQUIRE(pool.queue_head() == no_block);
}

TEST_CASE("free blocks are taken in the order in which they became free") {
  BlockPool pool(5);
  for (int i = 0; i < 4; ++i) pool.take();
  for (BlockId b : {3, 1, 4}) pool.release(b);
  REQUIRE(pool.take() == 3);
  pool.release(2);
  REQUIRE(pool.take() == 1);
  REQUIRE(pool.take() == 4);
  REQUIRE(pool.take() == 2);
}

TEST_CASE("a free block keeps its content until it is taken") {
  BlockPool pool(4);
  const BlockId b = pool.take();
  pool.keep(b, 42);
  pool.release(b);
  REQUIRE(pool.find(42) == b);
  REQUIRE(pool.free() == 3);
  pool.take();
  pool.take();
  REQUIRE(pool.find(42) == b);
  REQUIRE(pool.take() == b);
  REQUIRE(pool.find(42) == no_block);
}

TEST_CASE("a hit on a free block takes it out of the free queue") {
  BlockPool pool(4);
  const BlockId b = pool.take();
  pool.keep(b, 42);
  pool.release(b);
  pool.touch(b);
  REQUIRE(pool.free() == 2);
  pool.touch(b);
  REQUIRE(pool.users(b) == 2);
  pool.release(b);
  REQUIRE(pool.free() == 2);
  pool.release(b);
  REQUIRE(pool.free() == 3);
}

TEST_CASE("of blocks with the same content the one kept first is found, then the next") {
  BlockPool pool(5);
  const BlockId a = pool.take(), b = pool.take(), c = pool.take();
  for (BlockId each : {a, b, c}) pool.keep(each, 9);
  REQUIRE(pool.cached() == 1);
  REQUIRE(pool.find(9) == a);
  pool.release(b);
  REQUIRE(pool.take() == 4);
  REQUIRE(pool.take() == b);  // the middle one is forgotten
  pool.release(a);
  REQUIRE(pool.find(9) == a);
  REQUIRE(pool.take() == a);
  REQUIRE(pool.find(9) == c);
}

TEST_CASE("a remembered prefix follows what happens to its blocks") {
  BlockPool pool(6);
  const std::vector<BlockKey> keys = {11, 12, 13, 14};
  std::vector<BlockId> mine;
  for (int i = 0; i < 3; ++i) {
    mine.push_back(pool.take());
    pool.keep(mine.back(), keys[static_cast<std::size_t>(i)]);
  }
  REQUIRE(pool.prefix(keys, 4).blocks == mine);
  REQUIRE(pool.prefix(keys, 4).idle == 0);
  REQUIRE(pool.prefix(keys, 2).blocks.size() == 2);

  pool.prefix(keys, 4);
  pool.release(mine[2]);
  REQUIRE(pool.prefix(keys, 4).idle == 1);
  pool.touch(mine[2]);
  REQUIRE(pool.prefix(keys, 4).idle == 0);

  const BlockId fourth = pool.take();
  pool.keep(fourth, 14);
  REQUIRE(pool.prefix(keys, 4).blocks.size() == 4);

  pool.release(mine[1]);
  pool.take();
  REQUIRE(pool.take() == mine[1]);
  REQUIRE(pool.prefix(keys, 4).blocks == std::vector<BlockId>{mine[0]});
}

}  // namespace terrace
