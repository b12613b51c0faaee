// Jumping over the middle of a long transfer: a link is a machine of integers, so once all that it
// holds is the same as some requests ago, only later, what lies between comes again and again, and
// one step stands for many exactly. Cycles are found as by R. P. Brent, "An improved Monte Carlo
// factorization algorithm", BIT 20 (1980): the state is kept at powers of two.
#include "models/link/duplex_link.h"

namespace terrace {

void DuplexLink::note(std::size_t way, std::vector<std::int64_t>& out) {
  const Stream& s = streams_[way];
  const Transfer& x = transfers_[s.current];
  out.clear();
  out_.note(now_, out);
  back_.note(now_, out);
  credits_[way].note(now_, out);
  out.insert(out.end(), {tags_[0], tags_[1], unreturned_[way], unreturned_bytes_[way],
                         unacknowledged_[0], unacknowledged_[1]});
  out.insert(out.end(), {std::max<Tick>(far_free_ - now_, 0), x.sent - x.done, x.sent - x.served,
                         x.unreplied, x.unreplied_bytes});
  const auto packets = [&](Ring<Packet>& ring) {
    out.push_back(static_cast<std::int64_t>(ring.size()));
    for (std::size_t i = 0; i < ring.size(); ++i)
      out.insert(out.end(),
                 {ring[i].at - now_, ring[i].bytes, x.sent - ring[i].offset, ring[i].tags});
  };
  packets(to_far_);
  packets(to_near_);
  packets(served_[way]);
  packets(far_waiting_);
}

// At the moment that this direction's current transfer is to cut its next request.
void DuplexLink::look_for_repetition(std::size_t way) {
  const Stream& s = streams_[way];
  const Transfer& x = transfers_[s.current];
  if (below_ || under_way_ != 1 || x.bytes - x.sent < 1024 * spec_.traffic[way].request_bytes)
    return;
  const bool known = noted_.transfer == s.current;
  if (known && x.sent == noted_.sent) return;  // tried again for want of credits
  note(way, scratch_);
  if (known && scratch_ == noted_.state) {
    Repetition& r = repetition_;
    r.from = now_;
    r.period = now_ - noted_.at;
    r.bytes = x.sent - noted_.sent;
    r.times = static_cast<std::int64_t>((x.bytes - x.sent) / r.bytes) - 1;
    for (std::size_t i = 0; i < count_kinds; ++i) r.counts[i] = counts_[i] - noted_.counts[i];
    r.out_bytes = out_.wire_bytes() - noted_.out_bytes;
    r.back_bytes = back_.wire_bytes() - noted_.back_bytes;
    r.on = r.times > 0 && r.period > 0;
    noted_.transfer = nobody;
    return;
  }
  if (known && ++noted_.steps < noted_.limit) return;
  noted_.limit = known ? noted_.limit * 2 : 1;
  noted_.steps = 0;
  noted_.transfer = s.current;
  noted_.state.swap(scratch_);
  noted_.sent = x.sent;
  noted_.at = now_;
  noted_.counts = counts_;
  noted_.out_bytes = out_.wire_bytes();
  noted_.back_bytes = back_.wire_bytes();
}

void DuplexLink::repeat(std::int64_t times) {
  if (times <= 0) return;
  Repetition& r = repetition_;
  const std::size_t way = streams_[0].next != no_tick ? 0 : 1;
  Stream& s = streams_[way];
  Transfer& x = transfers_[s.current];
  const Tick by = times * r.period;
  const auto bytes = static_cast<std::uint32_t>(times * r.bytes);
  out_.shift(by, times * r.out_bytes);
  back_.shift(by, times * r.back_bytes);
  credits_[way].shift(by);
  const auto packets = [&](Ring<Packet>& ring) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      ring[i].at += by;
      ring[i].offset += bytes;
    }
  };
  packets(to_far_);
  packets(to_near_);
  packets(served_[way]);
  packets(far_waiting_);
  far_free_ += by;
  s.next += by;
  x.sent += bytes;
  x.served += bytes;
  x.done += bytes;
  for (std::size_t i = 0; i < count_kinds; ++i) counts_[i] += times * r.counts[i];
  now_ += by;
  r.from += by;
  r.times -= times;
}

void DuplexLink::stop_repeating(Tick now) {
  repeat(std::min(repetition_.times, (now - repetition_.from) / repetition_.period));
  repetition_.on = false;
  noted_.transfer = nobody;
  run_until(now);
}

}  // namespace terrace
