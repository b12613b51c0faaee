// A computational drive at burst level: what an attention engine draws from the channels, page by
// page through its SRAM, as fast as it multiplies. Source: InstInfer (arXiv 2409.04992). State: the
// drive behind (models/flash/ssd.h), bytes in SRAM, the engine's time.
#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>

#include "models/flash/attention_engine.h"
#include "models/flash/ssd.h"

namespace terrace {
namespace {

class Csd final : public BurstDevice {
 public:
  struct Params {
    SsdParams drive;
    AttentionEngineParams engine;
    std::string format = "fp16";
    double flops_per_byte = 1;
    static void fields(Schema<Params>& s) {
      s.field("drive", &Params::drive, "flash, channels and page map; its port is internal");
      s.field("engine", &Params::engine, "attention beside the channels");
      s.field("format", &Params::format, "numbers that it multiplies");
      s.field("flops_per_byte", &Params::flops_per_byte,
              "of K and V: 2 x queries that share a head / bytes of a number")
          .above(0);
    }
    void check(Checker& c) const {
      if (drive.port != SsdPort::internal)
        c.fail("drive.port",
               "must be internal: an engine beside the channels does not see the host");
      if (engine.rate.find(format) == engine.rate.end())
        c.fail("format", "\"" + format + "\" has no rate in engine.rate");
      if (engine.sram < drive.nand.page)
        c.fail("engine.sram", "holds not even a page of " + to_text(drive.nand.page));
      else if (engine.sram.value() > 4e9)
        c.fail("engine.sram", "is not an SRAM");
    }
  };
  Csd(const Params& params, const Context& context)
      : params_(params),
        drive_(params.drive, context),
        byte_ps_(1e12 * params.flops_per_byte / params.engine.rate.at(params.format).value()),
        sram_(static_cast<std::uint64_t>(params.engine.sram.value())) {}

  bool offer(const BurstRequest& r, Time now) override {
    const bool read = r.direction == Direction::read;
    if (read && held_ > 0 && held_ + r.bytes > sram_) return false;
    std::uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(in_flight_.size());
      in_flight_.emplace_back();
    } else {
      slot = free_.back();
    }
    BurstRequest inner = r;
    inner.id = slot;
    if (!drive_.offer(inner, now)) {
      if (free_.empty()) in_flight_.pop_back();
      return false;
    }
    if (!free_.empty()) free_.pop_back();
    in_flight_[slot] = {r.id, r.bytes, read};
    held_ += read ? r.bytes : 0;
    return true;
  }
  Time next_event() const override {
    const Time used = used_.empty() ? Time::never() : used_.front().at;
    return std::min(used, drive_.next_event());
  }
  void advance(Time now, std::vector<BurstAnswer>& answers) override {
    inner_.clear();
    drive_.advance(now, inner_);
    for (const BurstAnswer& a : inner_) {
      const auto slot = static_cast<std::uint32_t>(a.id);
      Time at = a.at;
      if (in_flight_[slot].read) {
        engine_ =
            std::max(engine_, a.at) + Time::ps(std::llround(in_flight_[slot].bytes * byte_ps_));
        flops_ += in_flight_[slot].bytes * params_.flops_per_byte;
        at = engine_;
      } else {
        at = std::max(at, used_.empty() ? at : used_.back().at);
      }
      used_.push_back({at, slot});
    }
    while (!used_.empty() && used_.front().at <= now) {
      const Used u = used_.front();
      used_.pop_front();
      const InFlight& f = in_flight_[u.slot];
      answers.push_back({f.id, u.at});
      held_ -= f.read ? f.bytes : 0;
      free_.push_back(u.slot);
    }
  }

  std::uint64_t footprint_limit() const override { return drive_.footprint_limit(); }
  std::uint32_t granule() const override { return drive_.granule(); }
  BytesPerSecond peak(Direction d) const override { return drive_.peak(d); }
  std::vector<BurstCount> counts() const override {
    auto counts = drive_.counts();
    counts.push_back({"flop", "floating-point operations of the engine",
                      static_cast<std::int64_t>(flops_), params_.engine.energy * Flops(flops_)});
    return counts;
  }
  Watts background() const override { return drive_.background(); }

 private:
  struct InFlight {
    std::uint64_t id = 0;
    std::uint32_t bytes = 0;
    bool read = true;
  };
  struct Used {
    Time at;
    std::uint32_t slot;
  };
  Params params_;
  Ssd drive_;
  double byte_ps_, flops_ = 0;
  std::uint64_t sram_, held_ = 0;
  Time engine_;  // busy until
  std::vector<InFlight> in_flight_;
  std::vector<std::uint32_t> free_;
  std::deque<Used> used_;
  std::vector<BurstAnswer> inner_;
};
TERRACE_REGISTER(BurstDevice, Csd, "csd", "attention engine in a drive, fed by its flash channels");

}  // namespace
}  // namespace terrace
