// A solid-state drive at burst level: NVMe queues, PCIe, write buffer and page map in front of a
// flash array.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "models/flash/flash_array.h"
#include "models/flash/page_map.h"
#include "models/flash/serial_link.h"
#include "sim/burst.h"
#include "sim/registry.h"

namespace terrace {

// How the host learns that a request is done.
enum class Completion { interrupt, polling };
template <>
struct EnumNames<Completion> {
  static constexpr std::pair<const char*, Completion> values[] = {
      {"interrupt", Completion::interrupt}, {"polling", Completion::polling}};
};
// Where requests come from and data go: the host over PCIe, or an engine beside the channels.
enum class SsdPort { host, internal };
template <>
struct EnumNames<SsdPort> {
  static constexpr std::pair<const char*, SsdPort> values[] = {{"host", SsdPort::host},
                                                               {"internal", SsdPort::internal}};
};

struct SsdParams {
  struct Queues {
    int count = 8, depth = 1024;  // submission queues, and entries of each
    int fetched = 512;            // requests that the drive works on at once
    Completion completion = Completion::polling;
    Seconds interrupt{1.5e-6}, poll{0};
    static void fields(Schema<Queues>& s);
  };
  struct Buffer {
    Bytes capacity{64e6};
    BytesPerSecond rate{12.8e9};
    bool write_back = true;
    static void fields(Schema<Buffer>& s);
  };
  struct Translation {
    Bytes unit{4096};
    std::string order = "cwdp";
    bool dynamic = true;
    std::optional<Bytes> cache;  // of the map; none: all of it in DRAM
    double over_provisioning = 0.07;
    bool read_only = false;
    int clean_below = 4, urgent_below = 2;  // free blocks of a plane
    int wear_gap = 0;
    static void fields(Schema<Translation>& s);
  };
  struct Precondition {
    double filled = 1, overwrites = 0;
    static void fields(Schema<Precondition>& s);
  };
  NandParams nand;
  int channels = 8, chips = 4, dies = 1;
  FlashChannelParams channel;
  Translation translation;
  Precondition precondition;
  Buffer buffer;
  Queues queues;
  SerialLinkParams link;
  Seconds command{0.2e-6};  // the controller's time for each request, one after another
  Seconds firmware{0};      // latency of a request in the controller, overlapped
  SsdPort port = SsdPort::host;
  Watts idle_power{5};

  static void fields(Schema<SsdParams>& s);
  void check(Checker& c) const;
  FlashLayout layout() const;
  double raw_bytes() const;
  std::uint32_t logical_units() const;
};

class Ssd final : public BurstDevice {
 public:
  using Params = SsdParams;
  Ssd(const Params& params, const Context& context);

  bool offer(const BurstRequest& request, Time now) override;
  Time next_event() const override;
  void advance(Time now, std::vector<BurstAnswer>& answers) override;
  std::uint64_t footprint_limit() const override { return limit_; }
  std::uint32_t granule() const override { return 4096; }
  BytesPerSecond peak(Direction direction) const override;
  double bound(std::uint64_t run_length) const override;
  std::uint64_t settle_bytes() const override;
  std::vector<BurstCount> counts() const override;
  Watts background() const override { return params_.idle_power; }

  double write_amplification() const;  // pages programmed over pages the host wrote
  const PageMap& map() const { return map_; }
  const FlashArray::Counts& flash() const { return array_.counts(); }

