// Parameters of a last-level cache.
#include "models/sram/last_level_cache.h"

namespace terrace {

void LastLevelCache::fields(Schema<LastLevelCache>& s) {
  s.field("capacity", &LastLevelCache::capacity, "size").above(Bytes(0));
  s.field("resident", &LastLevelCache::resident,
          "largest loop that still hits: what is touched again within so many bytes is there")
      .above(Bytes(0));
  s.field("bandwidth", &LastLevelCache::bandwidth, "of hits, all processors together")
      .above(BytesPerSecond(0));
  s.field("latency", &LastLevelCache::latency, "of a hit, as a processor sees it");
  s.field("energy", &LastLevelCache::energy, "energy of a byte that passes");
}

void LastLevelCache::check(Checker& c) const {
  if (resident > capacity)
    c.fail("resident", to_text(resident) + " is more than the capacity, " + to_text(capacity));
}

}  // namespace terrace
