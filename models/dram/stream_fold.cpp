// Folds a long pattern over time and over channels.
#include "models/dram/stream_fold.h"

#include <algorithm>
#include <cmath>

namespace terrace::dram {
namespace {

Joules spent(const BurstDevice& device) {
  Joules sum;
  for (const BurstCount& count : device.counts()) sum += count.energy;
  return sum;
}

}  // namespace

FoldedRun fold(const DramParams& params, const BurstPattern& pattern, std::uint64_t bytes,
               const FoldOptions& options) {
  // One channel with its share of the pattern. Runs longer than what a channel takes in sequence
  // reach it as shorter ones.
  DramParams one = params;
  one.channels = 1;
  const auto channels = static_cast<std::uint64_t>(params.channels);
  const std::uint64_t granule = params.standard.granule();
  const std::uint64_t step =
      std::max(granule, static_cast<std::uint64_t>(params.channel_run.value()));
  BurstPattern part = pattern;
  const std::uint64_t turns = (pattern.run_length + step * channels - 1) / (step * channels);
  part.run_length = std::max(granule, std::min(pattern.run_length, turns * step));
  part.footprint = std::max(part.run_length, pattern.footprint / channels);
  part.outstanding = static_cast<std::uint32_t>((pattern.outstanding + channels - 1) / channels);
  part.request_bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(pattern.request_bytes ? pattern.request_bytes : granule, step));
  const std::uint64_t request = part.request_bytes;
  const std::uint64_t wanted = (bytes + channels - 1) / channels;
  const std::uint64_t total = std::max<std::uint64_t>(1, (wanted + request - 1) / request);

  const Standard& s = params.standard;
  const double interval =
      (s.timing("nREFI") ? s.needed("nREFI") : 8192) * s.clock.value();  // of one refresh
  const auto each = static_cast<std::uint64_t>(
      std::ceil(s.channel_peak() * interval / static_cast<double>(request)));
  const std::uint64_t warm_up = each * static_cast<std::uint64_t>(options.warm_up);
  const std::uint64_t measured = each * static_cast<std::uint64_t>(options.measured);

  FoldedRun out;
  out.bytes = bytes;
  Dram device(one, {});
  const double peak = device.peak(Direction::read).value() * static_cast<double>(channels);
  if (total <= warm_up + measured) {
    const BurstMeasurement m = drive(device, part, total);
    out.simulated = total;
    out.span = m.span;
    out.energy = spent(device) * static_cast<double>(channels);
  } else {
    const BurstMeasurement m = drive(device, part, measured, warm_up);
    out.simulated = measured + warm_up;
    out.span =
        Time::nearest(Seconds(static_cast<double>(total) * static_cast<double>(request) / m.rate));
    out.energy = spent(device) * (static_cast<double>(total) / static_cast<double>(out.simulated)) *
                 static_cast<double>(channels);
  }
  out.rate = static_cast<double>(bytes) / out.span.seconds();
  out.share_of_peak = out.rate / peak;
  return out;
}

}  // namespace terrace::dram
