// A DRAM device at burst level: identical channels behind an address mapping.
#pragma once

#include <memory>
#include <vector>

#include "models/dram/channel.h"
#include "models/dram/mapping.h"
#include "sim/burst.h"
#include "sim/registry.h"

namespace terrace::dram {

struct DramParams {
  Standard standard;
  int channels = 1;
  Bytes channel_run{0};       // neighbouring bytes that lie in one channel; 0: one burst
  bool channel_hash = false;  // rotates the channels by the higher address bits
  Choice<AddressMapping> mapping = Choice<AddressMapping>::of("mop");
  Choice<Scheduler> scheduler = Choice<Scheduler>::of("frfcfs");
  Choice<RowPolicy> row_policy = Choice<RowPolicy>::of("open");
  Choice<Refresh> refresh = Choice<Refresh>::of("all_bank");
  int read_queue = 32, write_queue = 32;  // of a channel

  static void fields(Schema<DramParams>& s);
  void check(Checker& c) const;
};

// The channel of a burst, and its number there. Any number of channels will do.
class ChannelSplit {
 public:
  ChannelSplit(int channels, std::uint64_t run, bool hash)
      : channels_(static_cast<std::uint64_t>(channels)), run_(run), hash_(hash) {}
  std::pair<int, std::uint64_t> of(std::uint64_t burst) const {
    if (channels_ == 1) return {0, burst};
    const std::uint64_t block = burst / run_, turn = block / channels_;
    std::uint64_t channel = block - turn * channels_;
    // A bijection within each turn: a stride of any length meets all channels.
    if (hash_) channel = (channel + (turn * 0x9E3779B97F4A7C15u >> 40)) % channels_;
    return {static_cast<int>(channel), turn * run_ + (burst - block * run_)};
  }

 private:
  std::uint64_t channels_, run_;
  bool hash_;
};

class Dram final : public BurstDevice {
 public:
  using Params = DramParams;
  Dram(const Params& params, const Context& context);
  Dram(const Dram&) = delete;
  Dram& operator=(const Dram&) = delete;

  bool offer(const BurstRequest& request, Time now) override;
  Time next_event() const override;
  void advance(Time now, std::vector<BurstAnswer>& answers) override;
  std::uint64_t footprint_limit() const override;
  std::uint32_t granule() const override { return granule_; }
  BytesPerSecond peak(Direction) const override;
  std::vector<BurstCount> counts() const override;
  Watts background() const override;
  BurstParts parts() const override;
  double bound(std::uint64_t run_length) const override;

  const CommandTable& table() const { return table_; }
  std::int64_t issued(Command c) const;  // of all channels

 private:
  struct InFlight {
    std::uint64_t id = 0;
    std::uint64_t pieces = 0;
    std::uint32_t next = 0;
  };
  // A request of several bursts of which some do not have room yet.
  struct Staged {
    std::uint64_t burst = 0, end = 0;
    std::uint32_t token = 0;
    bool write = false;
  };
  void push(int channel, std::uint64_t local, std::uint32_t token, bool write, Time now);
  void feed(Time now);
  void update(std::size_t channel);  // of the tournament for the earliest event
  void answer(std::uint32_t token, Time at, std::vector<BurstAnswer>& answers);
  Tick event_of(std::size_t channel) const;

  Params params_;
  CommandTable table_;
  MappingPlan mapping_;
  std::uint32_t granule_;
  ChannelSplit split_;
  std::vector<Channel> channels_;
  std::vector<Tick> tree_;  // a tournament: tree_[1] is the earliest event of all
  std::size_t leaves_ = 1;
  std::vector<InFlight> flights_;
  std::uint32_t free_ = UINT32_MAX;
  Staged staged_;
};

// What a channel of these parameters is told. Throws BuildError.
ChannelRules channel_rules(const DramParams& params, const CommandTable& table);
MappingPlan mapping_plan(const DramParams& params, const CommandTable& table);

}  // namespace terrace::dram
