// Families that make up a machine: a component is a device (GPU, host, CXL memory, SSD), a link
// joins two.
#pragma once

#include <string>

#include "sim/machine.h"

namespace terrace {

class Component {
 public:
  struct Context {
    std::string name;
  };  // "gpu0"
  static constexpr const char* family = "component";
  static constexpr const char* meaning = "a device of the machine";
  virtual ~Component() = default;
  virtual void build(
      Machine& machine) const = 0;  // adds one device with its resources, tiers and engines
};

class Link {
 public:
  struct Context {
    std::string name;
    DeviceId from = none, to = none;
  };
  static constexpr const char* family = "link";
  static constexpr const char* meaning = "what joins two devices";
  virtual ~Link() = default;
  virtual void build(
      Machine& machine) const = 0;  // adds one link with a resource for each direction
};

}  // namespace terrace
