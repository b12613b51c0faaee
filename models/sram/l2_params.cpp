// Fields of an L2 and what cannot be built.
#include "models/sram/l2_params.h"

namespace terrace {

void L2Params::fields(Schema<L2Params>& s) {
  s.field("capacity", &L2Params::capacity, "all partitions together").above(Bytes(0));
  s.field("partitions", &L2Params::partitions,
          "1, or 2: a near and a far one, each caching what its own processors read")
      .between(1, 2);
  s.field("slices", &L2Params::slices, "banks that work at once, all partitions together")
      .between(1, 4096);
  s.field("ways", &L2Params::ways, "lines of a set").between(1, 64);
  s.field("line", &L2Params::line, "bytes under one tag").between(16, 4096);
  s.field("sector", &L2Params::sector, "bytes that are valid or dirty together").between(8, 4096);
  s.field("fetch", &L2Params::fetch, "least bytes fetched on a miss").between(8, 4096);
  s.field("slice_bandwidth", &L2Params::slice_bandwidth, "of each slice").above(BytesPerSecond(0));
  s.field("mshrs", &L2Params::mshrs, "lines that each slice can have on their way").at_least(1);
  s.field("outstanding", &L2Params::outstanding, "requests that all processors have in flight")
      .between(1, 1u << 22);
  s.field("replacement", &L2Params::replacement, "which line leaves a full set");
  s.field("path", &L2Params::path, "the way between processors, partitions and memory controllers");
  s.field("requesters", &L2Params::requesters,
          "whose loads these are: of processors beside one partition, or of all of them");
  s.field("tile", &L2Params::tile, "contiguous bytes that one processor reads before another does")
      .above(Bytes(0));
  s.field("energy", &L2Params::energy, "of a byte that is read or written");
  s.field("background", &L2Params::background, "power at rest");
  s.field("below", &L2Params::below, "the memory");
}

void L2Params::check(Checker& c) const {
  if (line % sector || line / sector > 16)
    return c.fail("sector", "a line of " + std::to_string(line) + " B has no 1 to 16 sectors of " +
                                std::to_string(sector) + " B");
  if (fetch % sector || line % fetch)
    return c.fail("fetch", std::to_string(fetch) + " B are no whole sectors that divide a line");
  if (slices % partitions)
    return c.fail("slices", std::to_string(slices) + " do not divide into " +
                                std::to_string(partitions) + " partitions");
  const double all = capacity.value() / line;
  if (all >= 4294967295.0) return c.fail("capacity", to_text(capacity) + " are 2^32 lines or more");
  const double set = static_cast<double>(slices) * ways * line;
  const double sets_of_slice = capacity.value() / set;
  if (sets_of_slice < 1 || sets_of_slice != static_cast<std::uint32_t>(sets_of_slice))
    c.fail("capacity", to_text(capacity) + " are no whole sets in each slice: " +
                           std::to_string(slices) + " slices x " + std::to_string(ways) +
                           " ways x " + std::to_string(line) + " B are " + to_text(Bytes(set)));
  if (path.crossing > Seconds(0) && partitions == 1)
    c.fail("path.crossing", "there is one partition and nothing to cross to");
}

}  // namespace terrace
