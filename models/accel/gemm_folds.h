// A matrix product cut into folds: what a systolic array works on at a time, and the exact time of
// a nest of folds whose operands are double-buffered.
#pragma once

#include <cstdint>
#include <functional>

namespace terrace {

// C[m,n] += A[m,k] B[k,n]: A are the inputs, B the weights. `count` of them, one after another.
struct ArrayGemm {
  std::int64_t m = 1, n = 1, k = 1, count = 1;
  double input_bytes = 2, weight_bytes = 2, output_bytes = 2;  // of an element
};

struct ArraySize {
  std::int64_t rows = 128, columns = 128;
};

// Double-buffered: one half is filled while the array works from the other.
struct Scratchpads {
  double input = 0, weight = 0, output = 0;  // bytes
  double accumulator_bytes = 4;              // of a partial sum in the output scratchpad
};

// What one fold costs; bytes are those moved from and to the memory for it.
struct Fold {
  std::int64_t cycles = 0;
  double load = 0, store = 0;
};

// Three loops of folds, the last the innermost.
struct FoldNest {
  std::int64_t outer = 1, middle = 1, inner = 1;
  std::int64_t folds() const { return outer * middle * inner; }
};
using FoldCost = std::function<Fold(std::int64_t, std::int64_t, std::int64_t)>;

struct FoldTime {
  double total = 0;          // cycles, with stalls
  std::int64_t compute = 0;  // cycles the array works
  double loaded = 0, stored = 0;
};

// While fold f is computed, the operands of f+1 come in and the results of f-1 go out, over one
// memory of `bytes_per_cycle`: the sum over f of max(cycles(f), (load(f+1) + store(f-1)) / rate),
// and the first load and the last store, which nothing hides. Folds that are equal and have equal
// neighbours are taken at once, so that the answer costs at most 125 folds whatever their number.
// The cost may differ between the first, the last and the other indices of a loop, not among those.
FoldTime time_folds(const FoldNest& nest, const FoldCost& cost, double bytes_per_cycle);

// `whole` in `parts` as even as they come: the length of part `index` when all but the last have
// `each`.
constexpr std::int64_t fold_length(std::int64_t whole, std::int64_t each, std::int64_t index) {
  const std::int64_t left = whole - index * each;
  return left < each ? left : each;
}
constexpr std::int64_t fold_count(std::int64_t whole, std::int64_t each) {
  return (whole + each - 1) / each;
}

}  // namespace terrace
