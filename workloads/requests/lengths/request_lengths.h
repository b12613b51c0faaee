// The family of joint distributions of a request's input and output length.
#pragma once

#include <cstdint>

#include "sim/random.h"

namespace terrace {

class RequestLengths {
 public:
  struct Context {};
  static constexpr const char* family = "lengths";
  static constexpr const char* meaning = "how many tokens requests bring and want, jointly";
  struct Pair {
    std::int64_t input = 0, output = 0;  // both at least 1
  };

  virtual ~RequestLengths() = default;
  virtual Pair draw(RandomStream& random) const = 0;
};

// Two uniforms in (0, 1) whose ranks correlate: a Gaussian copula with Spearman's rho
// `rank_correlation`, that is Pearson's 2 sin(pi rho / 6) (Kruskal, JASA 53, 1958).
class RankCopula {
 public:
  explicit RankCopula(double rank_correlation);  // in [-1, 1]
  struct Uniforms {
    double first = 0, second = 0;
  };
  Uniforms draw(RandomStream& random) const;

 private:
  double pearson_, rest_;
};

}  // namespace terrace
