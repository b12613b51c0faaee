// The family of distributions of one length in tokens: of prompts, of answers, of conversations.
#pragma once

#include <cstdint>

namespace terrace {

class LengthDistribution {
 public:
  struct Context {};
  static constexpr const char* family = "length";
  static constexpr const char* meaning = "how one length is spread, in tokens (or turns)";

  virtual ~LengthDistribution() = default;
  // The inverse of the CDF, for 0 < u < 1: at least 1, and never falls as u rises.
  virtual std::int64_t quantile(double u) const = 0;
};

}  // namespace terrace
