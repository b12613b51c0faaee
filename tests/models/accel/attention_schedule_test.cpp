// Attention schedules: counts in closed form, phases against a walk over tiles, buffers and passes.
#include "models/accel/attention_schedule.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

std::unique_ptr<AttentionSchedule> schedule(const char* kind) {
  return Choice<AttentionSchedule>::of(kind).make({});
}

AttentionProblem head(double length, double dim = 64) {
  AttentionProblem p;
  p.queries = p.keys = length;
  p.head_dim = p.value_dim = dim;
  return p;
}

// FuseMax's order walked tile by tile on two clocks: each pair of steps starts when both units have
// ended the pair before.
double walk_fusemax(double tiles_q, double tiles_k, double dim) {
  double now = 0;
  for (double q = 0; q < tiles_q; ++q)
    for (double k = 0; k < tiles_k; ++k) {
      const double sums = 1 + dim;                // of the tile before, on the lanes
      const double division = k == 0 ? dim : 0;   // of the queries before
      now += std::max(dim + 1, sums + division);  // scores and their maximum
      now += 1;                                   // the running maximum
      now += std::max(7.0 + 1, 7.0 + 1);          // exponentials and sums; the old maximum's
      now += std::max(dim, dim);                  // weighted values; the old ones scaled
    }
  return now;
}

}  // namespace

TEST_CASE("FuseMax's time is that of its steps walked tile by tile", "[accel]") {
  SpatialArray a;
  a.memory = BytesPerSecond(1e18);
  const auto fusemax = schedule("fusemax");
  for (const double dim : {32.0, 64.0, 128.0, 256.0})
    for (const double tiles : {1.0, 4.0, 16.0, 64.0}) {
      const AttentionRun run = fusemax->run(a, head(256 * tiles, dim));
      const double walked = walk_fusemax(tiles, tiles, dim);
      // Divisions spread over all tiles of keys overlap where the walk lets each wait.
      INFO(tiles << " tiles, dim " << dim << ": " << run.cycles << " cycles, walked " << walked);
      CHECK(run.cycles <= walked * (1 + 1e-12));
      CHECK(run.cycles >= walked * 0.97);
    }
}

TEST_CASE("every schedule does the same products", "[accel]") {
  SpatialArray a;
  a.exponential_units = true;
  const AttentionProblem p = head(2048);
  const double products = 2 * 2048.0 * 2048 * 64;
  for (const char* kind : {"unfused", "flat", "flash"})
    CHECK(schedule(kind)->run(a, p).array.multiply_adds == products);
  // FuseMax's array also makes the exponentials: six multiply-adds a score.
  CHECK(schedule("fusemax")->run(a, p).array.multiply_adds == products + 6 * 2048.0 * 2048);
}

TEST_CASE("three passes of softmax on the lanes bound FLAT, whatever the array does", "[accel]") {
  SpatialArray a;
  a.exponential_units = true;
  a.memory = BytesPerSecond(1e18);
  const AttentionRun run = schedule("flat")->run(a, head(4096));
  CHECK(run.cycles == 4 * 4096.0 * 4096 / 256);  // maximum, exponential, sum, division
  CHECK(run.lane_utilisation == 1);
  CHECK(run.array_utilisation == Approx(128.0 / 65536 * 256 / 4));  // 12.5 %, as published
}

TEST_CASE("one pass keeps the buffer independent of the sequence, three passes do not", "[accel]") {
  SpatialArray a;
  for (const char* kind : {"fusemax", "flash"}) {
    const auto s = schedule(kind);
    for (double length = 1 << 12; length <= 1 << 20; length *= 4) {
      const AttentionRun run = s->run(a, head(length));
      INFO(kind << " " << length << ": " << run.resident_bytes << " B");
      CHECK(run.resident_bytes <= a.buffer.value());
    }
  }
  const auto flat = schedule("flat");
  a.exponential_units = true;
  CHECK(flat->run(a, head(1 << 14)).resident_bytes < flat->run(a, head(1 << 15)).resident_bytes);
}

TEST_CASE("FLAT's rows spill to memory once they do not fit", "[accel]") {
  SpatialArray a;
  a.exponential_units = true;
  const auto flat = schedule("flat");
  const auto bytes_a_score = [&](double length) {
    return flat->run(a, head(length)).memory_bytes() / (length * length);
  };
  // 256 rows of 32 Ki scores of 2 B fill 16 MiB.
  CHECK(bytes_a_score(1 << 14) < 1.7);
  CHECK(bytes_a_score(1 << 18) > 8);
  // With a larger buffer they fit again.
  a.buffer = Bytes(256u << 20);
  CHECK(bytes_a_score(1 << 18) < 1.7);
}

TEST_CASE("a smaller buffer reads K and V more often", "[accel]") {
  for (const char* kind : {"fusemax", "flash"}) {
    double last = 0;
    for (double buffer = 64 << 20; buffer >= 1 << 20; buffer /= 2) {
      SpatialArray a;
      a.buffer = Bytes(buffer);
      const AttentionRun run = schedule(kind)->run(a, head(1 << 17));
      CHECK(run.memory_read >= last);
      CHECK(run.memory_read >= 3 * (1 << 17) * 64 * 2.0);  // Q, K and V once
      last = run.memory_read;
    }
  }
}

TEST_CASE("a causal mask halves the work of long sequences", "[accel]") {
  SpatialArray a;
  AttentionProblem p = head(1 << 15);
  const auto fusemax = schedule("fusemax");
  const double whole = fusemax->run(a, p).cycles;
  p.scored = 0.5;
  CHECK(fusemax->run(a, p).cycles == Approx(whole / 2).epsilon(0.01));
}

TEST_CASE("a single query leaves all but one column idle", "[accel]") {
  SpatialArray a;
  a.memory = BytesPerSecond(1e18);
  AttentionProblem p = head(1 << 14);
  const auto fusemax = schedule("fusemax");
  const double many = fusemax->run(a, p).cycles / (1 << 14);
  p.queries = 1;
  CHECK(fusemax->run(a, p).cycles > 200 * many);
  p.queries = 256;
  const double tile = fusemax->run(a, p).cycles;
  p.queries = 1;
  CHECK(fusemax->run(a, p).cycles == Approx(tile));
}
