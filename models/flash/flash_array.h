// Dies behind channels, in time: what is sensed, programmed and erased when, and what the buses
// carry. Knows pages, not logical addresses.
#pragma once

#include <cstdint>
#include <vector>

#include "models/flash/flash_layout.h"
#include "models/flash/nand.h"
#include "sim/units.h"

namespace terrace {

// The bus between the controller and its dies.
struct FlashChannelParams {
  BytesPerSecond rate{1.2e9};      // NV-DDR data: transfers per second x width
  Seconds command{0.3e-6};         // command and address cycles of one page or block
  Seconds plane_command{0.65e-6};  // of each further plane
  Seconds setup{0};                // before data of a page
  bool commands_first = true;      // short commands before waiting data; programs come last
  Seconds clock_grid{0};           // the time of a byte is cut to whole multiples; 0: exact
  JoulesPerByte energy{30e-12};
  static void fields(Schema<FlashChannelParams>& s);
  void check(Checker& c) const;
  double byte_ps() const;
};

enum class FlashWork : std::uint8_t { read, program, erase };
// Reads of hosts come first, then programs in order; reads and erases of cleaning when nothing else
// waits, or second when the die is urgent.
enum class FlashQueue : std::uint8_t { reads, programs, cleaning };

struct FlashOp {
  std::uint32_t tag = 0;    // comes back when done
  std::uint32_t plane = 0;  // of the drive
  std::uint32_t page = 0;   // in its block
  std::uint32_t bytes = 0;  // over the bus
  FlashWork work = FlashWork::read;
  FlashQueue queue = FlashQueue::reads;
};

class FlashArray {
 public:
  FlashArray(const NandParams& nand, const FlashChannelParams& channel, const FlashLayout& layout);

  void submit(const FlashOp& op, Time now);
  void urgent(std::uint32_t die, bool on) { dies_[die].urgent = on; }
  Time next_event() const { return events_.empty() ? Time::never() : Time::ps(events_.front().at); }
  // Does everything due at `now`; appends tags of what ended.
  void advance(Time now, std::vector<std::uint32_t>& done);

  struct Counts {
    std::int64_t reads = 0, programs = 0, erases = 0, multi_plane = 0, suspends = 0, bus_bytes = 0;
    std::int64_t sense_ps = 0, bus_ps = 0;  // summed over dies, over channels
  };
  const Counts& counts() const { return counts_; }
  std::uint32_t queued(std::uint32_t die) const { return dies_[die].waiting; }

 private:
  static constexpr std::uint32_t nobody = 0xffffffffu;
  struct Slot {
    FlashOp op;
    std::uint32_t next = nobody;
  };
  struct List {
    std::uint32_t head = nobody, tail = nobody, count = 0;
    bool empty() const { return head == nobody; }
  };
  enum class Array : std::uint8_t { idle, sensing, holding, programming, erasing, suspending };
  struct Die {
    List queues[3];
    List active, stopped;  // what the array does; what a read has stopped
    std::int64_t until = 0, left = 0, stopped_until = 0;
    std::uint32_t waiting = 0, out = 0;  // in queues; pages on their way out
    std::uint32_t stops = 0;
    Array array = Array::idle, stopped_array = Array::idle;
    bool urgent = false;
  };
  struct Channel {
    List out;                       // pages waiting for the bus
    std::uint32_t on_bus = nobody;  // page that the bus carries out
    std::uint32_t turn = 0, die = nobody;
    bool busy = false;
  };
  struct Event {
    std::int64_t at;
    std::uint32_t order, who;  // who: a channel, or channels + die
    bool operator>(const Event& o) const { return at != o.at ? at > o.at : order > o.order; }
  };

  void append(List& list, std::uint32_t slot);
  std::uint32_t pop(List& list);
  void post(std::int64_t at, std::uint32_t who);
  const List* choose(const Die& die,
                     std::int64_t now) const;  // the queue that the die would serve next
  bool issue(std::uint32_t channel, std::uint32_t die, bool short_only, std::int64_t now);
  bool issue_next(std::uint32_t channel, bool short_only, std::int64_t now);
  void gather(List& from, List& batch);  // what may run with the batch's first
  void kick(std::uint32_t channel, std::int64_t now);
  void try_suspend(std::uint32_t die, std::int64_t now);
  void try_resume(std::uint32_t die, std::int64_t now);
  void release(Die& die, Channel& channel);  // sensed pages to the bus
  void channel_done(std::uint32_t channel, std::int64_t now, std::vector<std::uint32_t>& done);
  void die_done(std::uint32_t die, std::int64_t now, std::vector<std::uint32_t>& done);

  NandParams nand_;
  FlashLayout layout_;
  std::vector<std::int64_t> read_ps_, program_ps_;  // by page type
  std::int64_t erase_ps_, command_ps_, plane_command_ps_, setup_ps_, cache_ps_;
  double byte_ps_;
  bool commands_first_;
  std::vector<Die> dies_;
  std::vector<Channel> channels_;
  std::vector<Slot> slots_;
  std::uint32_t free_slot_ = nobody;
  std::vector<Event> events_;  // a heap
  std::uint32_t order_ = 0;
  Counts counts_;
};

}  // namespace terrace
