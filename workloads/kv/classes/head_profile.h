// What KV heads do with a captured text: how much of their attention goes far back, or to where the
// text said the same before, and what they lose when they see only sinks and recent tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/kv/attention_trace.h"
#include "workloads/kv/classes/classes.h"

namespace terrace {

struct HeadProfile {
  double far = 0;    // attention on tokens that are neither sinks nor recent
  double echo = 0;   // attention on the same token one period before, and on the one after it
  double error = 0;  // squared error of the output over sinks and recent tokens, relative
};

// Means over `queries` positions, evenly spaced over the second half of the text, and over the
// query heads of a KV head. `period`: after so many tokens the text repeats; 0: it does not.
// By layer * kv_heads + KV head.
std::vector<HeadProfile> profile_heads(const AttentionTrace& trace, std::int64_t sinks,
                                       std::int64_t recent, std::int64_t period,
                                       std::int64_t queries = 64);

// The `share` of heads that rank first, rounded up where it is a fraction of a head; equals: the
// lower layer, then the lower head.
std::vector<std::uint8_t> first_heads(const std::vector<double>& measure, double share);

// Those heads are a class of this name. State: the class of each head.
class FirstHeads : public KvClasses {
 public:
  FirstHeads(std::string name, const std::vector<double>& measure, double share, std::int64_t heads)
      : name_(std::move(name)), in_class_(first_heads(measure, share)), heads_(heads) {}
  std::string of(std::int64_t layer, std::int64_t head) override {
    return in_class_[static_cast<std::size_t>(layer * heads_ + head)] != 0 ? name_ : "";
  }

 private:
  std::string name_;
  std::vector<std::uint8_t> in_class_;
  std::int64_t heads_;
};

}  // namespace terrace
