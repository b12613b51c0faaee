// Every timing rule of every shipped standard: blocked at t-1, legal at t; and whole runs of the
// controller against all rules. Expected ticks are worked out here, from the text of the rules.
#include <algorithm>
#include <map>
#include <random>

#include "models/dram/channel.h"
#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

namespace {

struct Rule {
  Command after, before;
  int level, window;
  bool siblings;
  Tick wait;
  std::string text;
};

Tick half_clocks(const Standard& s, Command c) {
  const auto it = s.cycles.find(command_names[c]);
  return it == s.cycles.end() ? 2 : static_cast<Tick>(2 * it->second);
}

// From the last edge of one command to the last edge of the other, as JEDEC counts.
std::vector<Rule> rules_of(const Standard& s) {
  std::vector<Rule> all;
  for (const RuleText& r : s.rules) {
    std::string why;
    const int clocks = *evaluate(s, r[3], why);
    const bool siblings = r.size() > 4 && r[4] == "siblings";
    const int window = r.size() > 4 && !siblings ? std::stoi(r[4].substr(7)) : 1;
    for (const std::string& a : words(r[0]))
      for (const std::string& b : words(r[1])) {
        const Command after = *command_named(a), before = *command_named(b);
        all.push_back({after, before, level_index(s, r[2]), window, siblings,
                       2 * Tick{clocks} + half_clocks(s, after) - half_clocks(s, before),
                       s.name + ": " + b + " waits " + std::to_string(clocks) + " clocks (" + r[3] +
                           ") after " + a + " in one " + r[2] + (r.size() > 4 ? ", " + r[4] : "")});
      }
  }
  return all;
}

bool applies(const Rule& rule, const CommandTable& t, int first, int second) {
  const int a = t.node(rule.level, first), b = t.node(rule.level, second);
  if (!rule.siblings) return a == b;
  return a != b && a / t.siblings(rule.level) == b / t.siblings(rule.level);
}

bool beginnable(const Standard& s, Command c, Tick t) {
  return t % 2 == 0 || std::count(s.half_clock.begin(), s.half_clock.end(), command_names[c]);
}

// The banks that a command to this one takes.
std::vector<int> taken(const CommandTable& t, Command c, int bank) {
  std::vector<int> banks;
  const int per_group = t.standard().size("bank");
  for (int b = 0; b < t.banks(); ++b) {
    const bool same_scope = t.scope_of(b) == t.scope_of(bank);
    if (c == PREA || c == REFab ? same_scope
        : c == REFsb            ? same_scope && b % per_group == bank % per_group
                                : b == bank)
      banks.push_back(b);
  }
  return banks;
}

void give(BankTimes& times, const CommandTable& t, Command c, int bank, Tick at) {
  if (takes_many_banks(c))
    times.issue(c, taken(t, c, bank), at);
  else
    times.issue(c, bank, at);
}

Tick earliest(const BankTimes& times, const CommandTable& t, Command c, int bank) {
  return takes_many_banks(c) ? times.earliest(c, taken(t, c, bank)) : times.earliest(c, bank);
}

}  // namespace

