// Closed forms: bandwidth that refresh, activates, command buses and banks leave.
#include "models/dram/bounds.h"

#include <algorithm>
#include <set>
#include <utility>

namespace terrace::dram {
namespace {

// The longest wait of the rules between two commands at a level, in clocks; 0 where none is.
int wait_at(const Standard& s, Command after, Command before, const std::string& level,
            int window) {
  int longest = 0;
  for (const RuleText& rule : s.rules) {
    if (!level.empty() && rule[2] != level) continue;
    const bool windowed = rule.size() > 4 && rule[4] != "siblings";
    if (rule.size() > 4 && rule[4] == "siblings") continue;
    const int n = windowed ? std::atoi(words(rule[4])[1].c_str()) : 1;
    const auto names = [&](std::size_t side, Command c) {
      const std::vector<std::string> all = words(rule[side]);
      return std::find(all.begin(), all.end(), command_names[c]) != all.end();
    };
    std::string why;
    if (n == window && names(0, after) && names(1, before))
      longest = std::max(longest, evaluate(s, rule[3], why).value_or(0));
  }
  return longest;
}

double cycles(const Standard& s, Command c) {
  const auto it = s.cycles.find(command_names[c]);
  return it == s.cycles.end() ? 1 : it->second;
}

}  // namespace

Bounds bounds(const Standard& s, const std::string& refresh, const BoundPattern& p) {
  const CommandTable table(s);
  Bounds b;
  const double burst = s.granule(), slot = s.needed("nBL");
  const double row = burst * s.size("column");
  const double in_row = (p.bytes_per_row > 0 ? std::min(p.bytes_per_row, row) : row);
  const double bursts = std::max(1.0, in_row / burst);  // for each row opened
  const double interval = s.timing("nREFI") ? s.needed("nREFI") : 0;
  if (refresh == "all_bank") b.refresh = 1 - s.needed("nRFCab") / interval;
  double turning = 0;  // clocks lost in a read burst, a write burst and back
  if (p.bursts_per_turn > 0) {
    // Data to data: what the waits leave empty between the last data of one and the first of other.
    const int to_write =
        wait_at(s, RD, WR, "", 1) + s.needed("nCWL") - s.needed("nCL") - s.needed("nBL");
    int to_read = s.timing("nWTRS") ? s.needed("nCWL") + s.needed("nBL") + s.needed("nWTRS")
                                    : wait_at(s, WR, RD, "", 1);
    to_read += s.needed("nCL") - s.needed("nCWL") - s.needed("nBL");
    turning = (to_write + to_read) / 2.0;
  }
  b.data_bus = b.refresh * p.bursts_per_turn * slot / (p.bursts_per_turn * slot + turning);
  if (p.bursts_per_turn <= 0) b.data_bus = b.refresh;
  b.data_bus *= p.touched_share;

  // Activates of all pseudo-channels or ranks, each with a window of its own.
  double activates = 1e300;  // of a channel, per clock
  for (int level = 0; level < table.levels(); ++level) {
    const std::string& name = s.levels[static_cast<std::size_t>(level)];
    if (name == "bank" || name == "bank_group") continue;
    if (const int faw = wait_at(s, ACT, ACT, name, 4))
      activates = std::min(activates, 4.0 / faw * table.nodes(level));
    if (const int rrd = wait_at(s, ACT, ACT, name, 1))
      activates = std::min(activates, 1.0 / rrd * table.nodes(level));
  }
  const double peak_bursts = s.data_buses() / slot;  // of a channel, per clock
  const double useful = p.touched_share;
  b.activate_window = std::min(1.0, activates * bursts / peak_bursts) * b.refresh * useful;
  const double row_slots = cycles(s, ACT) + cycles(s, PRE);
  const double column_slots = p.read_share * cycles(s, RD) + (1 - p.read_share) * cycles(s, WR);
  const double per_row = s.separate_buses ? row_slots : row_slots + column_slots * bursts;
  b.row_bus = std::min(1.0, bursts / per_row / peak_bursts) * b.refresh * useful;
  b.column_bus = std::min(1.0, 1 / column_slots / peak_bursts) * b.refresh * useful;
  double bank_time = b.refresh;
  if (refresh == "per_bank") bank_time = 1 - s.needed("nRFCpb") / interval;
  if (refresh == "same_bank") bank_time = 1 - s.needed("nRFCsb") / interval;
  b.banks = std::min(1.0, table.banks() * bursts / wait_at(s, ACT, ACT, "bank", 1) / peak_bursts *
                              bank_time) *
            useful;
  return b;
}

double Bounds::least() const {
  return std::min({data_bus, activate_window, row_bus, column_bus, banks});
}

std::string Bounds::by() const {
  const std::pair<double, const char*> all[] = {{data_bus, "data bus and refresh"},
                                                {activate_window, "activate window"},
                                                {row_bus, "row command bus"},
                                                {column_bus, "column command bus"},
                                                {banks, "banks"}};
  return std::min_element(std::begin(all), std::end(all),
                          [](const auto& a, const auto& b) { return a.first < b.first; })
      ->second;
}

double bytes_per_row(const DramParams& params, std::uint64_t run) {
  const Standard& s = params.standard;
  const CommandTable table(s);
  const MappingPlan plan = mapping_plan(params, table);
  const std::uint64_t burst = s.granule();
  const ChannelSplit split(
      params.channels,
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(params.channel_run.value()) / burst),
      params.channel_hash);
  const std::uint64_t bursts = std::max<std::uint64_t>(1, run / burst);
  std::set<std::tuple<int, int, std::uint32_t>> rows;
  for (std::uint64_t i = 0; i < bursts; ++i) {
    const auto [channel, local] = split.of(i);
    const Location at = plan.locate(local);
    rows.insert({channel, at.bank, at.row});
  }
  return static_cast<double>(bursts * burst) / static_cast<double>(rows.size());
}

}  // namespace terrace::dram
