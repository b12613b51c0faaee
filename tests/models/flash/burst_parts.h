// A drive of round numbers, and how it is driven, for tests of flash at burst level.
#pragma once

#include <memory>
#include <string>

#include "tests/models/parts.h"
#include "validate/device/flash_drive.h"

namespace terrace::parts {

using validate::drive_of;
using validate::drive_rate;
using validate::pattern;
using validate::per_second;
using validate::ssd;

// One die of SLC: sense 50 us, program 500 us, erase 5 ms; pages of 16 KiB in 16.384 us; no other
// times. `more` is merged into it.
inline std::string round_ssd(const std::string& more = "") {
  return "{kind: ssd, channels: 1, chips: 1, dies: 1, nand: {cell: slc, read: [50us], program: "
         "[500us], erase: 5ms, page: 16KiB, planes: 1, blocks_per_plane: 64, pages_per_block: 64}, "
         "channel: {rate: 1GB/s, command: 0s, plane_command: 0s}, translation: {unit: 16KiB, "
         "over_provisioning: 0.25}, buffer: {capacity: 1MiB, rate: 1000GB/s}, link: {lane: "
         "100GB/s, latency: 0s, management: 0}, command: 0s" +
         (more.empty() ? "" : ", " + more) + "}";
}

inline std::int64_t count(const BurstDevice& device, const std::string& name) {
  for (const BurstCount& c : device.counts())
    if (c.name == name) return c.times;
  return -1;
}

// Time of one request to an idle drive, s.
inline double alone(BurstDevice& device, std::uint64_t address, std::uint32_t bytes,
                    Direction direction = Direction::read, Time at = Time()) {
  std::vector<BurstAnswer> answers;
  device.advance(at, answers);
  answers.clear();
  BurstRequest r{77, address, bytes, direction};
  if (!device.offer(r, at)) return -1;
  while (true) {
    const Time next = device.next_event();
    device.advance(next, answers);
    for (const BurstAnswer& a : answers)
      if (a.id == 77) return (a.at - at).seconds();
  }
}

}  // namespace terrace::parts
