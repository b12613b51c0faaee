// Lengths fitted to a published trace: two tabled CDFs and how their ranks go together.
#pragma once

#include <array>
#include <cstddef>

#include "workloads/requests/lengths/request_lengths.h"

namespace terrace {

// P(length <= tokens) = share; between knots every whole length is as likely as any other.
struct Knot {
  double tokens = 0, share = 0;
};

// Counts of a trace by bands of input length (rows) and output length (columns), short to long;
// inside a cell ranks are uniform. The sums of rows and columns say how wide the bands are.
using RankTable = std::array<std::array<int, 10>, 10>;

class FittedLengths : public RequestLengths {
 public:
  template <std::size_t I, std::size_t O>
  FittedLengths(const std::array<Knot, I>& input, const std::array<Knot, O>& output,
                const RankTable& ranks)
      : FittedLengths({input.data(), I}, {output.data(), O}, ranks) {}
  Pair draw(RandomStream& random) const final;

 private:
  struct Table {
    const Knot* knots;
    std::size_t count;
    std::int64_t quantile(double u) const;
  };
  FittedLengths(Table input, Table output, const RankTable& ranks);

  Table input_, output_;
  RankTable ranks_;
  std::array<int, 10> rows_{}, columns_{};  // sums
  int total_ = 0;
};

}  // namespace terrace
