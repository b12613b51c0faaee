// What a drive's YAML says, and which drives are impossible.
#include <algorithm>
#include <cmath>

#include "models/flash/ssd.h"

namespace terrace {

void SsdParams::Queues::fields(Schema<Queues>& s) {
  s.field("count", &Queues::count, "submission queues, served in turn").between(1, 65535);
  s.field("depth", &Queues::depth, "entries of each").between(1, 65535);
  s.field("fetched", &Queues::fetched, "requests that the drive works on at once")
      .between(1, 1 << 20);
  s.field("completion", &Queues::completion, "how the host learns that a request is done");
  s.field("interrupt", &Queues::interrupt, "from the message to the waiting thread");
  s.field("poll", &Queues::poll, "between two looks at the completion queue; 0: always looking");
}

void SsdParams::Buffer::fields(Schema<Buffer>& s) {
  s.field("capacity", &Buffer::capacity, "DRAM for data on their way to flash").above(Bytes(0));
  s.field("rate", &Buffer::rate, "of that DRAM").above(BytesPerSecond(0));
  s.field("write_back", &Buffer::write_back, "a write is done once buffered; else once programmed");
}

void SsdParams::Translation::fields(Schema<Translation>& s) {
  s.field("unit", &Translation::unit, "smallest that is mapped by itself").above(Bytes(0));
  s.field("order", &Translation::order,
          "where consecutive pages go: channel, way, die, plane, the first changing fastest");
  s.field("dynamic", &Translation::dynamic,
          "writes go to the next plane in turn; false: a page has its own plane");
  s.field("cache", &Translation::cache, "of the map, in DRAM; none: all of it").above(Bytes(0));
  s.field("over_provisioning", &Translation::over_provisioning, "share of the flash kept spare")
      .between(0, 0.9);
  s.field("read_only", &Translation::read_only, "no writes are served");
  s.field("clean_below", &Translation::clean_below,
          "free blocks of a plane under which cleaning begins")
      .between(2, 65536);
  s.field("urgent_below", &Translation::urgent_below,
          "free blocks of a plane under which cleaning goes before writes")
      .between(1, 65536);
  s.field("wear_gap", &Translation::wear_gap,
          "erases between the most and least worn block that start levelling; 0: never")
      .between(0, 1000000);
}

void SsdParams::Precondition::fields(Schema<Precondition>& s) {
  s.field("filled", &Precondition::filled, "share of the capacity written in order").between(0, 1);
  s.field("overwrites", &Precondition::overwrites,
          "times the capacity written at random after that")
      .between(0, 100);
}

void SsdParams::fields(Schema<SsdParams>& s) {
  s.field("nand", &SsdParams::nand, "the dies");
  s.field("channels", &SsdParams::channels, "buses to the dies").between(1, 64);
  s.field("chips", &SsdParams::chips, "packages on a channel").between(1, 64);
  s.field("dies", &SsdParams::dies, "of a package").between(1, 64);
  s.field("channel", &SsdParams::channel, "one bus");
  s.field("translation", &SsdParams::translation, "flash translation layer");
  s.field("precondition", &SsdParams::precondition, "what was written before the start");
  s.field("buffer", &SsdParams::buffer, "write buffer");
  s.field("queues", &SsdParams::queues, "NVMe queues");
  s.field("link", &SsdParams::link, "PCI Express, the drive's end");
  s.field("command", &SsdParams::command, "the controller's time for a request, one by one");
  s.field("firmware", &SsdParams::firmware, "latency of a request in the controller");
  s.field("port", &SsdParams::port, "where requests come from: the host, or an internal engine");
  s.field("idle_power", &SsdParams::idle_power, "controller, DRAM and dies at rest");
}

FlashLayout SsdParams::layout() const {
  const auto u = [](int n) { return static_cast<std::uint32_t>(n); };
  FlashLayout l;
  l.channels = u(channels);
  l.chips = u(chips);
  l.dies = u(dies);
  l.planes = u(nand.planes);
  l.blocks = u(nand.blocks_per_plane);
  l.pages = u(nand.pages_per_block);
  l.units = std::max(1u, static_cast<std::uint32_t>(nand.page.value() / translation.unit.value()));
  l.order = translation.order;
  return l;
}

double SsdParams::raw_bytes() const {
  return double(channels) * chips * dies * nand.planes * nand.blocks_per_plane *
         nand.pages_per_block * nand.page.value();
}

std::uint32_t SsdParams::logical_units() const {
  return static_cast<std::uint32_t>(raw_bytes() * (1 - translation.over_provisioning) /
                                    translation.unit.value());
}

void SsdParams::check(Checker& c) const {
  const double unit = translation.unit.value(), page = nand.page.value();
  if (unit > page || std::fmod(page, unit) != 0 || std::fmod(unit, 512) != 0)
    return c.fail("translation.unit", to_text(translation.unit) + " does not divide a page of " +
                                          to_text(nand.page) + " into whole sectors");
  std::string letters = translation.order;
  std::sort(letters.begin(), letters.end());
  if (letters != "cdpw")
    c.fail("translation.order", "\"" + translation.order + "\" does not name c, w, d and p once");
  if (raw_bytes() / unit >= 2147483646.0)
    return c.fail("translation.unit", to_text(Bytes(raw_bytes())) +
                                          " of flash have more than 2^31 "
                                          "units of " +
                                          to_text(translation.unit));
  if (!translation.dynamic && unit < page)
    c.fail("translation.dynamic", "must be true where a page holds several units");
  if (translation.urgent_below > translation.clean_below)
    c.fail("translation.urgent_below", "is above clean_below");
  if (!translation.read_only) {
    const double spare = nand.blocks_per_plane * translation.over_provisioning;
    if (spare < translation.clean_below + 2)
      c.fail("translation.over_provisioning", "leaves " + std::to_string(static_cast<int>(spare)) +
                                                  " spare blocks of " +
                                                  std::to_string(nand.blocks_per_plane) +
                                                  " in a plane; writes need clean_below + 2 = " +
                                                  std::to_string(translation.clean_below + 2));
  } else if (precondition.overwrites > 0) {
    c.fail("precondition.overwrites", "a drive that is read_only is not overwritten");
  }
  if (translation.cache && translation.cache->value() < page)
    c.fail("translation.cache", "holds not even one page of the map, " + to_text(nand.page));
  if (buffer.capacity < nand.page)
    c.fail("buffer.capacity", "is smaller than a page, " + to_text(nand.page));
  if (double(queues.count) * queues.depth < 1) c.fail("queues", "hold nothing");
  if (precondition.overwrites > 0 && precondition.filled < 1)
    c.fail("precondition.filled", "must be 1 before overwrites");
}

}  // namespace terrace
