// The drive's own end of PCI Express: packets, one after another in each direction.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sim/schema.h"

namespace terrace {

struct SerialLinkParams {
  BytesPerSecond lane{1.96923e9};
  int lanes = 4;
  Bytes max_payload{256}, packet_overhead{24};
  double management = 0.025;  // acknowledgements and flow control
  Seconds latency{0.3e-6};
  JoulesPerByte energy{91.2e-12};
  static void fields(Schema<SerialLinkParams>& s) {
    s.field("lane", &SerialLinkParams::lane, "one lane, one way, after encoding")
        .above(BytesPerSecond(0));
    s.field("lanes", &SerialLinkParams::lanes, "width").one_of({1, 2, 4, 8, 16});
    s.field("max_payload", &SerialLinkParams::max_payload, "most data bytes of a packet")
        .one_of({Bytes(128), Bytes(256), Bytes(512), Bytes(1024), Bytes(2048), Bytes(4096)});
    s.field("packet_overhead", &SerialLinkParams::packet_overhead,
            "header, sequence number, LCRC and framing of a packet");
    s.field("management", &SerialLinkParams::management,
            "share of the link that acknowledgements and flow control take")
        .between(0, 0.2);
    s.field("latency", &SerialLinkParams::latency, "of a packet, one way");
    s.field("energy", &SerialLinkParams::energy, "of a data byte, both ends");
  }
  double raw() const { return lane.value() * lanes; }
  double goodput() const {  // bytes per second of long transfers
    return raw() * (1 - management) * max_payload.value() /
           (max_payload.value() + packet_overhead.value());
  }
};

// Two directions, each busy until a time. Bookings are made in order of time.
class SerialLink {
 public:
  explicit SerialLink(const SerialLinkParams& p)
      : payload_(static_cast<std::uint32_t>(p.max_payload.value())),
        overhead_(static_cast<std::uint32_t>(p.packet_overhead.value())),
        byte_ps_(1e12 / (p.raw() * (1 - p.management))),
        latency_(Time::nearest(p.latency).ps()) {}
  std::int64_t latency() const { return latency_; }
  std::int64_t packets_ps(std::uint32_t bytes) const {
    const std::uint32_t packets = (bytes + payload_ - 1) / payload_;
    return std::llround((bytes + packets * double(overhead_)) * byte_ps_);
  }
  // When the last byte is at the other end.
  std::int64_t up(std::int64_t now, std::uint32_t bytes) { return book(up_, now, bytes); }
  std::int64_t down(std::int64_t now, std::uint32_t bytes) { return book(down_, now, bytes); }

 private:
  std::int64_t book(std::int64_t& busy, std::int64_t now, std::uint32_t bytes) const {
    busy = std::max(busy, now) + packets_ps(bytes);
    return busy + latency_;
  }
  std::uint32_t payload_, overhead_;
  double byte_ps_;
  std::int64_t latency_, up_ = 0, down_ = 0;
};

}  // namespace terrace
