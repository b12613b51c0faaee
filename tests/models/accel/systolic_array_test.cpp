// Systolic arrays: cycles of a fold against a walk over its elements, products against their folds,
// double buffering against a loop over all folds.
#include "models/accel/systolic_array.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/models/accel/systolic_walk.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

const BytesPerSecond endless(std::numeric_limits<double>::infinity());
const char* const dataflows[] = {"weight_stationary", "input_stationary", "output_stationary"};

SystolicParams small(int rows, int columns, const char* dataflow, double pads = 1 << 20) {
  SystolicParams p;
  p.rows = rows;
  p.columns = columns;
  p.clock = PerSecond(1e9);
  p.dataflow = Choice<Dataflow>::of(dataflow);
  p.input_scratchpad = p.weight_scratchpad = p.output_scratchpad = Bytes(pads);
  return p;
}

std::int64_t draw(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

walk::Matrix noise(std::mt19937& random, std::int64_t rows, std::int64_t columns) {
  walk::Matrix m = walk::zeros(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
  for (auto& row : m)
    for (auto& x : row) x = draw(random, -9, 9);
  return m;
}

walk::Matrix product(const walk::Matrix& a, const walk::Matrix& b) {
  walk::Matrix c = walk::zeros(a.size(), b[0].size());
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < b.size(); ++k)
      for (std::size_t j = 0; j < b[0].size(); ++j) c[i][j] += a[i][k] * b[k][j];
  return c;
}

struct Shadowed {
  Choice<Dataflow> dataflow;
  static void fields(Schema<Shadowed>& s) {
    s.field("dataflow", &Shadowed::dataflow, "what is tested");
  }
};

// All folds one by one, from the same costs.
FoldTime loop_over(const Dataflow::Plan& plan, double rate) {
  std::vector<Fold> folds;
  for (std::int64_t o = 0; o < plan.nest.outer; ++o)
    for (std::int64_t m = 0; m < plan.nest.middle; ++m)
      for (std::int64_t i = 0; i < plan.nest.inner; ++i) folds.push_back(plan.cost(o, m, i));
  FoldTime t;
  t.total = (folds.front().load + folds.back().store) / rate;
  for (std::size_t f = 0; f < folds.size(); ++f) {
    const double in = f + 1 < folds.size() ? folds[f + 1].load : 0;
    const double out = f > 0 ? folds[f - 1].store : 0;
    t.total += std::max(static_cast<double>(folds[f].cycles), (in + out) / rate);
    t.compute += folds[f].cycles;
    t.loaded += folds[f].load;
    t.stored += folds[f].store;
  }
  return t;
}

}  // namespace

TEST_CASE("a fold takes as many cycles as a walk over its processing elements", "[accel]") {
  std::mt19937 random(1);
  const auto choice = [](const char* kind) { return Choice<Dataflow>::of(kind).make({}); };
  const auto ws = choice("weight_stationary"), is = choice("input_stationary"),
             os = choice("output_stationary");
  for (int n = 0; n < 300; ++n) {
    const ArraySize array{draw(random, 1, 12), draw(random, 1, 12)};
    const std::int64_t r = draw(random, 1, array.rows), c = draw(random, 1, array.columns),
                       t = draw(random, 1, 30);
    INFO(array.rows << "x" << array.columns << ", " << r << "x" << c << " used, stream " << t);
    const auto R = static_cast<std::size_t>(array.rows),
               C = static_cast<std::size_t>(array.columns);
    const walk::Matrix kept = noise(random, r, c), passing = noise(random, t, r);
    const walk::Walked held = walk::held(R, C, kept, passing);
    CHECK(held.cycles == array.rows + t + r + c - 2);
    CHECK(ws->cycles(array, r, c, t) == held.cycles);
    CHECK(is->cycles(array, r, c, t) == held.cycles);
    CHECK(held.result == product(passing, kept));
    const walk::Matrix a = noise(random, r, t), b = noise(random, t, c);
    const walk::Walked stays = walk::outputs_stay(R, C, a, b);
    CHECK(os->cycles(array, r, c, t) == stays.cycles);
    CHECK(stays.result == product(a, b));
  }
}

