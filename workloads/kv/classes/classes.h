// The family of those who sort heads into classes, each of which may have a policy of its own.
#pragma once

#include <cstdint>
#include <string>

#include "sim/registry.h"
#include "workloads/kv/events.h"

namespace terrace {

class KvClasses {
 public:
  using Context = MemberContext;
  static constexpr const char* family = "classes";
  static constexpr const char* meaning = "sorts heads into classes with policies of their own";

  virtual ~KvClasses() = default;
  // The class of a KV head, one of the names under `of_class`; "" for the policy itself.
  virtual std::string of(std::int64_t layer, std::int64_t head) = 0;
};

}  // namespace terrace
