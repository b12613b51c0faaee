// Builds and applies address plans.
#include "models/dram/mapping.h"

#include <fmt/format.h>

#include <algorithm>

namespace terrace::dram {
namespace {

int log2_of(std::uint64_t n) {
  int bits = 0;
  while ((std::uint64_t{1} << bits) < n) ++bits;
  return (std::uint64_t{1} << bits) == n ? bits : -1;
}

}  // namespace

MappingPlan::MappingPlan(const Standard& standard)
    : standard_(standard), taken_(standard.levels.size(), 1), strides_(standard.levels.size(), 0) {
  std::uint32_t stride = 1;
  for (std::size_t i = standard.levels.size() - 3; i > 0; --i) {
    strides_[i] = stride;
    stride *= static_cast<std::uint32_t>(standard.size(standard.levels[i]));
  }
}

std::size_t MappingPlan::field(const std::string& level) const {
  const int at = level_index(standard_, level);
  if (at < 1) throw BuildError("order", "there is no level \"" + level + "\"");
  return static_cast<std::size_t>(at);
}

int MappingPlan::left(const std::string& level) const {
  return standard_.size(level) / taken_[field(level)];
}

bool MappingPlan::complete(const std::string& level) const { return left(level) == 1; }

void MappingPlan::take(const std::string& level, int size) {
  const std::size_t f = field(level);
  if (size == 0) size = left(level);
  if (size < 1 || left(level) % size != 0)
    throw BuildError("order", fmt::format("{} of {} do not divide it", size, level));
  Digit d;
  d.field = f;
  d.size = static_cast<std::uint64_t>(size);
  d.shift = log2_of(d.size);
  d.times = static_cast<std::uint32_t>(taken_[f]);
  taken_[f] *= size;
  if (size > 1) digits_.push_back(d);
}

void MappingPlan::flip(const std::string& level, const std::string& by, int shift) {
  const int bits = log2_of(static_cast<std::uint64_t>(standard_.size(level)));
  if (bits < 0)
    throw BuildError("", fmt::format("{} of {} cannot be exclusive-ored: no power of two",
                                     standard_.size(level), level));
  if (bits == 0) return;
  flips_.push_back({field(level), field(by), shift, (std::uint32_t{1} << bits) - 1});
}

void MappingPlan::finish() {
  for (std::size_t i = 1; i < standard_.levels.size(); ++i)
    if (taken_[i] != standard_.size(standard_.levels[i]))
      throw BuildError("order", "leaves out level \"" + standard_.levels[i] + "\"");
}

Location MappingPlan::locate(std::uint64_t burst) const {
  std::uint32_t value[16] = {};
  for (const Digit& d : digits_) {
    std::uint64_t digit;
    if (d.shift >= 0) {
      digit = burst & (d.size - 1);
      burst >>= d.shift;
    } else {
      digit = burst % d.size;
      burst /= d.size;
    }
    value[d.field] += static_cast<std::uint32_t>(digit) * d.times;
  }
  for (const Flip& f : flips_) value[f.field] ^= (value[f.by] >> f.shift) & f.mask;
  const std::size_t n = standard_.levels.size();
  Location out;
  std::uint32_t bank = 0;
  for (std::size_t i = 1; i + 2 < n; ++i) bank += value[i] * strides_[i];
  out.bank = static_cast<int>(bank);
  out.row = value[n - 2];
  out.column = value[n - 1];
  return out;
}

void take_in_order(MappingPlan& out, const std::string& order, int low_columns) {
  const std::vector<std::string>& levels = out.standard().levels;
  if (order.size() % 2 != 0) throw BuildError("order", "must be pairs of letters: RoBaRaCo");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < order.size(); i += 2) names.push_back(order.substr(i, 2));
  const auto pair_of = [](const std::string& level) {
    const std::size_t gap = level.find('_');
    std::string pair = {static_cast<char>(std::toupper(level[0])),
                        gap == std::string::npos ? level[1] : level[gap + 1]};
    return pair;
  };
  const auto named = [&](const std::string& pair) {
    return std::find(names.begin(), names.end(), pair) != names.end();
  };
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    // A standard may have no ranks and no bank groups.
    bool known = *name == "Ch" || *name == "Ra" || *name == "Bg";
    if (*name == "Cl") {
      out.take("column", low_columns);
      known = true;
    }
    if (*name == "Ra")  // the outermost level changes fastest
      for (std::size_t i = 1; i + 3 < levels.size(); ++i)
        if (levels[i] != "bank_group" && (pair_of(levels[i]) == "Ra" || !named(pair_of(levels[i]))))
          out.take(levels[i]);
    if (*name == "Ba" && !named("Bg") && level_index(out.standard(), "bank_group") > 0)
      out.take("bank_group");
    for (std::size_t i = 1; i < levels.size(); ++i)
      if (pair_of(levels[i]) == *name) {
        out.take(levels[i]);
        known = true;
      }
    if (!known) throw BuildError("order", "unknown level \"" + *name + "\"");
  }
  out.finish();
}

}  // namespace terrace::dram