TEST_CASE("a product takes the cycles and scratchpad accesses of its folds, each walked",
          "[accel]") {
  std::mt19937 random(2);
  for (int n = 0; n < 60; ++n) {
    const int rows = static_cast<int>(draw(random, 1, 6)),
              columns = static_cast<int>(draw(random, 1, 6));
    ArrayGemm g;
    g.m = draw(random, 1, 20), g.n = draw(random, 1, 20), g.k = draw(random, 1, 20);
    for (const char* dataflow : dataflows) {
      const SystolicRun run = SystolicArray(small(rows, columns, dataflow)).run(g, endless);
      INFO(rows << "x" << columns << " " << dataflow << " " << g.m << "x" << g.n << "x" << g.k);
      const bool outputs = dataflow == dataflows[2], inputs = dataflow == dataflows[1];
      // Rows, columns and stream of the whole product on the array.
      const std::int64_t down = outputs ? g.m : g.k, across = inputs ? g.m : g.n,
                         along = outputs  ? g.k
                                 : inputs ? g.n
                                          : g.m;
      std::int64_t cycles = 0, left = 0, top = 0, out = 0;
      for (std::int64_t i = 0; i < down; i += rows)
        for (std::int64_t j = 0; j < across; j += columns) {
          const std::int64_t r = std::min<std::int64_t>(rows, down - i),
                             c = std::min<std::int64_t>(columns, across - j);
          const auto R = static_cast<std::size_t>(rows), C = static_cast<std::size_t>(columns);
          const walk::Walked w =
              outputs ? walk::outputs_stay(R, C, noise(random, r, along), noise(random, along, c))
                      : walk::held(R, C, noise(random, r, c), noise(random, along, r));
          cycles += w.cycles, left += w.left_reads, top += w.top_reads, out += w.outputs;
        }
      CHECK(run.compute_cycles == cycles);
      CHECK(run.stall_cycles == 0);
      CHECK((inputs ? run.scratchpads.weight_reads : run.scratchpads.input_reads) == double(left));
      CHECK((inputs ? run.scratchpads.input_reads : run.scratchpads.weight_reads) == double(top));
      CHECK(run.scratchpads.output_writes == double(out));
      CHECK(run.utilisation <= 1);
      CHECK(run.multiply_adds == double(g.m * g.n * g.k));
    }
  }
}

TEST_CASE("with shadow registers folds follow each other without a gap", "[accel]") {
  std::mt19937 random(4);
  for (int n = 0; n < 100; ++n) {
    SystolicParams p = small(static_cast<int>(draw(random, 1, 6)),
                             static_cast<int>(draw(random, 1, 6)), "weight_stationary");
    Mistakes mistakes;
    Reader reader(mistakes);
    p.dataflow =
        read<Shadowed>(parse_config("{dataflow: {kind: weight_stationary, shadow_registers: true}}",
                                    "test", mistakes),
                       reader)
            .dataflow;
    mistakes.raise();
    ArrayGemm g;
    g.m = draw(random, 1, 12), g.n = draw(random, 1, 20), g.k = draw(random, 1, 20);
    const SystolicRun run = SystolicArray(p).run(g, endless);
    INFO(p.rows << "x" << p.columns << " " << g.m << "x" << g.n << "x" << g.k);
    // The walk: a tile shifts in from the moment the one before starts to work; vector v of a fold
    // is in element (i, j) at start + v + i + j. No element has two at once, and none without its
    // weights.
    const std::int64_t across = (g.n + p.columns - 1) / p.columns,
                       down = (g.k + p.rows - 1) / p.rows;
    std::vector<std::int64_t> busy_until(static_cast<std::size_t>(p.rows * p.columns), 0);
    std::int64_t loaded = p.rows, start = 0, end = 0;  // when the tile is in place
    for (std::int64_t f = 0; f < across * down; ++f) {
      start = f == 0 ? loaded : std::max(loaded, start + g.m);
      for (int i = 0; i < p.rows; ++i)
        for (int j = 0; j < p.columns; ++j) {
          std::int64_t& until = busy_until[static_cast<std::size_t>(i * p.columns + j)];
          CHECK(until <= start + i + j);
          until = start + g.m + i + j;
        }
      loaded = start + p.rows;
      const std::int64_t r = std::min<std::int64_t>(p.rows, g.k - f % down * p.rows),
                         c = std::min<std::int64_t>(p.columns, g.n - f / down * p.columns);
      end = start + g.m + r + c - 2;
    }
    CHECK(run.compute_cycles == end);
  }
}

