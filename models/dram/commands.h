// The commands that a DRAM channel understands.
#pragma once

#include <array>
#include <cstdint>

namespace terrace::dram {

// PREA and REFab take every bank of the level that refreshes together; REFsb the bank of the same
// number in each of its bank groups.
enum Command : std::uint8_t { ACT, PRE, PREA, RD, WR, RDA, WRA, REFab, REFpb, REFsb };
constexpr int command_count = 10;
constexpr std::array<const char*, command_count> command_names = {
    "ACT", "PRE", "PREA", "RD", "WR", "RDA", "WRA", "REFab", "REFpb", "REFsb"};

constexpr bool is_column(Command c) { return c >= RD && c <= WRA; }
constexpr bool takes_many_banks(Command c) { return c == PREA || c == REFab || c == REFsb; }

}  // namespace terrace::dram
