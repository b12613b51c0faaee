// The driver: a stream of addresses, a window of requests in flight, and a histogram of latencies.
#include "sim/burst_drive.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "sim/random.h"

namespace terrace {
namespace {

class Addresses {
 public:
  Addresses(const BurstPattern& p, std::uint32_t request_bytes)
      : p_(p),
        step_(request_bytes),
        random_(p.seed, "burst pattern"),
        runs_(std::max<std::uint64_t>(1, p.footprint / p.run_length)) {
    pick();
  }
  BurstRequest next(std::uint64_t id) {
    if (offset_ >= p_.run_length) pick();
    BurstRequest request;
    request.id = id;
    request.address = run_ * p_.run_length + offset_;
    request.bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(step_, p_.run_length - offset_));
    offset_ += request.bytes;
    if (p_.mix_by_request) direction_ = draw();
    request.direction = direction_;
    return request;
  }

 private:
  void pick() {
    if (p_.sequential)
      run_ = started_ ? (run_ + 1) % runs_ : 0;
    else
      run_ = static_cast<std::uint64_t>(random_.integer(0, static_cast<std::int64_t>(runs_) - 1));
    started_ = true;
    offset_ = 0;
    direction_ = draw();
  }
  Direction draw() {
    if (p_.read_share >= 1) return Direction::read;
    if (p_.read_share <= 0) return Direction::write;
    return random_.uniform() < p_.read_share ? Direction::read : Direction::write;
  }
  const BurstPattern& p_;
  std::uint64_t step_;
  RandomStream random_;
  std::uint64_t runs_, run_ = 0, offset_ = 0;
  bool started_ = false;
  Direction direction_ = Direction::read;
};

struct InFlight {
  Time accepted;
  std::uint32_t bytes = 0;
  bool read = true, open = false;
};

// Requests in flight are held to `outstanding` (0: what the device takes), arrivals to `interval`.
template <class Source>
BurstMeasurement loop(BurstDevice& device, Source& addresses, std::uint32_t outstanding,
                      Time interval, std::uint64_t requests, std::uint64_t warm_up) {
  // Requests in flight lie in a ring by id; it grows when one of them is very late.
  std::vector<InFlight> ring(1024);
  std::uint64_t oldest = 0;
  std::vector<Time> latencies;
  latencies.reserve(requests);
  std::vector<BurstAnswer> answers;
  BurstMeasurement out;
  const std::uint64_t total = requests + warm_up;
  std::uint64_t sent = 0, answered = 0, in_flight = 0;
  Time now, begin, last, arrival;
  BurstRequest next = addresses.next(0);
  bool measuring = warm_up == 0;
  double latency_sum = 0;
  while (answered < total) {
    while (sent < total && (outstanding == 0 || in_flight < outstanding) && arrival <= now) {
      if (sent - oldest >= ring.size()) {
        std::vector<InFlight> wider(ring.size() * 2);
        for (std::uint64_t i = oldest; i < sent; ++i)
          wider[i % wider.size()] = ring[i % ring.size()];
        ring.swap(wider);
      }
      if (!device.offer(next, now)) break;
      const Time since = interval > Time() ? arrival : now;
      ring[sent % ring.size()] = {since, next.bytes, next.direction == Direction::read, true};
      ++sent;
      ++in_flight;
      if (interval > Time()) arrival += interval;
      if (sent < total) next = addresses.next(sent);
    }
    Time to = device.next_event();
    const bool may_send = sent < total && (outstanding == 0 || in_flight < outstanding);
    if (may_send && arrival > now) to = std::min(to, arrival);
    if (to == Time::never()) throw std::logic_error("a burst-level device that answers no more");
    now = std::max(now, to);
    answers.clear();
    device.advance(now, answers);
    for (const BurstAnswer& a : answers) {
      InFlight& f = ring[a.id % ring.size()];
      if (!f.open || a.id < oldest || a.id >= sent) throw std::logic_error("an answer to nobody");
      f.open = false;
      --in_flight;
      ++answered;
      if (measuring) {
        ++out.requests;
        out.bytes += f.bytes;
        last = std::max(last, a.at);
        if (f.read) {
          latencies.push_back(a.at - f.accepted);
          latency_sum += (a.at - f.accepted).seconds();
        }
      } else if (answered == warm_up) {
        measuring = true;
        begin = a.at;
      }
    }
    while (oldest < sent && !ring[oldest % ring.size()].open) ++oldest;
  }
  out.span = last - begin;
  if (out.span > Time()) out.rate = static_cast<double>(out.bytes) / out.span.seconds();
  out.share_of_peak = out.rate / device.peak(Direction::read).value();
  if (latencies.empty()) return out;
  const auto quantile = [&](double q) {
    const auto nth = latencies.begin() +
                     static_cast<std::ptrdiff_t>(q * static_cast<double>(latencies.size() - 1));
    std::nth_element(latencies.begin(), nth, latencies.end());
    return *nth;
  };
  out.latency_mean = Time::nearest(Seconds(latency_sum / static_cast<double>(latencies.size())));
  out.latency_p50 = quantile(0.5);
  out.latency_p99 = quantile(0.99);
  out.latency_min = *std::min_element(latencies.begin(), latencies.end());
  return out;
}

// Run by run, whoever is furthest behind its share.
class Together {
 public:
  Together(const std::vector<BurstSource>& sources, const BurstDevice& device)
      : step_(device.granule()), random_(1, "burst sources") {
    const std::uint64_t part =
        std::min<std::uint64_t>(device.footprint_limit(), std::uint64_t{4} << 30) / sources.size();
    for (const BurstSource& s : sources) {
      Stream stream;
      stream.source = s;
      stream.run = s.run_length == 0 ? std::min<std::uint64_t>(endless_piece, part) : s.run_length;
      stream.base = part * streams_.size() / step_ * step_;
      stream.runs = part / stream.run;
      if (stream.runs == 0 || !(s.bytes > 0))
        throw std::invalid_argument("a stream that does not fit the device");
      streams_.push_back(stream);
    }
    pick();
  }
  BurstRequest next(std::uint64_t id) {
    if (offset_ >= at_->run) pick();
    BurstRequest request;
    request.id = id;
    request.address = at_->base + at_->place * at_->run + offset_;
    request.bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(step_, at_->run - offset_));
    request.direction = at_->source.direction;
    offset_ += request.bytes;
    return request;
  }