TEST_CASE("double buffering in closed form is the loop over all folds", "[accel]") {
  std::mt19937 random(3);
  for (int n = 0; n < 300; ++n) {
    const int rows = static_cast<int>(draw(random, 1, 8)),
              columns = static_cast<int>(draw(random, 1, 8));
    // From scratchpads of one double-buffered tile to ones that keep all.
    const double pads = 8.0 * rows * columns * std::pow(2, double(draw(random, 0, 8)));
    ArrayGemm g;
    g.m = draw(random, 1, 90), g.n = draw(random, 1, 90), g.k = draw(random, 1, 90);
    const double rate = std::pow(10, std::uniform_real_distribution<double>(-1, 2)(random));
    for (const char* dataflow : dataflows) {
      const Dataflow::Plan plan =
          SystolicArray(small(rows, columns, dataflow, pads)).plan(g, BytesPerSecond(rate * 1e9));
      const FoldTime fast = time_folds(plan.nest, plan.cost, rate), slow = loop_over(plan, rate);
      INFO(dataflow << " " << rows << "x" << columns << " " << g.m << "x" << g.n << "x" << g.k
                    << ", nest " << plan.nest.outer << " " << plan.nest.middle << " "
                    << plan.nest.inner);
      CHECK(fast.total == Approx(slow.total).epsilon(1e-9));  // the loop rounds 10^5 times
      CHECK(fast.compute == slow.compute);
      CHECK(fast.loaded == Approx(slow.loaded).epsilon(1e-9));
      CHECK(fast.stored == Approx(slow.stored).epsilon(1e-9));
      // The bounds: neither station can be beaten, both one after another always suffices.
      const double memory = (fast.loaded + fast.stored) / rate;
      CHECK(fast.total >= std::max(double(fast.compute), memory) * (1 - 1e-12));
      CHECK(fast.total <= (double(fast.compute) + memory) * (1 + 1e-12));
      // Every operand comes and every result goes at least once.
      CHECK(fast.loaded >= 2.0 * double(g.m * g.k + g.k * g.n));
      CHECK(fast.stored == 2.0 * double(g.m * g.n));
    }
  }
}

TEST_CASE("scratchpads that hold everything load everything once", "[accel]") {
  ArrayGemm g;
  g.m = 300, g.n = 500, g.k = 200;
  for (const char* dataflow : dataflows) {
    const SystolicRun run = SystolicArray(small(16, 16, dataflow, 4 << 20)).run(g, endless);
    INFO(dataflow);
    CHECK(run.memory_read == 2.0 * (300 * 200 + 200 * 500));
    CHECK(run.memory_written == 2.0 * 300 * 500);
  }
}

TEST_CASE("a smaller scratchpad is paid for in memory traffic, never in less", "[accel]") {
  ArrayGemm g;
  g.m = 512, g.n = 512, g.k = 512;
  for (const char* dataflow : dataflows) {
    double last = 0;
    for (double pads = 4 << 20; pads >= 8.0 * 32 * 32; pads /= 2) {
      const SystolicRun run = SystolicArray(small(32, 32, dataflow, pads)).run(g, endless);
      INFO(dataflow << " with " << pads << " B: " << run.memory_read << " B read");
      CHECK(run.memory_read >= last);
      last = run.memory_read;
    }
    CHECK(last > 2.0 * 2 * 512 * 512);
  }
}

