// Sums over a nest of folds by classes of equal neighbourhoods.
#include "models/accel/gemm_folds.h"

#include <algorithm>
#include <array>
#include <limits>

namespace terrace {
namespace {

struct Sample {
  std::int64_t index, times;
};

// Indices that stand for all: the ends, their neighbours, and one of those between.
struct Samples {
  std::array<Sample, 5> at{};
  std::size_t size = 0;
  explicit Samples(std::int64_t n) {
    if (n <= 5) {
      for (std::int64_t i = 0; i < n; ++i) add(i, 1);
      return;
    }
    add(0, 1);
    add(1, 1);
    add(2, n - 4);
    add(n - 2, 1);
    add(n - 1, 1);
  }
  void add(std::int64_t index, std::int64_t times) { at[size++] = {index, times}; }
  const Sample* begin() const { return at.data(); }
  const Sample* end() const { return at.data() + size; }
};

struct Position {
  std::int64_t outer, middle, inner;
};

// Past the end or before the start of the nest: outer is out of range.
Position step(const FoldNest& n, Position p, bool forward) {
  if (forward) {
    if (++p.inner < n.inner) return p;
    p.inner = 0;
    if (++p.middle < n.middle) return p;
    p.middle = 0;
    ++p.outer;
    return p;
  }
  if (--p.inner >= 0) return p;
  p.inner = n.inner - 1;
  if (--p.middle >= 0) return p;
  p.middle = n.middle - 1;
  --p.outer;
  return p;
}

}  // namespace

FoldTime time_folds(const FoldNest& nest, const FoldCost& cost, double bytes_per_cycle) {
  const auto at = [&](Position p) {
    return p.outer < 0 || p.outer >= nest.outer ? Fold{} : cost(p.outer, p.middle, p.inner);
  };
  const Samples outer(nest.outer), middle(nest.middle), inner(nest.inner);
  FoldTime t;
  for (const Sample& o : outer)
    for (const Sample& m : middle)
      for (const Sample& i : inner) {
        const Position here{o.index, m.index, i.index};
        const Fold fold = at(here);
        const double moved = at(step(nest, here, true)).load + at(step(nest, here, false)).store;
        const std::int64_t times = o.times * m.times * i.times;
        const double n = static_cast<double>(times);
        t.total += n * std::max(static_cast<double>(fold.cycles), moved / bytes_per_cycle);
        t.compute += times * fold.cycles;
        t.loaded += n * fold.load;
        t.stored += n * fold.store;
      }
  t.total += (at({0, 0, 0}).load + at({nest.outer - 1, nest.middle - 1, nest.inner - 1}).store) /
             bytes_per_cycle;
  return t;
}

}  // namespace terrace
