// Admission: no more in flight than the depth; everything else is the drive's.
// State: requests in flight.
#include "models/flash/nvme_queue.h"

namespace terrace {

void NvmeQueueParams::fields(Schema<NvmeQueueParams>& s) {
  s.field("device", &NvmeQueueParams::device, "the drive").required();
  s.field("depth", &NvmeQueueParams::depth, "requests that software keeps in flight")
      .between(1, 65536);
  s.field("request", &NvmeQueueParams::request, "longer runs are cut into requests of this size")
      .between(Bytes(512), Bytes(1 << 24));
}

namespace {

class NvmeQueue final : public BurstDevice {
 public:
  using Params = NvmeQueueParams;
  NvmeQueue(const Params& params, const Context& context)
      : params_(params), device_(params.device.make(context)) {}

  bool offer(const BurstRequest& request, Time now) override {
    if (in_flight_ >= params_.depth || !device_->offer(request, now)) return false;
    ++in_flight_;
    return true;
  }
  Time next_event() const override { return device_->next_event(); }
  void advance(Time now, std::vector<BurstAnswer>& answers) override {
    const std::size_t before = answers.size();
    device_->advance(now, answers);
    in_flight_ -= static_cast<int>(answers.size() - before);
  }
  std::uint64_t footprint_limit() const override { return device_->footprint_limit(); }
  std::uint32_t granule() const override { return device_->granule(); }
  std::uint32_t request_bytes() const override {
    return static_cast<std::uint32_t>(params_.request.value());
  }
  BytesPerSecond peak(Direction d) const override { return device_->peak(d); }
  std::uint64_t settle_bytes() const override { return device_->settle_bytes(); }
  double bound(std::uint64_t run_length) const override { return device_->bound(run_length); }
  std::vector<BurstCount> counts() const override { return device_->counts(); }
  Watts background() const override { return device_->background(); }

 private:
  Params params_;
  std::unique_ptr<BurstDevice> device_;
  int in_flight_ = 0;
};

TERRACE_REGISTER(BurstDevice, NvmeQueue, "nvme_queue", "a drive as one thread of software uses it");

}  // namespace
}  // namespace terrace
