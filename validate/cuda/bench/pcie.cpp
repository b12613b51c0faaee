// Copies between host and GPU over size: pinned and pageable, each way and both at once, and 64 MiB
// in many small copies against one large.
// Source: cudaMemcpyAsync by the device's events; what the host waits for by its own clock.
// State: the host's buffers, kept from case to case because pinning takes long.
#include <algorithm>
#include <cstring>

#include "validate/cuda/bench/bench_group.h"

namespace terrace::cuda {
namespace {

constexpr double kib = 1 << 10, mib = 1 << 20;
constexpr double largest = 1024 * mib, cut_up = 64 * mib;

class Pcie final : public BenchGroup {
 public:
  Pcie(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    const auto add = [&](const char* name, double bytes, double pieces, double ways) {
      Case c;
      c.name = name;
      c.with("bytes", bytes);
      if (pieces > 1 || std::strstr(name, "pieces") != nullptr) c.with("pieces", pieces);
      c.unit = "B/s";
      c.work = ways * bytes;
      c.memory = static_cast<std::uint64_t>(c.work);
      out.push_back(c);
    };
    const std::vector<double> sizes = geometric(4 * kib, largest, quick ? 64 : 4);
    for (const char* name : {"h2d_pinned", "d2h_pinned", "h2d_pageable", "d2h_pageable"})
      for (const double bytes : sizes) add(name, bytes, 1, 1);
    for (const double bytes : sizes) add("both_pinned", bytes, 1, 2);
    for (const char* name : {"h2d_waited", "d2h_waited"})
      for (const double bytes : geometric(4 * kib, 16 * mib, quick ? 4096 : 16))
        add(name, bytes, 1, 1);
    for (const char* name : {"h2d_pieces", "d2h_pieces"})
      for (const double piece : geometric(4 * kib, cut_up, quick ? 16384 : 4))
        add(name, cut_up, cut_up / piece, 1);
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    const std::size_t bytes = c.whole("bytes");
    const bool pageable = has(c, "pageable"), both = has(c, "both");
    if (pageable && pageable_.size() < bytes) pageable_.assign(bytes, 1);  // touched: in memory
    if (!pageable && pinned_.bytes() < bytes * (both ? 2 : 1)) {
      pinned_ = PinnedBuffer();
      pinned_ = PinnedBuffer(both ? 2 * bytes : bytes, "the pinned buffer of " + c.text());
      std::memset(pinned_.data(), 1, pinned_.bytes());
    }
    const DeviceBuffer device(both ? 2 * bytes : bytes, "the device's buffer of " + c.text());
    char* host = pageable ? pageable_.data() : pinned_.as<char>();
    const auto way = has(c, "d2h") ? CopyDirection::to_host : CopyDirection::to_device;
    const auto pieces = static_cast<std::size_t>(has(c, "pieces") ? c["pieces"] : 1);
    const std::size_t each = bytes / pieces;
    const auto copy = [&] {
      for (std::size_t i = 0; i < pieces; ++i) {
        char *there = device.as<char>(i * each), *here = host + i * each;
        copy_async(way == CopyDirection::to_host ? here : there,
                   way == CopyDirection::to_host ? there : here, each, way, timer.stream());
      }
    };
    if (both) return both_ways(c, timer, device, bytes);
    if (!pageable && !has(c, "waited")) return timer.on_device(c, copy);
    return timer.on_host([&] {
      copy();
      timer.stream().synchronize();
    });
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    if (has(c, "pageable") || has(c, "waited") || parts.host == none) return {};
    std::vector<Op> out;
    if (!has(c, "d2h")) out.push_back(copy_op(c, parts, true));
    if (!has(c, "h2d")) out.push_back(copy_op(c, parts, false));
    return out;
  }

 private:
  static bool has(const Case& c, const char* part) {
    return c.name.find(part) != std::string::npos;
  }

  static Op copy_op(const Case& c, const MachineParts& parts, bool in) {
    Op op;
    op.kind = OpKind::copy;
    op.label = in ? "h2d" : "d2h";
    op.engine = in ? parts.copy_in : parts.copy_out;
    op.pieces = has(c, "pieces") ? c["pieces"] : 1;
    op.reads(in ? parts.host : parts.hbm, c["bytes"]);
    op.writes(in ? parts.hbm : parts.host, c["bytes"]);
    return op;
  }

  Sample both_ways(const Case& c, Timer& timer, const DeviceBuffer& device, std::size_t bytes) {
    const Stream other;
    const Event start(false), end(false);
    const Stream& s = timer.stream();
    return timer.on_device(c, [&] {
      start.record(s);
      other.wait(start);
      copy_async(pinned_.as<char>(bytes), device.as<char>(bytes), bytes, CopyDirection::to_host,
                 other);
      copy_async(device.data(), pinned_.data(), bytes, CopyDirection::to_device, s);
      end.record(other);
      s.wait(end);
    });
  }

  PinnedBuffer pinned_;
  std::vector<char> pageable_;
};
TERRACE_REGISTER(BenchGroup, Pcie, "pcie",
                 "copies between host and GPU, pinned and pageable, in one piece and in many");

}  // namespace
}  // namespace terrace::cuda
