// How long a user reads and types between an answer and the next question.
#pragma once

#include "sim/random.h"
#include "sim/schema.h"
#include "sim/units.h"

namespace terrace {

enum class Spread : std::uint8_t { exponential, constant };
template <>
struct EnumNames<Spread> {
  static constexpr std::pair<const char*, Spread> values[] = {{"exponential", Spread::exponential},
                                                              {"constant", Spread::constant}};
};

struct ThinkTime {
  Seconds mean{0};
  Spread spread = Spread::exponential;
  static void fields(Schema<ThinkTime>& s) {
    s.field("mean", &ThinkTime::mean, "mean time between an answer and the next question")
        .at_most(Seconds(1e6));
    s.field("spread", &ThinkTime::spread, "how it is spread around the mean");
  }
  Time draw(RandomStream& random) const {
    const double m = mean.value();
    return Time::nearest(Seconds(spread == Spread::constant || m == 0 ? m : random.exponential(m)));
  }
};

}  // namespace terrace
