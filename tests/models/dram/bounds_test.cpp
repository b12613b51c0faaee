// Closed forms that no controller beats: against the reference, and against what is achieved.
#include "models/dram/bounds.h"

#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

TEST_CASE("closed forms of HBM3 and HBM2 are those worked out by hand", "[dram][bounds]") {
  const Standard hbm3 = standard("hbm3.yaml"), hbm2 = standard("hbm2.yaml");
  const double refresh = 1 - 350.0 / 3900;
  CHECK(bounds(hbm3, "all_bank", {}).least() == Approx(refresh));  // 91.0 %
  CHECK(bounds(hbm3, "none", {}).least() == Approx(1));
  BoundPattern burst;
  burst.bytes_per_row = 32;
  // 2 pseudo-channels x 4 activates x 32 B in 15 ns, of 51.2 B/ns
  const Bounds random = bounds(hbm3, "all_bank", burst);
  CHECK(random.activate_window == Approx(2 * 4 * 32 / 15.0 / 51.2 * refresh));  // 30.3 %
  CHECK(random.by() == "activate window");
  burst.bytes_per_row = 64;  // 60.7 %
  CHECK(bounds(hbm3, "all_bank", burst).least() == Approx(2 * random.activate_window));
  burst.bytes_per_row = 128;
  CHECK(bounds(hbm3, "all_bank", burst).least() == Approx(refresh));
  burst.bytes_per_row = 32;
  // HBM2: ACT takes 2 and PRE 1 slot of 1 ns: 32 B in 3 ns, of 32 B/ns
  const Bounds hbm2_random = bounds(hbm2, "all_bank", burst);
  CHECK(hbm2_random.row_bus == Approx(32 / 3.0 / 32 * refresh));
  CHECK(hbm2_random.by() == "row command bus");
}

TEST_CASE("turning the data bus costs what the turnaround rules say", "[dram][bounds]") {
  BoundPattern copy;
  copy.bursts_per_turn = 40;
  // HBM3: 20 + 10 - 22 = 8 clocks empty before a write, 7 + 20 = 27 - 0 before a read; a turn is
  // half of both, 40 bursts of 2 clocks.
  const double turn = (8 + (10 + 2 + 7 + 20 - 10 - 2)) / 2.0;
  CHECK(bounds(standard("hbm3.yaml"), "none", copy).data_bus == Approx(80 / (80 + turn)));
}

TEST_CASE("every standard stays within its bounds, and comes near them", "[dram][bounds]") {
  for (const std::string& file : shipped()) {
    const std::string yaml =
        "{kind: dram, standard: " + file +
        ", scheduler: row_hit_first, read_queue: 128, mapping: {kind: bank_xor, "
        "order: RoBaCoBgRaClCh, low_columns: 4}}";
    const DramParams p = params(yaml);
    const double streaming = percent(yaml, stream(), 30000);
    const double bound = 100 * bounds(p.standard, "all_bank", {}).least();
    BoundPattern one;
    one.bytes_per_row = p.standard.granule();
    BurstPattern pattern = gather(p.standard.granule());
    pattern.footprint = std::min<std::uint64_t>(pattern.footprint, p.standard.channel_bytes());
    const double random = percent(yaml, pattern, 15000);
    const double random_bound = 100 * bounds(p.standard, "all_bank", one).least();
    INFO(p.standard.name << ": stream " << streaming << " % of a bound of " << bound << ", random "
                         << random << " of " << random_bound << " by "
                         << bounds(p.standard, "all_bank", one).by());
    CHECK(streaming < bound + 0.7);  // what is left of the last refresh interval
    CHECK(streaming > bound - 10);
    // A request of 1 in some thousand finds its row open.
    CHECK(random < random_bound * 1.03);
    CHECK(random > random_bound * 0.55);
  }
}

TEST_CASE("bytes for each row that a run opens follow from the mapping", "[dram][bounds]") {
  const DramParams fields =
      params("{extends: hbm3_channel.yaml, mapping: {kind: field_order, order: RoBaRaCoCh}}");
  const DramParams mop = params("hbm3_channel.yaml");
  CHECK(bytes_per_row(fields, 32) == 32);
  CHECK(bytes_per_row(fields, 1024) == 1024);
  CHECK(bytes_per_row(mop, 128) == 32);  // four bursts, four banks
  CHECK(bytes_per_row(mop, 256) == 64);
}
