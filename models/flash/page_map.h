// The page map of a flash translation layer: where each logical unit lies, which blocks are free,
// which one to clean. State only; models/flash/ssd.cpp gives it time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/flash/flash_layout.h"
#include "sim/random.h"

namespace terrace {

// A drive filled in order needs no table: its map is arithmetic, and tables appear only for what
// was written since (in chunks) and for the blocks that hold it.
class PageMap {
 public:
  static constexpr std::uint32_t unmapped = 0xffffffffu;   // never written: reads need no flash
  static constexpr std::uint32_t buffered = 0xfffffffeu;   // in the drive's DRAM, no place yet
  static constexpr std::uint32_t in_flight = 0x80000000u;  // flag: placed, program not done

  struct Settings {
    FlashLayout layout;
    std::uint32_t logical = 0;  // units that the host sees
    std::uint32_t filled = 0;   // of those, written in order before the start
    bool dynamic = true;        // a write goes to the next plane in turn; false: to its own plane
    std::uint32_t reserve = 1;  // free blocks of a plane that only cleaning may take
    std::uint32_t wear_gap =
        0;  // erases between most and least worn that start levelling; 0: never
  };
  explicit PageMap(Settings settings);

  std::uint32_t locate(std::uint32_t unit) const {
    const Chunk& chunk = map_[unit / chunk_units];
    return chunk ? chunk[unit % chunk_units] : identity(unit);
  }
  void set(std::uint32_t unit, std::uint32_t entry);
  std::uint32_t owner(std::uint32_t location) const;  // unit written there last, or unmapped
  bool valid(std::uint32_t location) const;           // it is there still
  void invalidate(std::uint32_t unit);                // where it lay holds it no longer

  bool room(std::uint32_t plane, bool cleaning) const;
  std::uint32_t next_plane(
      std::uint32_t unit);  // for a page that starts with it; none_left if full
  std::uint32_t open_page(std::uint32_t plane, bool cleaning);  // location of its first unit
  void place(std::uint32_t unit, std::uint32_t location, bool done);
  void programmed(std::uint32_t location);  // all units of that page are in the array now

  static constexpr std::uint32_t none_left = 0xffffffffu;
  // The block of the plane with least valid units, or the least worn one when wear has drifted
  // apart; none_left when cleaning gains nothing.
  std::uint32_t pick_victim(std::uint32_t plane) const;
  void erase(std::uint32_t block);

  // Writes `times` x logical units at random places and cleans at once, without time.
  void overwrite(double times, std::uint32_t keep_free, RandomStream& random);
  // Cleans until so many blocks of the plane are free, without time.
  void make_room(std::uint32_t plane, std::uint32_t keep_free);

  const FlashLayout& layout() const { return s_.layout; }
  std::uint32_t free_blocks(std::uint32_t plane) const { return free_[plane]; }
  std::uint32_t valid_units(std::uint32_t block) const { return valid_[block]; }
  std::uint32_t erases(std::uint32_t block) const { return erases_[block]; }
  std::uint32_t block_units() const { return s_.layout.pages * s_.layout.units; }
  std::int64_t moved() const { return moved_; }  // by overwrite()
  std::size_t bytes() const;                     // of tables

 private:
  static constexpr std::uint32_t chunk_units = 4096;
  enum class State : std::uint8_t { free, open, full };
  using Chunk = std::unique_ptr<std::uint32_t[]>;
  std::uint32_t identity(std::uint32_t unit) const;
  std::uint32_t identity_owner(std::uint32_t location) const;

  Settings s_;
  std::vector<std::uint32_t> order_, turn_of_;  // planes in turn; a plane's turn
  std::vector<Chunk> map_;                      // by unit
  std::vector<Chunk> owners_;                   // by block, null while its content is arithmetic
  std::vector<State> state_;                    // by block
  std::vector<std::uint8_t> rewritten_;         // by block: owners_ counts, not arithmetic
  std::vector<std::uint32_t> valid_, erases_;   // by block
  std::vector<std::uint32_t> open_, next_page_, free_;  // by plane
  std::uint32_t turn_ = 0;
  std::int64_t moved_ = 0;
};

}  // namespace terrace
