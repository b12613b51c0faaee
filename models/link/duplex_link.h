// Any link at burst level: two lanes, requests out and replies back, credits, tags, an engine that
// cuts transfers into packets, and the memory at the far end. A standard is a DuplexSpec.
// Source of the scheme: flow control and split transactions of the PCI Express Base Specification
// 5.0, ch. 2 and 3; CXL, NVLink and RoCE are the same with other numbers.
#pragma once

#include <array>
#include <memory>

#include "models/link/serial_lane.h"
#include "sim/burst.h"
#include "sim/registry.h"

namespace terrace {

// Of transfers in one direction. A unit is what its lane counts: a byte, or 4 bytes of a flit.
struct DuplexTraffic {
  std::uint32_t request_bytes = 256;  // most data of a request; requests end at its multiples
  std::uint32_t reply_bytes = 256;    // reads: most data of a reply
  std::uint32_t data_multiple = 4;    // data of a packet are padded to it
  std::uint32_t request_units = 24;   // of a request without its data
  std::uint32_t first_units = 0;      // more in the first request of a transfer
  std::uint32_t reply_units = 20;     // of a reply without its data; 0 for writes: posted
  std::uint32_t replies_every = 1;    // writes: one reply for so many requests of a transfer
  std::uint32_t tags = 0;             // requests that wait for a reply; 0: no limit
  std::uint32_t credit_packets = 64, credit_bytes = 65536;  // room for requests at the far end
  bool hold_credit = false;  // until the far memory has served it; else until it has taken it
  Seconds far_latency;       // of the memory at the far end, where there is no `below`
};

struct DuplexSpec {
  LaneSpec out, back;            // requests and data written; replies and data read
  std::uint32_t unit_bytes = 1;  // data bytes of a unit
  Seconds delay_out, delay_back;
  BytesPerSecond far_rate;  // of the memory at the far end, both directions together; 0: no limit
  std::uint64_t far_bytes = 0;                       // its size
  std::uint32_t far_slots = 0;                       // requests that it takes at once; 0: no limit
  std::array<DuplexTraffic, 2> traffic;              // read, write
  bool share_tags = false;                           // those of reads are for both
  std::uint32_t ack_bytes = 0, ack_every = 1;        // on the other lane, for packets received
  std::uint32_t update_bytes = 0, update_every = 1;  // the same, when credits are given back
  Seconds issue;               // a transfer's turn of the one thread that submits them
  Seconds entry;               // from there to the engine
  Seconds start, finish;       // the engine before a transfer's first request, after its last reply
  bool one_at_a_time = false;  // a direction's next transfer starts when the last has finished
  Seconds notice;              // until whoever waits knows
  std::uint32_t transfer_bytes = 64;  // most that is asked at once
  std::uint32_t queue = 1024;         // transfers accepted and not answered
  BytesPerSecond peak;                // one way
  JoulesPerByte energy;               // of a byte on the wire
};

// The memory that a link's `below` names; none: null.
inline std::unique_ptr<BurstDevice> make_below(const Choice<BurstDevice>& below,
                                               const BurstDevice::Context& context) {
  if (below.empty()) return nullptr;
  return below.make({context.name + ".below", context.seed});
}

class DuplexLink : public BurstDevice {
 public:
  DuplexLink(const DuplexSpec& spec, std::unique_ptr<BurstDevice> below);

  bool offer(const BurstRequest& request, Time now) override;
  Time next_event() const override;
  void advance(Time now, std::vector<BurstAnswer>& answers) override;
  std::uint64_t footprint_limit() const override;
  std::uint32_t granule() const override { return 64; }
  std::uint32_t request_bytes() const override { return spec_.transfer_bytes; }
  BytesPerSecond peak(Direction) const override { return spec_.peak; }
  double bound(std::uint64_t run_length) const override;
  std::vector<BurstCount> counts() const override;
  Watts background() const override { return below_ ? below_->background() : Watts(0); }

  // Jumping over repetitions of long transfers, which changes no answer and no count.
  void set_folding(bool on) { folding_ = on; }
  std::int64_t packets() const;  // requests, replies and management packets

