// A closed loop of transfers: the first quarter warms the link up, the rest is measured.
#include "models/link/link_service.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace terrace {

LinkService measure_link(BurstDevice& device, const LinkDemand& demand) {
  const std::uint64_t places = device.footprint_limit() / std::max(demand.bytes, 1u);
  if (demand.bytes == 0 || demand.concurrency == 0 || places == 0)
    throw std::invalid_argument("a demand without transfers, or larger than the memory");
  const std::uint64_t measured =
      demand.transfers > 0
          ? demand.transfers
          : std::clamp<std::uint64_t>((64u << 20) / demand.bytes, 8 * demand.concurrency,
                                      std::max<std::uint64_t>(20000, 8 * demand.concurrency));
  const std::uint64_t warm_up = demand.concurrency > 1 ? measured / 3 + demand.concurrency : 0;
  const std::uint64_t total = warm_up + measured;
  std::vector<Time> since(total), latencies;
  latencies.reserve(measured);
  std::vector<BurstAnswer> answers;
  std::uint64_t sent = 0, answered = 0;
  Time now, begin, last;
  double sum = 0, share = 0;
  BurstRequest next;
  const auto choose = [&] {
    next.id = sent;
    next.address = sent % places * demand.bytes;
    next.bytes = demand.bytes;
    const bool read = std::floor(share + demand.read_share + 1e-9) > std::floor(share + 1e-9);
    next.direction = read ? Direction::read : Direction::write;
  };
  choose();
  while (answered < total) {
    while (sent < total && sent - answered < demand.concurrency && device.offer(next, now)) {
      since[sent++] = now;
      share += demand.read_share;
      choose();
    }
    const Time to = device.next_event();
    if (to == Time::never()) throw std::logic_error("a burst-level device that answers no more");
    now = std::max(now, to);
    answers.clear();
    device.advance(now, answers);
    for (const BurstAnswer& a : answers) {
      ++answered;
      last = a.at;
      if (answered <= warm_up) {
        begin = a.at;
        continue;
      }
      latencies.push_back(a.at - since[a.id]);
      sum += latencies.back().seconds();
    }
  }
  LinkService out;
  out.transfers = latencies.size();
  out.rate = static_cast<double>(measured) * demand.bytes / (last - begin).seconds();
  out.latency_mean = Time::nearest(Seconds(sum / static_cast<double>(latencies.size())));
  out.latency_min = *std::min_element(latencies.begin(), latencies.end());
  const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
  std::nth_element(latencies.begin(), middle, latencies.end());
  out.latency_p50 = *middle;
  return out;
}

}  // namespace terrace
