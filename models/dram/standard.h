// A DRAM standard as its table says it: levels, geometry, timings, rules, command buses, energy.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/dram/commands.h"
#include "sim/schema.h"

namespace terrace::dram {

// [after, before, level, wait] and, where it says so, "window 4" (the wait counts from the fourth
// last `after`) or "siblings" (it holds between the other nodes of that level below one parent).
// `after` and `before` are commands separated by spaces; `wait` is a sum such as
// "nCWL + nBL + nWTRL" in clocks.
using RuleText = std::vector<std::string>;

struct Energy {
  Joules activate;                             // of an ACT and the PRE that ends it
  std::map<std::string, JoulesPerByte> read;   // of every byte read, by what spends it
  std::map<std::string, JoulesPerByte> write;  // of every byte written; empty: as read
  Joules refresh_row;  // of one row's refresh in one bank; an all-bank refresh does it in each
  Watts background;    // of a channel: standby, clocks
  static void fields(Schema<Energy>& s);
};

struct Standard {
  std::string name;
  std::vector<std::string> levels;      // from the channel down to the bank, then row and column
  std::map<std::string, int> geometry;  // how many of each level its parent has
  int channel_bits = 64;
  int device_bits = 0;   // of one chip or pseudo-channel; 0: whatever a data bus has
  int burst_length = 8;  // beats
  std::string data_bus = "channel";
  std::string refresh_level = "channel";
  int rows_per_refresh = 1;  // of each bank, by one all-bank refresh
  Seconds clock{625e-12};
  bool separate_buses = false;           // a row and a column command bus
  std::map<std::string, double> cycles;  // clocks of its command bus that a command takes
  std::vector<std::string> half_clock;   // commands that may begin on a falling edge
  std::map<std::string, int> clocks;     // timings in clocks
  std::map<std::string, Seconds> times;  // timings in seconds, rounded up to clocks
  std::vector<RuleText> rules;
  Energy energy;

  static void fields(Schema<Standard>& s);
  void check(Checker& c) const;

  int size(const std::string& level) const;                 // 1 for the channel
  std::optional<int> timing(const std::string& key) const;  // in clocks
  int needed(const std::string& key) const;                 // the same; it has been checked
  int data_buses() const;                                   // of a channel
  std::uint32_t granule() const;                            // bytes of one burst
  std::uint64_t channel_bytes() const;
  double channel_peak() const;      // bytes per second
  bool has(Command command) const;  // is named by a rule
};

// The wait of a rule in clocks; nothing, and why, when it cannot be worked out.
std::optional<int> evaluate(const Standard& standard, const std::string& wait, std::string& why);
std::optional<Command> command_named(const std::string& name);
std::vector<std::string> words(const std::string& text);             // separated by spaces
int level_index(const Standard& standard, const std::string& name);  // -1: there is none

}  // namespace terrace::dram
