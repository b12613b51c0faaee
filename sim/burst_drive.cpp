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
      : step_(device.request_bytes()), random_(1, "burst sources") {
    const std::uint64_t part =
        std::min<std::uint64_t>(device.footprint_limit(), std::uint64_t{4} << 30) / sources.size();
    for (const BurstSource& s : sources) {
      Stream stream;
      stream.source = s;
      stream.run = s.run_length;
      if (stream.run == 0)
        stream.run = std::min(std::max<std::uint64_t>(endless_piece, step_), part);
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
  // Streams of many thread blocks meet in pieces of some KB: what gives the copies and triads that
  // are measured on GPUs (tests/published/dram_silicon_test.cpp).
  static constexpr std::uint64_t endless_piece = 8192;
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
    if (at_->source.run_length == 0 && streams_.size() == 1)
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
  const std::uint32_t bytes =
      pattern.request_bytes ? pattern.request_bytes : device.request_bytes();
  Addresses addresses(pattern, bytes);
  return loop(device, addresses, pattern.outstanding, pattern.interval, requests, warm_up);
}

BurstMeasurement drive_together(BurstDevice& device, const std::vector<BurstSource>& sources,
                                std::uint64_t requests, std::uint64_t warm_up) {
  Together together(sources, device);
  return loop(device, together, 0, Time(), requests, warm_up);
}

namespace {

// What is measured: 24,000 granules at least and 40 us at peak, ten refresh intervals of DRAM;
// 2,000 requests, or 256 MiB in 32 of them.
struct Steady {
  std::uint64_t requests = 0, warm_up = 0;
};
// With writes, as much again as buffers take before anything is measured.
Steady steady(const BurstDevice& device, std::uint64_t run, bool writes) {
  const double granules = 40e-6 * device.peak(Direction::read).value() / device.granule();
  const std::uint64_t least = std::max<std::uint64_t>(24'000, static_cast<std::uint64_t>(granules));
  const std::uint64_t bytes =
      std::min<std::uint64_t>(run == 0 ? ~std::uint64_t{0} : run, device.request_bytes());
  const std::uint64_t settle = writes ? device.settle_bytes() / bytes : 0;
  const std::uint64_t few =
      std::clamp<std::uint64_t>((std::uint64_t{256} << 20) / bytes, 32, 2'000);
  const std::uint64_t requests =
      std::max({few, settle, least * device.granule() / device.request_bytes()});
  return {requests, std::max(requests / 5, settle)};
}

// A run goes round the parts: each gets its share, and no less than a turn.
std::uint64_t share_of_run(std::uint64_t run, const BurstParts& parts) {
  if (run <= parts.interleave) return run;
  const std::uint64_t turns = run / (parts.interleave * parts.count);
  return std::max<std::uint64_t>(1, turns) * parts.interleave;
}

BurstMeasurement of_all(BurstMeasurement m, const BurstParts& parts) {
  m.rate *= static_cast<double>(parts.count);
  m.bytes *= parts.count;
  m.requests *= parts.count;
  return m;
}

}  // namespace

BurstMeasurement saturate(std::unique_ptr<BurstDevice> device, BurstPattern pattern) {
  BurstParts parts = device->parts();
  if (parts.one != nullptr) {
    device = std::move(parts.one);
    pattern.run_length = share_of_run(pattern.run_length, parts);
    pattern.footprint = std::max(pattern.footprint / parts.count, pattern.run_length);
  }
  const Steady n = steady(*device, pattern.run_length, pattern.read_share < 1);
  return of_all(drive(*device, pattern, n.requests, n.warm_up), parts);
}

BurstMeasurement saturate(std::unique_ptr<BurstDevice> device, std::vector<BurstSource> sources) {
  BurstParts parts = device->parts();
  if (parts.one != nullptr) {
    device = std::move(parts.one);
    for (BurstSource& s : sources) s.run_length = share_of_run(s.run_length, parts);
  }
  std::uint64_t run = 0;
  bool writes = false;
  for (const BurstSource& s : sources) {
    if (s.run_length > 0) run = run == 0 ? s.run_length : std::min(run, s.run_length);
    writes = writes || s.direction == Direction::write;
  }
  const Steady n = steady(*device, run, writes);
  return of_all(drive_together(*device, sources, n.requests, n.warm_up), parts);
}

}  // namespace terrace
