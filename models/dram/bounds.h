// What no controller can beat: closed forms of a standard for a pattern, to print beside a figure.
#pragma once

#include <string>

#include "models/dram/dram.h"

namespace terrace::dram {

// Shares of the peak of a channel's data buses.
struct Bounds {
  double refresh = 1;          // of the time that is left beside all-bank refresh
  double data_bus = 1;         // bursts back to back, turnarounds included
  double activate_window = 1;  // four activates in tFAW, one in tRRD
  double row_bus = 1;          // an ACT and a PRE for each row opened
  double column_bus = 1;       // a command for each burst
  double banks = 1;            // each bank opens a row every tRC
  double least() const;
  std::string by() const;  // which of them is the least: "activate window"
};

struct BoundPattern {
  double bytes_per_row = 0;  // useful bytes for each row that is opened; 0: the whole row
  double read_share = 1;
  double bursts_per_turn = 0;  // bursts on one data bus between two turns of it; 0: it never turns
  double touched_share = 1;    // of the bytes that move, how many are wanted
};

// `refresh` is the kind of the device's choice: "all_bank", "per_bank", "same_bank" or "none".
Bounds bounds(const Standard& standard, const std::string& refresh, const BoundPattern& pattern);

// The bytes that a run of `run` bytes at random finds in one row, by the device's mapping: what an
// activate can serve at best if no other run shares its row.
double bytes_per_row(const DramParams& params, std::uint64_t run);

}  // namespace terrace::dram
