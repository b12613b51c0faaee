// The events of a link: a request leaves, arrives, is served, its reply arrives.
#include "models/link/duplex_link.h"

#include <stdexcept>

namespace terrace {
namespace {

Tick per_byte(BytesPerSecond rate) {  // in 1/65536 ticks
  return rate > BytesPerSecond(0) ? std::llround(1e12 * ticks_per_ps * 65536 / rate.value()) : 0;
}

}  // namespace

DuplexLink::DuplexLink(const DuplexSpec& spec, std::unique_ptr<BurstDevice> below)
    : spec_(spec),
      below_(std::move(below)),
      out_(spec.out),
      back_(spec.back),
      credits_{Credits(spec.traffic[0].credit_packets, spec.traffic[0].credit_bytes),
               Credits(spec.traffic[1].credit_packets, spec.traffic[1].credit_bytes)},
      tags_{spec.traffic[0].tags, spec.traffic[1].tags},
      far_byte_(per_byte(spec.far_rate)),
      delay_out_(to_ticks(spec.delay_out)),
      delay_back_(to_ticks(spec.delay_back)),
      issue_(to_ticks(spec.issue)),
      entry_(to_ticks(spec.entry)),
      start_(to_ticks(spec.start)),
      finish_(to_ticks(spec.finish)),
      notice_(to_ticks(spec.notice)),
      far_latency_{to_ticks(spec.traffic[0].far_latency), to_ticks(spec.traffic[1].far_latency)} {}

std::uint64_t DuplexLink::footprint_limit() const {
  return below_ ? below_->footprint_limit() : spec_.far_bytes;
}

bool DuplexLink::offer(const BurstRequest& request, Time now) {
  if (request.bytes == 0 || request.address + request.bytes > footprint_limit())
    throw std::invalid_argument("a transfer that does not fit the memory behind the link");
  if (transfers_.size() - free_transfers_.size() >= spec_.queue) return false;
  const std::size_t way = request.direction == Direction::read ? 0 : 1;
  Stream& s = streams_[way];
  const bool idle = s.current == nobody && !s.busy;
  const Tick at = to_ticks(now);
  if (idle && repetition_.on) stop_repeating(at);
  std::uint32_t slot;
  if (free_transfers_.empty()) {
    slot = static_cast<std::uint32_t>(transfers_.size());
    transfers_.emplace_back();
  } else {
    slot = free_transfers_.back();
    free_transfers_.pop_back();
  }
  Transfer& x = transfers_[slot];
  x = Transfer();
  x.id = request.id;
  x.address = request.address;
  x.bytes = request.bytes;
  x.way = static_cast<std::uint8_t>(way);
  issue_free_ = std::max(issue_free_, at) + issue_;
  x.ready = issue_free_ + entry_;
  s.waiting.push(slot);
  if (idle) begin_next(way, at);
  return true;
}

void DuplexLink::begin_next(std::size_t way, Tick now) {
  Stream& s = streams_[way];
  s.current = nobody;
  s.next = no_tick;
  if (s.waiting.empty()) return;
  s.current = s.waiting.front();
  s.waiting.pop();
  // It gets ready while the transfer before it is on its way.
  s.next = std::max(now, std::max(transfers_[s.current].ready, s.engine_free) + start_);
  s.engine_free = s.next;
  s.busy = spec_.one_at_a_time;
  ++under_way_;
}

Time DuplexLink::next_event() const {
  Tick t = answers_.empty() ? no_tick : answers_.front().at;
  if (repetition_.on)
    return to_time(std::min(t, repetition_.from + repetition_.times * repetition_.period));
  t = std::min({t, streams_[0].next, streams_[1].next, below_next_});
  if (!to_far_.empty()) t = std::min(t, to_far_.front().at);
  if (!to_near_.empty()) t = std::min(t, to_near_.front().at);
  for (const Ring<Packet>& served : served_)
    if (!served.empty()) t = std::min(t, served.front().at);
  return to_time(t);
}

void DuplexLink::advance(Time now, std::vector<BurstAnswer>& answers) {
  const Tick limit = to_ticks(now);
  run_until(limit);
  for (; !answers_.empty() && answers_.front().at <= limit; answers_.pop())
    answers.push_back({answers_.front().id, to_time(answers_.front().at)});
}

void DuplexLink::run_until(Tick limit) {
  while (true) {
    if (repetition_.on) {
      repeat(std::min(repetition_.times, (limit - repetition_.from) / repetition_.period));
      if (repetition_.times > 0) return;
      repetition_.on = false;
    }
    // The earliest event; what frees room comes before what needs it.
    Tick t = below_next_;
    int what = 0;
    const auto earlier = [&](Tick at, int kind) {
      if (at < t) {
        t = at;
        what = kind;
      }
    };
    if (!to_near_.empty()) earlier(to_near_.front().at, 1);
    if (!served_[0].empty()) earlier(served_[0].front().at, 2);
    if (!served_[1].empty()) earlier(served_[1].front().at, 3);
    if (!to_far_.empty()) earlier(to_far_.front().at, 4);
    const std::size_t turn = 1 - last_way_;  // at the same time, the directions take turns
    earlier(streams_[turn].next, 5 + static_cast<int>(turn));
    earlier(streams_[last_way_].next, 5 + static_cast<int>(last_way_));
    if (t > limit || t == no_tick) return;
    now_ = t;
    switch (what) {
      case 0:
        advance_below();
        break;
      case 1:
        arrive_near();
        break;
      case 2:
      case 3: {
        Ring<Packet>& served = served_[static_cast<std::size_t>(what - 2)];
        const Packet packet = served.front();
        served.pop();
        serve(packet);
        break;
      }
      case 4:
        arrive_far();
        break;
      default:
        cut(static_cast<std::size_t>(what - 5));
    }
  }
}

void DuplexLink::cut(std::size_t way) {
  Stream& s = streams_[way];
  Transfer& x = transfers_[s.current];
  const DuplexTraffic& traffic = spec_.traffic[way];
  const std::uint64_t place = x.address + x.sent;
  if (folding_ && x.sent > 0 && place % (256ull * traffic.request_bytes) == 0) {
    look_for_repetition(way);
    if (repetition_.on) return;
  }
  const auto room = static_cast<std::uint32_t>(
      traffic.request_bytes - static_cast<std::uint32_t>(place % traffic.request_bytes));
  const std::uint32_t bytes = std::min(room, x.bytes - x.sent);
  const std::size_t pool = spec_.share_tags ? 0 : way;
  const bool tagged = spec_.traffic[pool].tags > 0 && (way == 0 || traffic.reply_units > 0);
  s.wants_tag = tagged && tags_[pool] == 0;
  if (s.wants_tag) {
    s.next = no_tick;
    return;
  }
  s.wants_credit = !credits_[way].take(now_, credit_bytes(way, bytes));
  if (s.wants_credit) {
    s.next = credits_[way].next();
    return;
  }
  if (tagged) --tags_[pool];
  std::uint32_t length = traffic.request_units + (x.sent == 0 ? traffic.first_units : 0);
  if (way == 1) length += units(way, bytes);
  const SerialLane::Sent sent = out_.send(now_, length);
  to_far_.push({sent.end + delay_out_, s.current, bytes, x.sent, 0});
  ++counts_[way == 0 ? read_request : write_packet];
  last_way_ = way;
  x.sent += bytes;
  if (x.sent < x.bytes) {
    s.next = std::max(now_, sent.start);  // one packet of a direction waits for the lane at a time
  } else if (spec_.one_at_a_time) {
    s.current = nobody;
    s.next = no_tick;
  } else {
    begin_next(way, sent.start);
  }
}

void DuplexLink::arrive_far() {
  const Packet packet = to_far_.front();
  to_far_.pop();
  if (spec_.ack_bytes > 0 && ++unacknowledged_[0] == spec_.ack_every) {
    unacknowledged_[0] = 0;
    back_.overtake(now_, spec_.ack_bytes);
    ++counts_[management];
  }
  if (below_) {
    std::uint32_t slot;
    if (free_far_requests_.empty()) {
      slot = static_cast<std::uint32_t>(far_requests_.size());
      far_requests_.emplace_back();
    } else {
      slot = free_far_requests_.back();
      free_far_requests_.pop_back();
    }
    far_requests_[slot] = {packet, 0, 0, false};
    far_queue_.push(slot);
    feed_below();
    return;
  }
  if (spec_.far_slots > 0 && in_far_ == spec_.far_slots)
    far_waiting_.push(packet);
  else
    start_far(packet);
}

void DuplexLink::start_far(Packet packet) {
  const std::size_t way = transfers_[packet.transfer].way;
  far_free_ = std::max(now_, far_free_) + ((packet.bytes * far_byte_ + 32768) >> 16);
  packet.at = far_free_ + far_latency_[way];
  served_[way].push(packet);
  ++in_far_;
  if (!spec_.traffic[way].hold_credit) return_credit(way, packet.bytes);
}

void DuplexLink::serve(const Packet& packet) {
  Transfer& x = transfers_[packet.transfer];
  const std::size_t way = x.way;
  const DuplexTraffic& traffic = spec_.traffic[way];
  --in_far_;
  if (!far_waiting_.empty()) {
    start_far(far_waiting_.front());
    far_waiting_.pop();
  }
  if (traffic.hold_credit) return_credit(way, packet.bytes);
  x.served += packet.bytes;
  if (way == 0) {
    std::uint64_t place = x.address + packet.offset;
    for (std::uint32_t left = packet.bytes; left > 0;) {
      const std::uint32_t bytes = std::min(
          left, traffic.reply_bytes - static_cast<std::uint32_t>(place % traffic.reply_bytes));
      left -= bytes;
      place += bytes;
      const Tick end = back_.send(now_, traffic.reply_units + units(0, bytes)).end;
      to_near_.push({end + delay_back_, packet.transfer, bytes, packet.offset, left == 0});
      ++counts_[read_reply];
    }
  } else if (traffic.reply_units > 0) {
    ++x.unreplied;
    x.unreplied_bytes += packet.bytes;
    if (x.unreplied < traffic.replies_every && x.served < x.bytes) return;
    const Tick end = back_.send(now_, traffic.reply_units).end;
    to_near_.push(
        {end + delay_back_, packet.transfer, x.unreplied_bytes, packet.offset, x.unreplied});
    x.unreplied = x.unreplied_bytes = 0;
    ++counts_[write_reply];
  } else {
    complete(packet.transfer, packet.bytes);
  }
}

void DuplexLink::arrive_near() {
  const Packet packet = to_near_.front();
  to_near_.pop();
  if (spec_.ack_bytes > 0 && ++unacknowledged_[1] == spec_.ack_every) {
    unacknowledged_[1] = 0;
    out_.overtake(now_, spec_.ack_bytes);
    ++counts_[management];
  }
  if (packet.tags > 0) release_tags(transfers_[packet.transfer].way, packet.tags);
  complete(packet.transfer, packet.bytes);
}

void DuplexLink::complete(std::uint32_t transfer, std::uint32_t bytes) {
  Transfer& x = transfers_[transfer];
  x.done += bytes;
  if (x.done < x.bytes) return;
  const std::size_t way = x.way;
  answers_.push({now_ + finish_ + notice_, x.id});
  free_transfers_.push_back(transfer);
  --under_way_;
  if (noted_.transfer == transfer) noted_.transfer = nobody;
  if (!spec_.one_at_a_time) return;
  Stream& s = streams_[way];
  s.busy = false;
  s.engine_free = now_ + finish_;
  begin_next(way, s.engine_free);
}

void DuplexLink::return_credit(std::size_t way, std::uint32_t bytes) {
  unreturned_bytes_[way] += credit_bytes(way, bytes);
  if (++unreturned_[way] < spec_.update_every) return;
  Tick at = now_ + delay_back_;
  if (spec_.update_bytes > 0) {
    back_.overtake(now_, spec_.update_bytes);
    at += back_.cost(spec_.update_bytes);
    ++counts_[management];
  } else {
    at += back_.flit_time();  // it rides in the header of the next flit
  }
  credits_[way].give_back({at, unreturned_[way], unreturned_bytes_[way]});
  unreturned_[way] = 0;
  unreturned_bytes_[way] = 0;
  Stream& s = streams_[way];
  if (s.wants_credit && s.next == no_tick) s.next = at;
}

void DuplexLink::release_tags(std::size_t way, std::uint32_t n) {
  const std::size_t pool = spec_.share_tags ? 0 : way;
  if (spec_.traffic[pool].tags == 0) return;
  tags_[pool] += n;
  for (Stream& s : streams_)
    if (s.wants_tag && s.next == no_tick && s.current != nobody) s.next = now_;
}

void DuplexLink::feed_below() {
  const std::uint32_t grain = below_->granule();
  const Time now = to_time(now_);
  bool offered = false;
  while (!far_queue_.empty()) {
    const std::uint32_t slot = far_queue_.front();
    FarRequest& f = far_requests_[slot];
    if (!f.in_far) {
      if (spec_.far_slots > 0 && in_far_ == spec_.far_slots) break;
      f.in_far = true;
      ++in_far_;
    }
    const Transfer& x = transfers_[f.packet.transfer];
    const std::uint64_t begin = x.address + f.packet.offset;
    const std::uint64_t first = begin / grain * grain;
    bool refused = false;
    for (std::uint64_t at = first + static_cast<std::uint64_t>(f.offered) * grain;
         at < begin + f.packet.bytes; at += grain) {
      refused =
          !below_->offer({slot, at, grain, x.way == 0 ? Direction::read : Direction::write}, now);
      if (refused) break;
      ++f.offered;
      ++f.pieces;
      offered = true;
    }
    if (refused) break;
    far_queue_.pop();
    if (!spec_.traffic[x.way].hold_credit) return_credit(x.way, f.packet.bytes);
  }
  if (offered) below_next_ = to_ticks(below_->next_event());
}

void DuplexLink::advance_below() {
  below_answers_.clear();
  below_->advance(to_time(now_), below_answers_);
  for (const BurstAnswer& answer : below_answers_) {
    const auto slot = static_cast<std::uint32_t>(answer.id);
    FarRequest& f = far_requests_[slot];
    const Transfer& x = transfers_[f.packet.transfer];
    const std::uint32_t grain = below_->granule();
    const std::uint64_t begin = x.address + f.packet.offset;
    const std::uint64_t pieces = (begin + f.packet.bytes - 1) / grain - begin / grain + 1;
    if (--f.pieces > 0 || f.offered < pieces) continue;
    free_far_requests_.push_back(slot);
    serve(f.packet);
  }
  below_next_ = to_ticks(below_->next_event());
  feed_below();
}

std::int64_t DuplexLink::packets() const {
  std::int64_t n = 0;
  for (const std::int64_t each : counts_) n += each;
  return n;
}

std::vector<BurstCount> DuplexLink::counts() const {
  const auto wire = [&](const char* name, const char* sentence, const SerialLane& lane) {
    return BurstCount{name, sentence, lane.wire_bytes(),
                      Bytes(static_cast<double>(lane.wire_bytes())) * spec_.energy};
  };
  std::vector<BurstCount> out = {
      {"read_request", "requests for data", counts_[read_request], Joules(0)},
      {"read_reply", "packets with data read", counts_[read_reply], Joules(0)},
      {"write_packet", "packets with data to write", counts_[write_packet], Joules(0)},
      {"write_reply", "acknowledged writes", counts_[write_reply], Joules(0)},
      {"management", "acknowledgements and credits", counts_[management], Joules(0)},
      wire("wire_out", "bytes on the wire towards the memory", out_),
      wire("wire_back", "bytes on the wire from the memory", back_)};
  if (below_)
    for (BurstCount& each : below_->counts()) {
      each.name = "below." + each.name;
      out.push_back(std::move(each));
    }
  return out;
}

}  // namespace terrace
