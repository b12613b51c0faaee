// NVLink, CXL and Ethernet against the arithmetic of their packets.
#include <catch2/catch.hpp>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

const double endless = std::numeric_limits<double>::infinity();

Machine joined(const std::string& link) {
  Machine machine;
  const DeviceId a = add_gpu(machine, "a"), b = add_gpu(machine, "b");
  join(machine, a, b, link);
  return machine;
}

double rate(const Machine& machine, Direction direction, double run_length) {
  const LinkInfo& l = machine.links()[0];
  return machine.resources()[static_cast<std::size_t>(l.forward)].capacity /
         l.cost(direction, run_length);
}

}  // namespace

TEST_CASE("NVLink carries 16 data flits behind one header", "[nvlink][closed_form]") {
  const Machine nvlink3 = joined("link/nvlink3.yaml"), nvlink4 = joined("link/nvlink4.yaml");
  CHECK(rate(nvlink3, Direction::read, endless) == Approx(12 * 25e9 * 16 / 17));
  CHECK(rate(nvlink4, Direction::read, endless) == Approx(18 * 25e9 * 16 / 17));
  CHECK(rate(nvlink4, Direction::read, 32) == Approx(18 * 25e9 * 2 / 3));  // a sector, one header
  // Two links between V100s carry 47.9 of 50 GB/s in one direction (Dell, HPC solution for C4130).
  const double v100 =
      rate(joined("{kind: nvlink, links: 2, peer: {rate: 20GB/s}}"), Direction::read, endless);
  INFO("V100: " << v100 / 1e9 << " of 47.9 GB/s, " << percent_off(v100, 47.9e9) << " % off");
  CHECK(std::abs(percent_off(v100, 47.9e9)) < 2);
}

TEST_CASE("a CXL line takes four data slots and its share of a header slot", "[cxl][closed_form]") {
  const Machine x8 = joined("link/cxl2_x8.yaml"), x16 = joined("link/cxl2_x16.yaml");
  const double raw = 8 * 32e9 * 128 / 130 / 8;
  const double read = raw * 64 / 68 * 4 / 4.5, write = raw * 64 / 68 * 4 / 5;
  INFO("x8 reads " << read / 1e9 << " GB/s, writes " << write / 1e9 << " GB/s");
  CHECK(rate(x8, Direction::read, endless) == Approx(read));
  CHECK(rate(x8, Direction::write, endless) == Approx(write));
  CHECK(rate(x16, Direction::read, endless) == Approx(2 * read));
  CHECK(rate(x8, Direction::read, 32) == Approx(read / 2));  // half a line is moved as a whole one
  const Machine big_flit = joined("{kind: cxl, lanes: 8, flit: 256}");
  CHECK(rate(big_flit, Direction::read, endless) == Approx(raw * 240 / 256 * 4 / 4.5));
}

TEST_CASE("every Ethernet frame brings 82 bytes of headers", "[ethernet][closed_form]") {
  CHECK(rate(joined("link/ethernet_400g.yaml"), Direction::read, endless) ==
        Approx(50e9 * 4096 / 4178));
}

TEST_CASE("a link refuses what its packets cannot do", "[link]") {
  CHECK_THROWS_WITH(
      chosen<Link>("{kind: nvlink, links: 1, peer: {rate: 26GB/s}}"),
      Catch::Contains("member.peer.rate: 26GB/s is more than the links carry, 25GB/s"));
  CHECK_THROWS_WITH(chosen<Link>("{kind: cxl, generation: 6, flit: 68}"),
                    Catch::Contains("member.flit: 64 GT/s needs flits of 256 B"));
}
