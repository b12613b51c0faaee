// A memory with one latency and one bandwidth, as a burst-level device: what stands below a cache
// when the memory is not the question. Source: none, a closed form: a request is answered `latency`
// after the shared bus, first come first served, has moved it. State: the bus, requests under way.
#include <algorithm>
#include <deque>

#include "sim/burst.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class SimpleMemory final : public BurstDevice {
 public:
  struct Params {
    Bytes capacity{80e9};
    BytesPerSecond bandwidth{1.8e12};
    Seconds latency{40e-9};
    std::uint32_t granule = 32;
    std::uint32_t queue = 8192;
    JoulesPerByte energy;
    static void fields(Schema<Params>& s) {
      s.field("capacity", &Params::capacity, "what it holds").at_least(Bytes(1));
      s.field("bandwidth", &Params::bandwidth, "of reads and writes together")
          .above(BytesPerSecond(0));
      s.field("latency", &Params::latency, "of an answer, nothing else under way");
      s.field("granule", &Params::granule, "smallest bytes it moves at once").between(1, 1u << 20);
      s.field("queue", &Params::queue, "requests under way").between(1, 1u << 24);
      s.field("energy", &Params::energy, "of a byte that moves");
    }
  };

  SimpleMemory(const Params& params, const Context&)
      : params_(params), latency_(Time::nearest(params.latency)) {}

  bool offer(const BurstRequest& request, Time now) override {
    if (under_way_.size() >= params_.queue) return false;
    const std::uint64_t granules = (request.bytes + params_.granule - 1) / params_.granule;
    const std::uint64_t bytes = granules * params_.granule;
    // The bus keeps the fraction of a picosecond that each request leaves over.
    fraction_ += static_cast<double>(bytes) / params_.bandwidth.value() * 1e12;
    const auto whole = static_cast<std::int64_t>(fraction_);
    fraction_ -= static_cast<double>(whole);
    bus_ = std::max(bus_, now) + Time::ps(whole);
    under_way_.push_back({request.id, bus_ + latency_});
    const bool read = request.direction == Direction::read;
    ++(read ? reads_ : writes_);
    (read ? bytes_read_ : bytes_written_) += bytes;
    return true;
  }
  Time next_event() const override {
    return under_way_.empty() ? Time::never() : under_way_.front().at;
  }
  void advance(Time now, std::vector<BurstAnswer>& answers) override {
    while (!under_way_.empty() && under_way_.front().at <= now) {
      answers.push_back(under_way_.front());
      under_way_.pop_front();
    }
  }
  std::uint64_t footprint_limit() const override {
    return static_cast<std::uint64_t>(params_.capacity.value());
  }
  std::uint32_t granule() const override { return params_.granule; }
  BytesPerSecond peak(Direction) const override { return params_.bandwidth; }
  std::vector<BurstCount> counts() const override {
    const auto energy = [&](std::uint64_t bytes) {
      return params_.energy * Bytes(static_cast<double>(bytes));
    };
    return {{"read", "requests read", reads_, energy(bytes_read_)},
            {"write", "requests written", writes_, energy(bytes_written_)}};
  }

 private:
  Params params_;
  Time latency_, bus_;
  double fraction_ = 0;
  std::deque<BurstAnswer> under_way_;
  std::int64_t reads_ = 0, writes_ = 0;
  std::uint64_t bytes_read_ = 0, bytes_written_ = 0;
};
TERRACE_REGISTER(BurstDevice, SimpleMemory, "simple_memory", "one latency and one bandwidth");

}  // namespace
}  // namespace terrace