TEST_CASE("a slow memory sets the time, a fast one leaves the compute cycles", "[accel]") {
  ArrayGemm g;  // decode: one row
  g.m = 1, g.n = 4096, g.k = 4096;
  const SystolicArray array(small(128, 128, "weight_stationary", 4 << 20));
  const SystolicRun alone = array.run(g, endless);
  // 32 x 32 folds of 128 + 1 + 128 + 128 - 2 cycles.
  CHECK(alone.compute_cycles == 32 * 32 * 383);
  CHECK(alone.stall_cycles == 0);
  const SystolicRun slow = array.run(g, BytesPerSecond(10e9));  // 10 B a cycle
  const double bound = (slow.memory_read + slow.memory_written) / 10;
  INFO("bytes / rate = " << bound << " cycles, run " << slow.cycles << " ("
                         << percent_off(slow.cycles, bound) << " %)");
  CHECK(slow.cycles >= bound);
  CHECK(slow.cycles < bound * 1.001);  // but for the last fold's computation
  CHECK(slow.stall_cycles == slow.cycles - double(slow.compute_cycles));
}

TEST_CASE("energy of a product is its multiply-adds and its scratchpad bytes", "[accel]") {
  SystolicParams p = small(8, 8, "weight_stationary");
  p.energy.multiply_add = Joules(1e-12);
  p.energy.buffer_read = JoulesPerByte(2e-12);
  p.energy.buffer_write = JoulesPerByte(3e-12);
  ArrayGemm g;
  g.m = 8, g.n = 8, g.k = 16, g.count = 5;
  const SystolicRun run = SystolicArray(p).run(g, endless);
  CHECK(run.array_energy.value() == Approx(5 * 8 * 8 * 16 * 1e-12));
  // Read: inputs and weights once, sums of the first fold of rows once. Written: what is loaded,
  // and sums twice.
  const double read = 2 * (8 * 16 + 16 * 8) + 4 * 64, written = 2 * (8 * 16 + 16 * 8) + 4 * 128;
  CHECK(run.scratchpad_energy.value() == Approx(5 * (read * 2e-12 + written * 3e-12)));
}

TEST_CASE("a systolic array without rows, or with less than a tile of scratchpad, is a mistake",
          "[accel]") {
  const auto mistakes = [](const std::string& yaml) -> std::string {
    Mistakes found;
    const Node root = parse_config(yaml, "test", found);
    Reader reader(found);
    read<SystolicParams>(root, reader);
    try {
      found.raise();
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  CHECK(mistakes("{rows: 128, columns: 128}") == "");
  CHECK(mistakes("{rows: 0}").find("rows") != std::string::npos);
  CHECK(mistakes("{columns: -4}").find("columns") != std::string::npos);
  CHECK(mistakes("{clock: 0GHz}").find("clock") != std::string::npos);
  CHECK(mistakes("{element_bytes: 3}").find("element_bytes") != std::string::npos);
  CHECK(mistakes("{dataflow: row_stationary}").find("row_stationary") != std::string::npos);
  // 2 x 128 x 128 elements of 2 B are 64 KiB, sums of 4 B are 128 KiB.
  const std::string weights = mistakes("{weight_scratchpad: 32KiB}");
  INFO(weights);
  CHECK(weights.find("weight_scratchpad") != std::string::npos);
  CHECK(weights.find("double-buffered tile") != std::string::npos);
  CHECK(mistakes("{output_scratchpad: 64KiB}").find("output_scratchpad") != std::string::npos);
  CHECK(mistakes("{output_scratchpad: 128KiB, input_scratchpad: 64KiB}") == "");
}