 private:
  static constexpr std::uint64_t endless_piece = 4096;
  struct Stream {
    BurstSource source;
    std::uint64_t run = 0, base = 0, runs = 0, place = 0;
    double done = 0;
    bool started = false;
  };
  void pick() {
    at_ = &*std::min_element(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
      return a.done / a.source.bytes < b.done / b.source.bytes;
    });
    at_->done += static_cast<double>(at_->run);
    if (at_->source.run_length == 0)
      at_->place = at_->started ? (at_->place + 1) % at_->runs : 0;
    else
      at_->place =
          static_cast<std::uint64_t>(random_.integer(0, static_cast<std::int64_t>(at_->runs) - 1));
    at_->started = true;
    offset_ = 0;
  }
  std::uint64_t step_;
  RandomStream random_;
  std::vector<Stream> streams_;
  Stream* at_ = nullptr;
  std::uint64_t offset_ = 0;
};

}  // namespace

BurstMeasurement drive(BurstDevice& device, const BurstPattern& pattern, std::uint64_t requests,
                       std::uint64_t warm_up) {
  if (pattern.run_length == 0 || pattern.footprint > device.footprint_limit() ||
      pattern.run_length > pattern.footprint)
    throw std::invalid_argument("a pattern that does not fit the device");
  const std::uint32_t bytes = pattern.request_bytes ? pattern.request_bytes : device.granule();
  Addresses addresses(pattern, bytes);
  return loop(device, addresses, pattern.outstanding, pattern.interval, requests, warm_up);
}

BurstMeasurement drive_together(BurstDevice& device, const std::vector<BurstSource>& sources,
                                std::uint64_t requests, std::uint64_t warm_up) {
  Together together(sources, device);
  return loop(device, together, 0, Time(), requests, warm_up);
}

}  // namespace terrace
