// "did you mean": the known word that a misspelt one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace terrace {

// The candidate that `word` was probably meant to be, or "".
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

// `. did you mean "…"?`, or "" when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace terrace