TEST_CASE("every timing rule of every DRAM standard blocks a command at t-1 and allows it at t",
          "[dram][rules]") {
  int binding = 0;
  for (const std::string& file : shipped()) {
    const Standard s = standard(file);
    const CommandTable t(s);
    const std::vector<Rule> rules = rules_of(s);
    for (const Rule& rule : rules) {
      INFO(rule.text);
      // The second bank is as far from the first as the rule still holds.
      int second = -1;
      for (int b = 0; b < t.banks(); ++b)
        if (applies(rule, t, 0, b)) second = b;
      if (rule.siblings && second < 0) continue;  // one rank: nobody to wait for
      REQUIRE(second >= 0);
      if (takes_many_banks(rule.after) && !rule.siblings &&
          s.levels[static_cast<std::size_t>(rule.level)] == "bank")
        second = 0;
      BankTimes times(t);
      // As many commands as the window counts, each as early as it may come, in different banks.
      std::vector<std::pair<Tick, int>> given;
      Tick at = 1000;
      for (int n = 0; n < rule.window; ++n) {
        const int bank = rule.window == 1 ? 0 : n;
        at = std::max(at, earliest(times, t, rule.after, bank));
        give(times, t, rule.after, bank, at);
        given.push_back({at, bank});
      }
      // The longest of all the rules that hold between those commands and the next.
      Tick legal = 0;
      for (const Rule& other : rules) {
        if (other.after != rule.after || other.before != rule.before) continue;
        for (std::size_t n = 0; n < given.size(); ++n) {
          if (other.window != static_cast<int>(given.size() - n) && other.window != 1) continue;
          if (other.window > static_cast<int>(given.size())) continue;
          bool holds = false;
          for (const int b : taken(t, rule.before, second))
            for (const int a : taken(t, rule.after, given[n].second))
              holds |= applies(other, t, a, b);
          if (holds) legal = std::max(legal, given[n].first + other.wait);
        }
      }
      Tick own = given.front().first + rule.wait;
      // The command bus may be taken for longer than the rule says.
      if (t.command_bus(rule.after) == t.command_bus(rule.before))
        legal = std::max(legal, at + half_clocks(s, rule.after));
      while (!beginnable(s, rule.before, legal)) ++legal;
      while (!beginnable(s, rule.before, own)) ++own;
      const Tick got = earliest(times, t, rule.before, second);
      CAPTURE(given.front().first, own, legal, got, second);
      REQUIRE(got == legal);  // legal at t
      REQUIRE(own <= got);    // and blocked at every tick before
      binding += own == got;
    }
  }
  CHECK(binding > 500);  // most rules are the longest of those between their commands
}

TEST_CASE("a controller under random traffic breaks no rule of any standard", "[dram][rules]") {
  for (const std::string& file : shipped()) {
    for (const char* refresh : {"all_bank", "per_bank", "same_bank"}) {
      DramParams p = params("{kind: dram, standard: " + file + "}");
      const CommandTable t(p.standard);
      if (!t.has(refresh[0] == 'a' ? REFab : refresh[0] == 'p' ? REFpb : REFsb)) continue;
      p.refresh = Choice<Refresh>::of(refresh);
      p.scheduler = Choice<Scheduler>::of("row_hit_first");
      Channel channel(t, channel_rules(p, t));
      std::vector<Issued> log;
      channel.log(&log);
      std::mt19937 random(7);
      Tick now = 0;
      while (log.size() < 1500) {
        const bool write = random() % 3 == 0;
        while (channel.room(write) && random() % 4)
          channel.push(write, static_cast<int>(random() % static_cast<unsigned>(t.banks())),
                       random() % 3, 0, now + 1);
        now = std::max(now + 1, channel.next());
        channel.process(now);
        for (const bool w : {false, true})
          while (!channel.done(w).empty()) channel.done(w).pop();
      }
      const std::vector<Rule> rules = rules_of(p.standard);
      for (std::size_t i = 0; i < log.size(); ++i)
        for (const Rule& rule : rules) {
          if (rule.before != log[i].command) continue;
          int seen = 0;
          for (std::size_t k = i; k-- > 0 && log[i].at - log[k].at < rule.wait;) {
            if (log[k].command != rule.after) continue;
            bool holds = false;
            for (const int b : taken(t, log[i].command, log[i].bank))
              for (const int a : taken(t, log[k].command, log[k].bank))
                holds |= applies(rule, t, a, b);
            if (!holds || ++seen < rule.window) continue;
            INFO(rule.text << " (" << refresh << "): given after " << log[i].at - log[k].at
                           << " ticks of " << rule.wait);
            FAIL();
          }
        }
      CHECK(std::is_sorted(log.begin(), log.end(),
                           [](const Issued& a, const Issued& b) { return a.at < b.at; }));
    }
  }
}
