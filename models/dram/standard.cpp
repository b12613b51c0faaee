// The fields of a DRAM standard and what is derived from them.
#include "models/dram/standard.h"

#include <cmath>
#include <sstream>

namespace terrace::dram {

void Energy::fields(Schema<Energy>& s) {
  s.field("activate", &Energy::activate, "of an ACT and the PRE that ends it");
  s.field("read", &Energy::read, "of a byte read, by what spends it");
  s.field("write", &Energy::write, "of a byte written, by what spends it; empty: as read");
  s.field("refresh_row", &Energy::refresh_row, "of refreshing one row of one bank");
  s.field("background", &Energy::background, "of a channel at rest: standby and clocks");
}

void Standard::fields(Schema<Standard>& s) {
  s.field("name", &Standard::name, "what it is called").required().not_empty();
  s.field("levels", &Standard::levels, "from the channel to the bank, then row and column")
      .required()
      .not_empty();
  s.field("geometry", &Standard::geometry, "how many of each level its parent has")
      .between(1, 1 << 20);
  s.field("channel_bits", &Standard::channel_bits, "data pins of a channel").between(1, 1024);
  s.field("device_bits", &Standard::device_bits, "data pins of a chip; 0: of a data bus")
      .between(0, 1024);
  s.field("burst_length", &Standard::burst_length, "beats of one burst").between(1, 64);
  s.field("data_bus", &Standard::data_bus, "the level that has data pins of its own");
  s.field("refresh_level", &Standard::refresh_level, "the level that an all-bank refresh takes");
  s.field("rows_per_refresh", &Standard::rows_per_refresh,
          "rows of each bank that an all-bank refresh restores")
      .between(1, 1024);
  s.field("clock", &Standard::clock, "period of the command clock").above(Seconds(0));
  s.field("separate_buses", &Standard::separate_buses, "row and column commands have a bus each");
  s.field("cycles", &Standard::cycles, "clocks of its bus that a command takes; else 1")
      .between(0.5, 16);
  s.field("half_clock", &Standard::half_clock, "commands that may begin on a falling edge");
  s.field("clocks", &Standard::clocks, "timings in clocks").between(0, 1 << 24);
  s.field("times", &Standard::times, "timings, rounded up to clocks");
  s.field("rules", &Standard::rules, "[after, before, level, wait]").required().not_empty();
  s.field("energy", &Standard::energy, "energy by command");
}

int Standard::size(const std::string& level) const {
  const auto it = geometry.find(level);
  return it == geometry.end() ? 1 : it->second;
}

std::optional<int> Standard::timing(const std::string& key) const {
  const auto in_clocks = clocks.find(key);
  if (in_clocks != clocks.end()) return in_clocks->second;
  const auto in_time = times.find(key);
  if (in_time == times.end()) return std::nullopt;
  // A nanosecond value that is a whole number of clocks must not be rounded up to one more.
  return static_cast<int>(std::ceil(in_time->second.value() / clock.value() - 1e-6));
}

int Standard::needed(const std::string& key) const { return timing(key).value(); }

int Standard::data_buses() const {
  int buses = 1;
  for (const std::string& level : levels) {
    buses *= level == "channel" ? 1 : size(level);
    if (level == data_bus) return buses;
  }
  return 1;
}

std::uint32_t Standard::granule() const {
  return static_cast<std::uint32_t>(channel_bits / data_buses() * burst_length / 8);
}

std::uint64_t Standard::channel_bytes() const {
  std::uint64_t bytes = granule();
  for (const std::string& level : levels)
    if (level != "channel") bytes *= static_cast<std::uint64_t>(size(level));
  return bytes;
}

double Standard::channel_peak() const {
  return static_cast<double>(granule()) * data_buses() / (needed("nBL") * clock.value());
}

bool Standard::has(Command command) const {
  for (const RuleText& rule : rules)
    for (std::size_t side = 0; side < 2 && side < rule.size(); ++side)
      for (const std::string& word : words(rule[side]))
        if (word == command_names[command]) return true;
  return false;
}

std::optional<int> evaluate(const Standard& standard, const std::string& wait, std::string& why) {
  int sum = 0, sign = 1;
  for (const std::string& word : words(wait)) {
    if (word == "+" || word == "-") {
      sign = word == "+" ? 1 : -1;
      continue;
    }
    std::optional<int> value = standard.timing(word);
    if (!value && word.find_first_not_of("0123456789") == std::string::npos)
      value = std::atoi(word.c_str());
    if (!value) {
      why = "unknown timing \"" + word + "\"";
      return std::nullopt;
    }
    sum += sign * *value;
    sign = 1;
  }
  return sum;
}

std::optional<Command> command_named(const std::string& name) {
  for (int c = 0; c < command_count; ++c)
    if (name == command_names[static_cast<std::size_t>(c)]) return static_cast<Command>(c);
  return std::nullopt;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

int level_index(const Standard& standard, const std::string& name) {
  for (std::size_t i = 0; i < standard.levels.size(); ++i)
    if (standard.levels[i] == name) return static_cast<int>(i);
  return -1;
}

}  // namespace terrace::dram
