// The longest requests that a source may send. Longer ones are never cut: they are a mistake, or
// they are left out and counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/schema.h"

namespace terrace {

struct LengthLimits {
  std::optional<std::int64_t> max_input, max_output, max_total;

  template <class P>
  static void fields(Schema<P>& s) {
    s.field("max_input", &P::max_input, "longest prompt, in tokens; none: any length").at_least(1);
    s.field("max_output", &P::max_output, "longest answer, in tokens; none: any length")
        .at_least(1);
    s.field("max_total", &P::max_total, "longest prompt and answer together, in tokens")
        .at_least(2);
  }
  // Which limit is broken and by what, or "".
  std::string broken(std::int64_t input, std::int64_t output) const {
    const auto says = [](const char* key, std::int64_t limit, std::int64_t tokens) {
      return std::to_string(tokens) + " tokens exceed " + key + " " + std::to_string(limit);
    };
    if (max_input && input > *max_input) return says("max_input", *max_input, input);
    if (max_output && output > *max_output) return says("max_output", *max_output, output);
    if (max_total && input + output > *max_total)
      return says("max_total", *max_total, input + output);
    return "";
  }
};

}  // namespace terrace