 private:
  enum Count { read_request, read_reply, write_packet, write_reply, management, count_kinds };
  static constexpr std::uint32_t nobody = 0xffffffff;
  struct Transfer {
    std::uint64_t id = 0, address = 0;
    std::uint32_t bytes = 0, sent = 0, served = 0, done = 0;  // sent: cut into requests
    std::uint32_t unreplied = 0, unreplied_bytes = 0;
    Tick ready = 0;
    std::uint8_t way = 0;
  };
  struct Packet {
    Tick at;
    std::uint32_t transfer, bytes, offset;
    std::uint32_t tags;  // replies: given back with it
  };
  struct Stream {  // one direction's engine
    std::uint32_t current = nobody;
    Tick next = no_tick, engine_free = 0;
    bool busy = false, wants_credit = false, wants_tag = false;
    Ring<std::uint32_t> waiting;
  };
  struct FarRequest {  // a request in the memory below
    Packet packet;
    std::uint32_t offered = 0, pieces = 0;
    bool in_far = false;
  };
  struct Repetition {  // the same again and again until the transfer nears its end
    bool on = false;
    Tick from = 0, period = 0;
    std::int64_t times = 0;
    std::uint32_t bytes = 0;
    std::array<std::int64_t, count_kinds> counts{};
    std::int64_t out_bytes = 0, back_bytes = 0;
  };

  void run_until(Tick limit);
  void begin_next(std::size_t way, Tick now);
  void cut(std::size_t way);
  void arrive_far();
  void start_far(Packet packet);
  void serve(const Packet& packet);
  void arrive_near();
  void complete(std::uint32_t transfer, std::uint32_t bytes);
  void return_credit(std::size_t way, std::uint32_t bytes);
  void release_tags(std::size_t way, std::uint32_t n);
  void feed_below();
  void advance_below();
  std::uint32_t units(std::size_t way, std::uint32_t bytes) const {
    const std::uint32_t m = spec_.traffic[way].data_multiple;
    return (bytes + m - 1) / m * m / spec_.unit_bytes;
  }
  std::uint32_t credit_bytes(std::size_t way, std::uint32_t bytes) const {
    return way == 0 ? 0 : (bytes + 15) / 16 * 16;
  }

  void look_for_repetition(std::size_t way);
  void repeat(std::int64_t times);
  void stop_repeating(Tick now);
  void note(std::size_t way, std::vector<std::int64_t>& out);

  DuplexSpec spec_;
  std::unique_ptr<BurstDevice> below_;
  SerialLane out_, back_;
  std::array<Credits, 2> credits_;
  std::array<std::uint32_t, 2> tags_{}, unreturned_{};
  std::array<std::int64_t, 2> unreturned_bytes_{};
  std::array<std::uint32_t, 2> unacknowledged_{};
  std::array<Stream, 2> streams_;
  std::size_t last_way_ = 1;
  Tick now_ = 0, issue_free_ = 0, far_free_ = 0, far_byte_ = 0;  // far_byte_: 1/65536 ticks
  Tick delay_out_, delay_back_, issue_, entry_, start_, finish_, notice_;
  std::array<Tick, 2> far_latency_{};
  Ring<Packet> to_far_, to_near_;
  std::array<Ring<Packet>, 2> served_;
  Ring<Packet> far_waiting_;  // for a slot of the far memory
  std::uint32_t in_far_ = 0;  // slots taken
  struct Answer {
    Tick at;
    std::uint64_t id;
  };
  Ring<Answer> answers_;
  std::vector<Transfer> transfers_;
  std::vector<std::uint32_t> free_transfers_;
  std::uint32_t under_way_ = 0;  // transfers begun and not complete
  std::array<std::int64_t, count_kinds> counts_{};

  std::vector<FarRequest> far_requests_;
  std::vector<std::uint32_t> free_far_requests_;
  Ring<std::uint32_t> far_queue_;
  std::vector<BurstAnswer> below_answers_;
  Tick below_next_ = no_tick;

  bool folding_ = true;
  Repetition repetition_;
  struct Noted {
    std::vector<std::int64_t> state;
    std::uint32_t transfer = nobody, sent = 0;
    std::int64_t steps = 0, limit = 1;
    Tick at = 0;
    std::array<std::int64_t, count_kinds> counts{};
    std::int64_t out_bytes = 0, back_bytes = 0;
  } noted_;
  std::vector<std::int64_t> scratch_;
};

}  // namespace terrace
