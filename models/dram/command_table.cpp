// Compiles the rules of a standard and applies them.
#include "models/dram/command_table.h"

#include <algorithm>
#include <cmath>

namespace terrace::dram {
namespace {
constexpr Tick long_ago = -(Tick{1} << 40);
}

CommandTable::CommandTable(const Standard& standard) : standard_(standard) {
  const Standard& s = standard_;
  const std::size_t bank_level = s.levels.size() - 3;
  for (std::size_t i = 0; i <= bank_level; ++i)
    nodes_.push_back(i == 0 ? 1 : nodes_.back() * s.size(s.levels[i]));
  banks_ = nodes_.back();
  for (const int n : nodes_) stride_.push_back(banks_ / n);
  scope_level_ = level_index(s, s.refresh_level);
  data_bus_level_ = level_index(s, s.data_bus);
  buses_ = nodes_[static_cast<std::size_t>(data_bus_level_)];
  tick_fs_ = std::llround(s.clock.value() * 1e15 / 2);

  for (int i = 0; i < command_count; ++i) {
    const auto c = static_cast<Command>(i);
    const auto it = s.cycles.find(command_names[static_cast<std::size_t>(i)]);
    cycles_[c] = it == s.cycles.end() ? 2 : std::llround(2 * it->second);
    grid_[c] = std::count(s.half_clock.begin(), s.half_clock.end(), command_names[c]) ? 1 : 2;
    command_bus_[c] = s.separate_buses && is_column(c) ? 1 : 0;
    has_[c] = s.has(c);
  }
  for (const RuleText& text : s.rules) {
    CompiledRule rule{ACT, 0, 1, false, 0};
    std::string why;
    const int wait = evaluate(s, text[3], why).value();
    rule.level = static_cast<std::uint8_t>(level_index(s, text[2]));
    if (text.size() == 5) {
      rule.siblings = text[4] == "siblings";
      if (!rule.siblings)
        rule.window = static_cast<std::uint8_t>(std::atoi(words(text[4])[1].c_str()));
    }
    for (const std::string& first : words(text[0]))
      for (const std::string& second : words(text[1])) {
        const Command after = *command_named(first);
        rule.before = *command_named(second);
        rule.wait = ticks(wait) + cycles_[after] - cycles_[rule.before];
        rules_[after].push_back(rule);
        std::vector<int>& levels = levels_before_[rule.before];
        if (!std::count(levels.begin(), levels.end(), rule.level)) levels.push_back(rule.level);
      }
  }
  read_latency_ = ticks(s.needed("nCL") + s.needed("nBL")) + cycles_[RD] - 2;
  write_latency_ = ticks(s.needed("nCWL") + s.needed("nBL")) + cycles_[WR] - 2;
}

int CommandTable::siblings(int level) const {
  return level == 0 ? 1 : nodes(level) / nodes(level - 1);
}

int CommandTable::history(Command c, int level) const {
  int deepest = 0;
  for (const CompiledRule& rule : rules_[c])
    if (rule.level == level && rule.window > 1) deepest = std::max<int>(deepest, rule.window);
  return deepest;
}

BankTimes::BankTimes(const CommandTable& table) : table_(table) {
  int begin = 0;
  for (int level = 0; level < table.levels(); ++level) {
    level_begin_.push_back(begin);
    std::vector<std::int32_t> of_bank;
    for (int bank = 0; bank < table.banks(); ++bank)
      of_bank.push_back(begin + table.node(level, bank) * command_count);
    of_bank_.push_back(std::move(of_bank));
    begin += table.nodes(level) * command_count;
  }
  ready_.assign(static_cast<std::size_t>(begin), 0);
  known_.assign(static_cast<std::size_t>(table.banks() * command_count), 0);
  for (int i = 0; i < command_count; ++i) {
    const auto c = static_cast<Command>(i);
    for (const CompiledRule& rule : table.after(c))
      if (rule.siblings || rule.window > 1)
        special_[c].push_back(rule);
      else
        direct_[c].push_back({of_bank_[rule.level].data(), rule.before, rule.wait});
    for (const int level : table.levels_before(c))
      refs_[c].push_back({c, of_bank_[static_cast<std::size_t>(level)].data()});
    for (int level = 0; level < table.levels(); ++level) {
      const int depth = table.history(c, level);
      if (depth == 0) continue;
      History h;
      h.level = level;
      h.depth = depth;
      h.last.assign(static_cast<std::size_t>(depth * table.nodes(level)), long_ago);
      h.at.assign(static_cast<std::size_t>(table.nodes(level)), 0);
      histories_[c].push_back(std::move(h));
    }
  }
}

Tick BankTimes::earliest(Command c, const std::vector<int>& banks) const {
  Tick at = 0;
  for (const int bank : banks) at = std::max(at, earliest(c, bank));
  return at;
}

void BankTimes::apply_special(const CompiledRule& rule, Command c, int node, Tick at) {
  if (rule.siblings) {
    const int family = table_.siblings(rule.level), first = node / family * family;
    for (int n = first; n < first + family; ++n)
      if (n != node) raise(rule.level, n, rule.before, at + rule.wait);
    return;
  }
  // `at` is the newest; the window's first is window - 1 issues before it.
  for (const History& h : histories_[c]) {
    if (h.level != rule.level) continue;
    const int newest = h.at[static_cast<std::size_t>(node)];
    const int slot = (newest + h.depth - (rule.window - 1)) % h.depth;
    raise(rule.level, node, rule.before,
          h.last[static_cast<std::size_t>(node * h.depth + slot)] + rule.wait);
  }
}

void BankTimes::issue(Command c, int bank, Tick at) {
  for (History& h : histories_[c]) {
    const auto node = static_cast<std::size_t>(table_.node(h.level, bank));
    h.at[node] = static_cast<std::uint8_t>((h.at[node] + 1) % h.depth);
    h.last[node * static_cast<std::size_t>(h.depth) + h.at[node]] = at;
  }
  for (const Direct& d : direct_[c]) {
    Tick& ready = ready_[static_cast<std::size_t>(d.of_bank[bank] + d.before)];
    ready = std::max(ready, at + d.wait);
  }
  for (const CompiledRule& rule : special_[c])
    apply_special(rule, c, table_.node(rule.level, bank), at);
  bus_free_[table_.command_bus(c)] = at + table_.cycles(c);
}

void BankTimes::issue(Command c, const std::vector<int>& banks, Tick at) {
  for (const CompiledRule& rule : table_.after(c)) {
    int last = -1;
    for (const int bank : banks) {
      const int node = table_.node(rule.level, bank);
      if (node == last) continue;
      last = node;
      if (rule.siblings || rule.window > 1)
        apply_special(rule, c, node, at);
      else
        raise(rule.level, node, rule.before, at + rule.wait);
    }
  }
  bus_free_[table_.command_bus(c)] = at + table_.cycles(c);
}

}  // namespace terrace::dram
