// The family of arrival processes: how long until the next request, or the next conversation.
#pragma once

#include "sim/random.h"
#include "sim/units.h"

namespace terrace {

class ArrivalProcess {
 public:
  struct Context {};
  static constexpr const char* family = "arrival";
  static constexpr const char* meaning = "when requests come: the gaps between them";

  virtual ~ArrivalProcess() = default;
  // From one arrival to the next, and from the start to the first; not negative, never all zero.
  virtual Seconds gap(RandomStream& random) = 0;
};

}  // namespace terrace