 private:
  enum class Tag : std::uint32_t { read, map_read, map_write, old_read, program, move, erase };
  static constexpr std::uint32_t nobody = 0xffffffffu;
  struct Request {
    std::uint64_t id = 0, address = 0;
    std::uint32_t bytes = 0, left = 0, pending = 0, queue = 0;  // left: bytes not yet delivered
    Direction direction = Direction::read;
  };
  struct Due {
    std::int64_t at;
    std::uint32_t request;
  };
  struct Unit {  // written by the host, waiting for a page
    std::uint32_t unit, request;
  };
  struct Program {
    std::uint32_t location = 0, host_units = 0, plane = 0;
    bool cleaning = false;
    std::vector<std::uint32_t> requests;  // to tell, without write back
  };
  struct Cleaning {  // of a plane
    std::uint32_t victim = nobody, page = 0, reads = 0, programs = 0;
    std::deque<std::uint32_t> in_read;  // locations of pages being read
    std::vector<std::uint32_t> staged;  // units read, waiting for a whole page
    bool active = false, erasing = false;
  };
  struct Counts {
    std::int64_t read_requests = 0, write_requests = 0, host_units = 0, moved_units = 0;
    std::int64_t host_pages = 0, moved_pages = 0, buffer_hits = 0, unmapped_reads = 0;
    std::int64_t map_reads = 0, map_writes = 0, old_reads = 0, link_bytes = 0;
  };

  void admit(std::uint32_t request, std::int64_t now);
  void dispatch(std::uint32_t request, std::int64_t now);
  void start_reads(std::uint32_t request, std::int64_t now);
  void read_arrived(std::uint32_t request, std::uint32_t bytes, std::int64_t now);
  void finish(std::uint32_t request, std::int64_t now);
  void accept_write(std::uint32_t request, std::int64_t now);
  void take_units(std::uint32_t request, std::int64_t now);
  void flush(std::int64_t now);
  std::uint32_t new_program(std::uint32_t plane, std::uint32_t location, bool cleaning);
  void program(std::uint32_t record, std::int64_t now);
  void programmed(std::uint32_t record, std::int64_t now);
  void clean(std::uint32_t plane, std::int64_t now);
  void move(std::uint32_t plane, std::int64_t now);
  void moved(std::uint32_t plane, std::int64_t now);
  void erased(std::uint32_t plane, std::int64_t now);
  void done(std::uint32_t tag, std::int64_t now);
  std::uint32_t translate(std::uint32_t request, std::int64_t now);  // map pages to fetch first
  std::uint32_t aside(std::uint32_t what, std::uint32_t request);
  FlashOp map_page(std::uint32_t page, FlashWork work) const;
  void load_map(std::uint32_t page, std::int64_t now);
  void touch_map(std::uint32_t unit, std::int64_t now);
  void submit(Tag tag, std::uint32_t index, FlashOp op, std::int64_t now);
  std::uint32_t wanted(const Request& r, std::uint32_t unit) const;  // bytes of that unit

  Params params_;
  std::uint64_t limit_;
  std::uint32_t unit_bytes_, page_units_;
  PageMap map_;
  FlashArray array_;
  SerialLink link_;
  std::vector<Request> requests_;
  std::vector<std::uint32_t> free_requests_, in_queue_;
  std::vector<std::deque<std::uint32_t>> waiting_;  // by submission queue
  std::uint32_t turn_ = 0, fetched_ = 0, next_queue_ = 0;
  std::deque<Due> dispatch_, arrived_, answers_;              // each in order of time
  std::int64_t controller_ = 0, dram_ = 0, last_answer_ = 0;  // busy until
  std::deque<std::uint32_t> blocked_;                         // writes without room in the buffer
  std::uint32_t buffer_units_, buffered_ = 0;
  std::deque<Unit> unplaced_;
  std::vector<Program> programs_;
  std::vector<std::uint32_t> free_programs_;
  std::vector<Cleaning> cleaning_;  // by plane
  std::vector<std::uint32_t> done_;
  struct MapSlot {
    std::uint32_t page = nobody;
    bool used = false, dirty = false;
  };
  std::vector<MapSlot> map_slots_;       // a clock
  std::vector<std::uint32_t> map_slot_;  // by page of the map
  std::uint32_t map_hand_ = 0, map_units_ = 0;
  struct Aside {  // a read that is not the host's: a page of the map, or a unit to change in part
    std::uint32_t what, request;
  };
  std::vector<Aside> asides_;
  std::vector<std::uint32_t> free_asides_;
  Counts counts_;
};

}  // namespace terrace
