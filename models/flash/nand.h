// A NAND flash die as data: geometry, times by page type, what it can overlap. Read from a table in
// configs/flash/nand_*.yaml. Terms of the ONFI specification, revision 5.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/schema.h"

namespace terrace {

// Which reads of a die's planes may run as one: none, those at the same page of any block (ONFI
// multi-plane read), or all (independent plane reads).
enum class PlaneReads { single, same_page, independent };
template <>
struct EnumNames<PlaneReads> {
  static constexpr std::pair<const char*, PlaneReads> values[] = {
      {"single", PlaneReads::single},
      {"same_page", PlaneReads::same_page},
      {"independent", PlaneReads::independent}};
};

struct NandSuspend {
  Seconds wait{10e-6};    // until the array can read
  Seconds resume{5e-6};   // until the work goes on
  Seconds worth{20e-6};   // less than this left: not worth it
  Seconds longest{1e-3};  // of a stop, while reads keep coming
  int most = 8;           // times that one program or erase is stopped
  static void fields(Schema<NandSuspend>& s);
};

struct NandParams {
  std::string cell = "tlc";
  std::vector<Seconds> read{Seconds(45e-6), Seconds(55e-6), Seconds(65e-6)};
  std::vector<Seconds> program{Seconds(700e-6)};
  Seconds erase{3.5e-3};
  Bytes page{16384};
  int planes = 4, blocks_per_plane = 2048, pages_per_block = 256;
  PlaneReads plane_reads = PlaneReads::same_page;
  bool plane_programs = true;  // one program for a page in each plane
  bool cache_read = false;
  Seconds cache_busy{3e-6};
  std::optional<NandSuspend> program_suspend, erase_suspend;
  double endurance = 3000;  // programs and erases of a block
  Joules read_energy{10e-6}, program_energy{60e-6}, erase_energy{300e-6};  // page, page, block

  static void fields(Schema<NandParams>& s);
  void check(Checker& c) const;
  double mean_read() const;     // s
  double mean_program() const;  // s
};

}  // namespace terrace
