// What a NAND table says and which tables are impossible.
#include "models/flash/nand.h"

#include <cmath>
#include <numeric>

namespace terrace {
namespace {

double mean(const std::vector<Seconds>& times) {
  double sum = 0;
  for (const Seconds t : times) sum += t.value();
  return sum / static_cast<double>(times.size());
}

}  // namespace

double NandParams::mean_read() const { return mean(read); }
double NandParams::mean_program() const { return mean(program); }

void NandSuspend::fields(Schema<NandSuspend>& s) {
  s.field("wait", &NandSuspend::wait, "from the command until the die can read");
  s.field("resume", &NandSuspend::resume, "from the command until the work goes on");
  s.field("worth", &NandSuspend::worth, "work with less than this left is not stopped");
  s.field("longest", &NandSuspend::longest, "a stop ends after this even if reads wait");
  s.field("most", &NandSuspend::most, "times that one program or erase may be stopped")
      .between(1, 1000);
}

void NandParams::fields(Schema<NandParams>& s) {
  s.field("cell", &NandParams::cell, "bits a cell holds")
      .one_of({"slc", "pslc", "mlc", "tlc", "qlc"});
  s.field("read", &NandParams::read, "array to register, by page type: LSB, CSB, MSB …")
      .above(Seconds(0))
      .not_empty();
  s.field("program", &NandParams::program, "register to array, by page type, or one for all")
      .above(Seconds(0))
      .not_empty();
  s.field("erase", &NandParams::erase, "a block").above(Seconds(0));
  s.field("page", &NandParams::page, "data of a page").above(Bytes(0));
  s.field("planes", &NandParams::planes, "of a die").between(1, 16);
  s.field("blocks_per_plane", &NandParams::blocks_per_plane, "erase units of a plane")
      .between(1, 65536);
  s.field("pages_per_block", &NandParams::pages_per_block, "pages of an erase unit")
      .between(1, 16384);
  s.field("plane_reads", &NandParams::plane_reads, "which planes of a die sense together");
  s.field("plane_programs", &NandParams::plane_programs, "planes of a die program together");
  s.field("cache_read", &NandParams::cache_read,
          "the next page is sensed while the last leaves the cache register");
  s.field("cache_busy", &NandParams::cache_busy, "moving a page to the cache register");
  s.field("program_suspend", &NandParams::program_suspend, "reads may stop a program; none: no");
  s.field("erase_suspend", &NandParams::erase_suspend, "reads may stop an erase; none: no");
  s.field("endurance", &NandParams::endurance, "programs and erases a block bears").above(0);
  s.field("read_energy", &NandParams::read_energy, "of sensing a page");
  s.field("program_energy", &NandParams::program_energy, "of programming a page");
  s.field("erase_energy", &NandParams::erase_energy, "of erasing a block");
}

void NandParams::check(Checker& c) const {
  const double sectors = page.value() / 512;
  if (sectors < 1 || std::floor(sectors) != sectors)
    c.fail("page", to_text(page) + " is not a multiple of a sector, 512 B");
  if (program.size() != 1 && program.size() != read.size())
    c.fail("program", "has " + std::to_string(program.size()) + " page types, read has " +
                          std::to_string(read.size()));
  const auto types = static_cast<int>(read.size());
  if (types > pages_per_block) c.fail("read", "has more page types than a block has pages");
  const int bits = cell == "slc" || cell == "pslc" ? 1 : cell == "mlc" ? 2 : cell == "tlc" ? 3 : 4;
  if (types != 1 && types != bits)
    c.fail("read", "has " + std::to_string(types) + " page types, but a cell of " + cell +
                       " holds " + std::to_string(bits) + " bits");
  for (const Seconds t : read)
    if (t >= erase) c.fail("erase", "is not longer than a read of " + to_text(t));
}

}  // namespace terrace
