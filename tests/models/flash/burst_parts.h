// A drive of round numbers, and how it is driven, for tests of flash at burst level.
#pragma once

#include <memory>
#include <string>

#include "models/flash/ssd.h"
#include "sim/burst_drive.h"
#include "tests/models/parts.h"

namespace terrace::parts {

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

inline std::unique_ptr<BurstDevice> ssd(const std::string& yaml,
                                        const std::vector<std::string>& set = {}) {
  Mistakes mistakes;
  Node root = parse_config("member: " + yaml, "test", mistakes);
  for (const std::string& each : set) terrace::set(root, "member." + each, mistakes);
  Reader reader(mistakes);
  const auto holder = read<Holder<BurstDevice>>(root, reader);
  mistakes.raise();
  return holder.member.make({"ssd", 1});
}

inline BurstPattern pattern(std::uint32_t bytes, bool sequential, std::uint32_t depth,
                            double read_share = 1, std::uint64_t footprint = 0) {
  BurstPattern p;
  p.run_length = p.request_bytes = bytes;
  p.sequential = sequential;
  p.outstanding = depth;
  p.read_share = read_share;
  p.footprint = footprint ? footprint : 32u << 20;
  return p;
}

inline double per_second(const BurstMeasurement& m) {
  return static_cast<double>(m.requests) / m.span.seconds();
}

inline BurstMeasurement drive_of(BurstDevice& device, const BurstPattern& p,
                                 std::uint64_t requests = 4000) {
  return drive(device, p, requests, requests / 4);
}
inline double drive_rate(BurstDevice& device, const BurstPattern& p,
                         std::uint64_t requests = 4000) {
  return drive_of(device, p, requests).rate;
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
