// What makes a DRAM standard impossible: each is one mistake, at the key that is wrong.
#include <fmt/format.h>

#include <set>

#include "models/dram/command_table.h"
#include "models/dram/standard.h"
#include "sim/suggest.h"

namespace terrace::dram {
namespace {

std::string unknown(const std::string& what, const std::string& word,
                    const std::vector<std::string>& known) {
  return "unknown " + what + " \"" + word + "\"" + did_you_mean(word, known);
}

std::vector<std::string> timing_names(const Standard& s) {
  std::vector<std::string> names;
  for (const auto& each : s.clocks) names.push_back(each.first);
  for (const auto& each : s.times) names.push_back(each.first);
  return names;
}

bool check_levels(const Standard& s, Checker& c) {
  const std::size_t n = s.levels.size();
  if (n < 4 || s.levels.front() != "channel" || s.levels[n - 3] != "bank" ||
      s.levels[n - 2] != "row" || s.levels[n - 1] != "column") {
    c.fail("levels", "must begin with channel and end with bank, row, column");
    return false;
  }
  bool good = true;
  for (std::size_t i = 1; i < n; ++i)
    if (!s.geometry.count(s.levels[i])) {
      c.fail("geometry", "says nothing of level \"" + s.levels[i] + "\"");
      good = false;
    }
  for (const auto& each : s.geometry) {
    const int at = level_index(s, each.first);
    if (at > 0) continue;
    c.fail("geometry." + each.first,
           at == 0 ? "a standard is one channel; the device says how many there are"
                   : unknown("level", each.first, s.levels));
    good = false;
  }
  for (const char* key : {"data_bus", "refresh_level"}) {
    const std::string& level = key[0] == 'd' ? s.data_bus : s.refresh_level;
    const int at = level_index(s, level);
    if (at >= 0 && at < static_cast<int>(n) - 3) continue;
    c.fail(key, at < 0 ? unknown("level", level, s.levels)
                       : "must be above the bank, not \"" + level + "\"");
    good = false;
  }
  return good;
}

bool check_width(const Standard& s, Checker& c) {
  const int buses = s.data_buses();
  if (s.channel_bits % buses != 0) {
    c.fail("channel_bits",
           fmt::format("{} pins do not divide over {} data buses", s.channel_bits, buses));
    return false;
  }
  const int width = s.channel_bits / buses;
  if (s.device_bits > 0 && width % s.device_bits != 0) {
    c.fail("channel_bits", fmt::format("a data bus of {} pins is no whole number of chips of {}",
                                       width, s.device_bits));
    return false;
  }
  if (width * s.burst_length % 8 != 0) {
    c.fail("burst_length",
           fmt::format("{} beats of {} pins are no whole number of bytes", s.burst_length, width));
    return false;
  }
  return true;
}

bool check_rules(const Standard& s, Checker& c) {
  bool good = true;
  const auto fail = [&](const std::string& path, const std::string& what) {
    c.fail(path, what);
    good = false;
  };
  for (const char* name : {"nCL", "nCWL", "nBL"})
    if (!s.timing(name)) fail("clocks", std::string("says nothing of ") + name);
  std::vector<std::string> commands(command_names.begin(), command_names.end());
  const auto check_command = [&](const std::string& path, const std::string& word) {
    if (!command_named(word)) fail(path, unknown("command", word, commands));
  };
  for (const auto& each : s.cycles) {
    check_command("cycles." + each.first, each.first);
    if (each.second * 2 != static_cast<int>(each.second * 2))
      fail("cycles." + each.first, "must be a multiple of half a clock");
  }
  for (std::size_t i = 0; i < s.half_clock.size(); ++i)
    check_command(fmt::format("half_clock[{}]", i), s.half_clock[i]);
  for (std::size_t i = 0; i < s.rules.size(); ++i) {
    const RuleText& rule = s.rules[i];
    const std::string path = fmt::format("rules[{}]", i);
    if (rule.size() < 4 || rule.size() > 5) {
      fail(path, "must be [after, before, level, wait]");
      continue;
    }
    for (std::size_t side = 0; side < 2; ++side)
      for (const std::string& word : words(rule[side]))
        check_command(fmt::format("{}[{}]", path, side), word);
    const int level = level_index(s, rule[2]);
    if (level < 0)
      fail(path + "[2]", unknown("level", rule[2], s.levels));
    else if (level > static_cast<int>(s.levels.size()) - 3)
      fail(path + "[2]", "a rule holds at a bank or above, not at \"" + rule[2] + "\"");
    for (const std::string& word : words(rule[3]))
      if (word != "+" && word != "-" && !s.timing(word) &&
          word.find_first_not_of("0123456789") != std::string::npos)
        fail(path + "[3]", unknown("timing", word, timing_names(s)));
    if (rule.size() == 5 && rule[4] != "siblings" &&
        (words(rule[4]).size() != 2 || words(rule[4])[0] != "window" ||
         std::atoi(words(rule[4])[1].c_str()) < 2))
      fail(path + "[4]", "must be \"siblings\" or \"window 4\"");
    std::string why;
    const auto wait = good ? evaluate(s, rule[3], why) : std::nullopt;
    if (wait && *wait < 0)
      fail(path + "[3]", fmt::format("negative slack: {} is {} clocks", rule[3], *wait));
  }
  return good;
}

// The longest wait from `after` to `before` in one bank.
std::optional<int> bank_wait(const Standard& s, Command after, Command before) {
  std::optional<int> longest;
  for (const RuleText& rule : s.rules) {
    if (rule.size() > 4) continue;
    const auto names = [&](std::size_t side, Command c) {
      for (const std::string& word : words(rule[side]))
        if (word == command_names[c]) return true;
      return false;
    };
    std::string why;
    if (names(0, after) && names(1, before))
      longest = std::max(longest.value_or(0), evaluate(s, rule[3], why).value_or(0));
  }
  return longest;
}

// A timing that no rule uses is one that somebody meant otherwise.
void check_used(const Standard& s, Checker& c) {
  std::set<std::string> used = {"nCL", "nCWL", "nBL", "nREFI"};
  for (const RuleText& rule : s.rules)
    for (const std::string& word : words(rule[3])) used.insert(word);
  const std::vector<std::string> known(used.begin(), used.end());
  const auto among = [&](const char* where, const auto& timings) {
    for (const auto& each : timings)
      if (used.count(each.first) == 0)
        c.fail(std::string(where) + "." + each.first,
               "no rule uses it" + did_you_mean(each.first, known));
  };
  among("clocks", s.clocks);
  among("times", s.times);
}

void check_physics(const Standard& s, Checker& c) {
  struct Needed {
    Command after, before;
  };
  bool all = true;
  for (const Needed& n : {Needed{ACT, RD},
                          {ACT, WR},
                          {ACT, PRE},
                          {PRE, ACT},
                          {ACT, ACT},
                          {RD, RD},
                          {WR, WR},
                          {RD, WR},
                          {WR, RD},
                          {RD, PRE},
                          {WR, PRE}}) {
    if (bank_wait(s, n.after, n.before)) continue;
    all = false;
    c.fail("rules", fmt::format("missing rule: nothing says how long {} waits after {}",
                                command_names[n.before], command_names[n.after]));
  }
  for (const Command refresh : {REFab, REFpb, REFsb}) {
    if (!s.has(refresh)) continue;
    if (!bank_wait(s, refresh, ACT))
      c.fail("rules", fmt::format("missing rule: nothing says how long ACT waits after {}",
                                  command_names[refresh]));
    if (!s.timing("nREFI")) c.fail("times", "says nothing of nREFI, the refresh interval");
  }
  if (!all) return;
  check_used(s, c);
  const int ras = *bank_wait(s, ACT, PRE), rc = *bank_wait(s, ACT, ACT);
  if (ras > rc)
    c.fail("rules", fmt::format("tRAS > tRC: a row stays open for {} clocks and the next ACT comes "
                                "after {}",
                                ras, rc));
  const int cl = s.needed("nCL"), cwl = s.needed("nCWL"), bl = s.needed("nBL");
  if (*bank_wait(s, RD, WR) + cwl < cl + bl)
    c.fail("rules", fmt::format("negative slack: data of a write begin {} clocks after a read, "
                                "whose own end after {}",
                                *bank_wait(s, RD, WR) + cwl, cl + bl));
  if (*bank_wait(s, WR, RD) + cl < cwl + bl)
    c.fail("rules", fmt::format("negative slack: data of a read begin {} clocks after a write, "
                                "whose own end after {}",
                                *bank_wait(s, WR, RD) + cl, cwl + bl));
  if (*bank_wait(s, RD, RD) < bl || *bank_wait(s, WR, WR) < bl)
    c.fail("rules", fmt::format("negative slack: a burst takes {} clocks and the next may come "
                                "sooner",
                                bl));
}

}  // namespace

void Standard::check(Checker& c) const {
  if (!check_levels(*this, c) || !check_width(*this, c) || !check_rules(*this, c)) return;
  check_physics(*this, c);
  int banks = 1;
  for (std::size_t i = 1; i + 2 < levels.size(); ++i) banks *= size(levels[i]);
  if (banks > CommandTable::most_banks)
    c.fail("geometry", fmt::format("{} banks in a channel; at most {} can be simulated", banks,
                                   CommandTable::most_banks));
}

}  // namespace terrace::dram
