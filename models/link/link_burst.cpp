// Driving a link for each run length and direction that is asked for, and remembering it.
#include "models/link/link_burst.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "models/link/link_service.h"

namespace terrace {

std::function<double(Direction, double run_length)> burst_rate(const Choice<BurstDevice>& link,
                                                               const std::string& name,
                                                               LinkStream stream) {
  const auto known = std::make_shared<std::map<std::pair<bool, double>, double>>();
  return [=](Direction direction, double run_length) {
    const double useful = std::max(1.0, std::min(run_length, stream.longest));
    const auto [at, fresh] =
        known->emplace(std::make_pair(direction == Direction::read, useful), 0);
    if (fresh) {
      const std::unique_ptr<BurstDevice> device = link.make({name, 1});
      const double granule = device->granule();
      LinkDemand demand;
      demand.bytes = static_cast<std::uint32_t>(std::ceil(useful / granule) * granule);
      demand.read_share = direction == Direction::read ? 1 : 0;
      demand.concurrency = stream.concurrency;
      at->second = measure_link(*device, demand).rate * useful / demand.bytes;
    }
    return at->second;
  };
}

}  // namespace terrace
