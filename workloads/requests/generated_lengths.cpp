// Draws lengths until they are inside the limits, and counts how often that took more than one.
#include "workloads/requests/generated_lengths.h"

#include <fmt/format.h>

#include "sim/record.h"

namespace terrace {

GeneratedLengths::GeneratedLengths(const GeneratorParams& params, std::uint64_t seed)
    : params_(params), lengths_(params.lengths.make({})), random_(seed, "requests.lengths") {}

std::optional<RequestLengths::Pair> GeneratedLengths::draw(std::int64_t said) {
  constexpr int patience = 10'000;
  const std::int64_t before = params_.prefix.tokens + said;
  std::string broken = params_.broken(before + 1, 1);
  if (said > 0 && !broken.empty()) return std::nullopt;
  for (int tries = 0; tries < patience; ++tries) {
    RequestLengths::Pair pair = lengths_->draw(random_);
    pair.input += before;
    ++drawn_;
    broken = params_.broken(pair.input, pair.output);
    if (broken.empty()) return pair;
    if (said > 0) return std::nullopt;
    ++redrawn_;
    if (params_.too_long == LongDraw::error)
      throw BuildError("too_long", fmt::format("draw {}: {}; say too_long: redraw to draw again",
                                               drawn_, broken));
  }
  throw BuildError("too_long", fmt::format("{} draws in a row are too long: {}", patience, broken));
}

void GeneratedLengths::report(Record& record) const {
  record.stat("requests.redrawn", static_cast<double>(redrawn_), "1",
              "lengths drawn again because they were longer than a limit");
  if (redrawn_ > 0)
    record.remarks.push_back(fmt::format(
        "{} of {} drawn lengths were longer than a limit and drawn again", redrawn_, drawn_));
}

}  // namespace terrace
