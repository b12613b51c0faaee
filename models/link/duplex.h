// A link with a resource for each direction, named after the ends: "gpu0.to_host", "host.to_gpu0".
#pragma once

#include <string>
#include <utility>

#include "sim/component.h"

namespace terrace {

// Adds both resources and the link. `capacity`: bytes per second one way before framing; `info`
// brings everything but names, ends and resources. A second link between the same ends is told
// apart by "_2".
inline std::int32_t add_duplex(Machine& machine, const Link::Context& context, LinkInfo info,
                               BytesPerSecond capacity, JoulesPerByte energy) {
  const std::string from = machine.devices().at(static_cast<std::size_t>(context.from)).name;
  const std::string to = machine.devices().at(static_cast<std::size_t>(context.to)).name;
  int twins = 1;
  for (const LinkInfo& other : machine.links())
    twins += (other.from == context.from && other.to == context.to) ||
             (other.from == context.to && other.to == context.from);
  const std::string suffix = twins > 1 ? "_" + std::to_string(twins) : "";
  const auto one_way = [&](const std::string& a, const std::string& b) {
    return machine.add_resource({a + ".to_" + b + suffix, "B", capacity.value(), energy.value(),
                                 ResourceClass::link, "bytes from " + a + " to " + b, none});
  };
  info.name = context.name;
  info.from = context.from;
  info.to = context.to;
  info.forward = one_way(from, to);
  info.backward = one_way(to, from);
  return machine.add_link(std::move(info));
}

}  // namespace terrace
