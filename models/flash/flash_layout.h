// Where pages lie: channels, chips, dies, planes, blocks, pages and mapping units as flat numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace {

// A location is a unit's number in the whole drive: ((plane x blocks + block) x pages + page) x
// units + slot, with planes numbered channel by channel, chip by chip, die by die.
struct FlashLayout {
  std::uint32_t channels = 1, chips = 1, dies = 1;  // chips of a channel, dies of a chip
  std::uint32_t planes = 1, blocks = 1, pages = 1;  // of a die, of a plane, of a block
  std::uint32_t units = 1;                          // mapping units of a page
  std::string order = "cwdp";  // which of channel, way (chip), die, plane changes first

  std::uint32_t dies_per_channel() const { return chips * dies; }
  std::uint32_t all_dies() const { return channels * dies_per_channel(); }
  std::uint32_t all_planes() const { return all_dies() * planes; }
  std::uint64_t all_units() const { return std::uint64_t{all_planes()} * blocks * pages * units; }
  std::uint32_t die_of_plane(std::uint32_t plane) const { return plane / planes; }
  std::uint32_t channel_of_die(std::uint32_t die) const { return die / dies_per_channel(); }

  // Planes in the order in which consecutive pages go to them.
  std::vector<std::uint32_t> plane_order() const {
    const auto extent = [&](char level) {
      return level == 'c' ? channels : level == 'w' ? chips : level == 'd' ? dies : planes;
    };
    std::vector<std::uint32_t> sequence(all_planes());
    for (std::uint32_t i = 0; i < sequence.size(); ++i) {
      std::uint32_t rest = i, c = 0, w = 0, d = 0, p = 0;
      for (const char level : order) {
        const std::uint32_t digit = rest % extent(level);
        rest /= extent(level);
        (level == 'c' ? c : level == 'w' ? w : level == 'd' ? d : p) = digit;
      }
      sequence[i] = ((c * chips + w) * dies + d) * planes + p;
    }
    return sequence;
  }
};

}  // namespace terrace
