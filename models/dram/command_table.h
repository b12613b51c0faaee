// A standard made ready to run: rules in ticks, the nodes of every level, the command buses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/dram/standard.h"

namespace terrace::dram {

// A tick is half a command clock; time zero is tick zero.
using Tick = std::int64_t;
constexpr Tick never_tick = INT64_MAX / 4;

struct CompiledRule {
  Command before;
  std::uint8_t level = 0;   // index from the channel
  std::uint8_t window = 1;  // counts from the n-th last
  bool siblings = false;
  Tick wait = 0;
};

// Timings in JEDEC tables count from the last edge of a command; here a command's time is its first
// edge, so a rule grows by what its first command takes beyond a tick and shrinks by the second's.
class CommandTable {
 public:
  static constexpr int most_banks = 256;
  explicit CommandTable(const Standard& standard);

  const Standard& standard() const { return standard_; }
  int banks() const { return banks_; }
  int buses() const { return buses_; }  // data buses
  int bus_of(int bank) const { return node(data_bus_level_, bank); }
  int scopes() const { return nodes(scope_level_); }  // nodes of the refresh level
  int scope_of(int bank) const { return node(scope_level_, bank); }
  int levels() const { return static_cast<int>(nodes_.size()); }  // channel to bank
  int nodes(int level) const { return nodes_[static_cast<std::size_t>(level)]; }
  int node(int level, int bank) const { return bank / stride_[static_cast<std::size_t>(level)]; }
  int siblings(int level) const;  // nodes of that level below one parent

  const std::vector<CompiledRule>& after(Command c) const { return rules_[c]; }
  const std::vector<int>& levels_before(Command c) const { return levels_before_[c]; }
  int history(Command c, int level) const;  // issues of `c` that a node there remembers
  Tick cycles(Command c) const { return cycles_[c]; }
  Tick grid(Command c) const { return grid_[c]; }  // it begins at a multiple of this
  int command_bus(Command c) const { return command_bus_[c]; }
  bool has(Command c) const { return has_[c]; }

  Tick ticks(int clocks) const { return 2 * static_cast<Tick>(clocks); }
  Tick read_latency() const { return read_latency_; }    // first edge of RD to the last data
  Tick write_latency() const { return write_latency_; }  // the same of WR
  Time time(Tick tick) const { return Time::ps((tick * tick_fs_ + 500) / 1000); }
  Tick first_after(Time time) const {  // the first tick later than that
    return (time.ps() * 1000 + 500) / tick_fs_ + 1;
  }

 private:
  Standard standard_;
  int banks_ = 1, buses_ = 1;
  int scope_level_ = 0, data_bus_level_ = 0;
  std::vector<int> nodes_, stride_;
  std::vector<CompiledRule> rules_[command_count];
  std::vector<int> levels_before_[command_count];
  Tick cycles_[command_count] = {}, grid_[command_count] = {};
  int command_bus_[command_count] = {};
  bool has_[command_count] = {};
  Tick read_latency_ = 0, write_latency_ = 0;
  std::int64_t tick_fs_ = 1;
};

// When each command may next be given: what the rules leave, bank by bank.
class BankTimes {
 public:
  explicit BankTimes(const CommandTable& table);
  // The first tick at which the rules allow it; the command buses and the clock's edges included.
  Tick earliest(Command c, int bank) const {
    Tick at = bus_free_[table_.command_bus(c)];
    for (const Ref& ref : refs_[c])
      at = std::max(at, ready_[static_cast<std::size_t>(ref.offset + ref.of_bank[bank])]);
    const Tick grid = table_.grid(c);
    return grid == 1 ? at : (at + 1) & ~Tick{1};
  }
  Tick earliest(Command c, const std::vector<int>& banks) const;  // of one that takes many
  // The same where it is now or past; else a tick later than now that it is not before. Ready times
  // only ever grow, so what was worked out once remains a lower bound.
  Tick not_before(Command c, int bank, Tick now) {
    Tick& known = known_[static_cast<std::size_t>(bank * command_count + c)];
    if (known <= now) known = earliest(c, bank);
    return known;
  }
  void issue(Command c, int bank, Tick at);
  void issue(Command c, const std::vector<int>& banks, Tick at);

 private:
  struct Ref {
    int offset = 0;                         // of this command among a level's ready times
    const std::int32_t* of_bank = nullptr;  // where the node above a bank begins
  };
  void raise(int level, int node, Command before, Tick to) {
    Tick& ready = ready_[static_cast<std::size_t>(level_begin_[static_cast<std::size_t>(level)] +
                                                  node * command_count + before)];
    ready = std::max(ready, to);
  }
  void apply_special(const CompiledRule& rule, Command c, int node, Tick at);
  const CommandTable& table_;
  struct Direct {  // a rule between commands of one node
    const std::int32_t* of_bank = nullptr;
    int before = 0;
    Tick wait = 0;
  };
  std::vector<Direct> direct_[command_count];
  std::vector<CompiledRule> special_[command_count];  // windows and siblings
  std::vector<Tick> known_;
  std::vector<std::vector<std::int32_t>> of_bank_;  // by level
  std::vector<Tick> ready_;
  std::vector<Ref> refs_[command_count];
  std::vector<int> level_begin_;
  struct History {
    int level = 0, depth = 0;
    std::vector<Tick> last;        // a ring for each node
    std::vector<std::uint8_t> at;  // where each ring's oldest is
  };
  std::vector<History> histories_[command_count];
  Tick bus_free_[2] = {0, 0};
};

}  // namespace terrace::dram
