// One DRAM channel and its controller: read and write queues, banks, command buses, refresh. It
// jumps from one tick at which a command may be given to the next.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/dram/command_table.h"
#include "models/dram/refresh.h"
#include "models/dram/row_policy.h"
#include "models/dram/scheduler.h"

namespace terrace::dram {

// A set of banks.
class BankSet {
 public:
  void add(int bank) { words_[word(bank)] |= bit(bank); }
  void remove(int bank) { words_[word(bank)] &= ~bit(bank); }
  void set(int bank, bool in) { in ? add(bank) : remove(bank); }
  bool has(int bank) const { return words_[word(bank)] & bit(bank); }
  BankSet without(const BankSet& o) const {
    BankSet out;
    for (std::size_t i = 0; i < words_.size(); ++i) out.words_[i] = words_[i] & ~o.words_[i];
    return out;
  }
  template <class Visit>
  void each(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i)
      for (std::uint64_t w = words_[i]; w; w &= w - 1)
        visit(static_cast<int>(i) * 64 + __builtin_ctzll(w));
  }

 private:
  static std::size_t word(int bank) { return static_cast<std::size_t>(bank) / 64; }
  static std::uint64_t bit(int bank) { return std::uint64_t{1} << (bank % 64); }
  std::array<std::uint64_t, CommandTable::most_banks / 64> words_{};
};

struct ChannelRules {
  SchedulingRules scheduling;
  RowRules rows;
  RefreshPlan refresh;
  int read_queue = 32, write_queue = 32;
};

// A command as it was given, for tests that check a whole run against the rules.
struct Issued {
  Tick at = 0;
  Command command = ACT;
  int bank = 0;  // the first of those it takes
};

struct Completion {
  Tick at = 0;
  std::uint32_t token = 0;
};

// Completions of one kind come in order, as their latency is constant.
class CompletionQueue {
 public:
  bool empty() const { return begin_ == end_; }
  const Completion& front() const { return ring_[begin_ & (ring_.size() - 1)]; }
  void pop() { ++begin_; }
  void push(Completion c) {
    if (end_ - begin_ == ring_.size()) grow();
    ring_[end_++ & (ring_.size() - 1)] = c;
  }

 private:
  void grow();
  std::vector<Completion> ring_ = std::vector<Completion>(64);
  std::size_t begin_ = 0, end_ = 0;
};

class Channel {
 public:
  Channel(const CommandTable& table, const ChannelRules& rules);

  bool room(bool write) const { return count_[write] < capacity_[write]; }
  void push(bool write, int bank, std::uint32_t row, std::uint32_t token, Tick first);
  // The tick at which process() is next due.
  Tick next() const { return std::max(last_ + 1, std::min({column_at_, row_at_, refresh_at_})); }
  void process(Tick now);
  // Due completions, reads and writes each in order.
  CompletionQueue& done(bool write) { return done_[write]; }
  Tick next_done() const {
    return std::min(done_[0].empty() ? never_tick : done_[0].front().at,
                    done_[1].empty() ? never_tick : done_[1].front().at);
  }
  bool idle() const { return waiting_ == 0; }
  std::int64_t issued(Command c) const { return issued_[c]; }
  std::int64_t banks_refreshed() const { return banks_refreshed_; }
  void log(std::vector<Issued>* to) { log_ = to; }  // null: none

 private:
  struct Entry {
    std::uint64_t age = 0;  // its place in the order of arrival
    Tick came = 0;
    std::uint32_t row = 0, token = 0;
    int next = -1, before = -1;
    bool write = false;
  };
  // Requests of one direction for one bank, in order of arrival.
  struct Lane {
    int head = -1, tail = -1, count = 0;
    int hits = 0;              // of them, for the open row
    int hit = -1, other = -1;  // the oldest that hits, and that does not
  };
  struct Bank {
    std::int64_t row = -1;  // open; -1: closed
    int reserved = -1;      // the request that its ACT was for; the row waits for it
    int scope = 0;
    Tick used = 0;
  };
  struct Scope {
    int owed = 0, waiting = 0, target = -1;  // target: being refreshed; -1: none
    std::vector<bool> done;                  // of this round
    int remaining = 0;
  };
  struct Pick {
    int bank = -1;
    std::uint64_t age = UINT64_MAX;
    Tick soonest = never_tick;
    // True when it is the oldest so far of those that may go now.
    bool offer(Tick now, Tick at, std::uint64_t a, int b) {
      if (at > now) {
        soonest = std::min(soonest, at);
      } else if (a < age) {
        age = a;
        bank = b;
        return true;
      }
      return false;
    }
  };

  Lane& lane(bool write, int bank) { return lanes_[static_cast<std::size_t>(2 * bank + write)]; }
  const Lane& lane(bool write, int bank) const {
    return lanes_[static_cast<std::size_t>(2 * bank + write)];
  }
  Bank& bank(int b) { return banks_[static_cast<std::size_t>(b)]; }
  Entry& entry(int e) { return pool_[static_cast<std::size_t>(e)]; }
  void issue(Command c, int bank, Tick now) {
    times_.issue(c, bank, now);
    ++issued_[c];
    if (log_) log_->push_back({now, c, bank});
  }
  void issue(Command c, const std::vector<int>& banks, Tick now) {
    times_.issue(c, banks, now);
    ++issued_[c];
    if (log_) log_->push_back({now, c, banks.front()});
  }
  void mark(bool write, int bank);  // brings the sets of candidates up to date
  void unlink(bool write, int bank, int e);
  void row_opened(int bank);
  void row_closed(int bank);
  void set_mode(Tick now);
  bool must_turn() const;
  std::uint64_t oldest() const;  // age of the oldest request that may go in order
  bool row_is_kept(const Lane& l) const;

  void column(Tick now);
  void give_column(int b, int e, Tick now);
  void row(Tick now);
  void activate(int b, Tick now);
  void precharge(int b, Tick now);
  void close_idle(Tick now, Pick& pick);
  void refresh_due(Tick now);
  void arm(int scope, Tick now);
  bool refresh(Tick now, Tick& soonest);  // gives a command of a refresh that is under way
  bool refresh(int scope, Tick now, Tick& soonest);
  void refresh_done(int scope, const std::vector<int>& banks, Tick now);

  const CommandTable& table_;
  ChannelRules rules_;
  BankTimes times_;
  std::vector<Bank> banks_;
  std::vector<Lane> lanes_;
  std::vector<Entry> pool_;
  std::vector<Scope> scopes_;
  int free_ = -1;
  int count_[2] = {0, 0}, capacity_[2];
  double drain_high_, drain_low_;
  int reads_since_ = 0, waiting_ = 0, refreshing_ = 0;
  bool write_mode_ = false;
  std::uint64_t arrivals_ = 0;
  BankSet reserved_, hits_[2], rows_[2], open_, blocked_;
  Tick column_at_ = never_tick, row_at_ = never_tick, refresh_at_ = never_tick, last_ = -1;
  Tick age_cap_ = 0, idle_ = never_tick;
  double refresh_exact_ = 0;
  CompletionQueue done_[2];
  std::int64_t issued_[command_count] = {}, banks_refreshed_ = 0;
  std::vector<Issued>* log_ = nullptr;
};

}  // namespace terrace::dram
