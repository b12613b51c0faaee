// What a case is called, and the median and spread of its repeats.
#include "validate/cuda/bench/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace terrace::cuda {

const char* name_of(CacheState state) {
  return state == CacheState::cold ? "cold" : state == CacheState::warm ? "warm" : "";
}

double Case::operator[](const std::string& parameter) const {
  for (const auto& [key, number] : parameters)
    if (key == parameter) return number;
  throw std::out_of_range(text() + " has no parameter " + parameter);
}

Case& Case::with(const std::string& parameter, double number) {
  parameters.emplace_back(parameter, number);
  return *this;
}

std::string Case::text() const {
  std::string out = group + "." + name;
  for (const auto& [key, number] : parameters) out += fmt::format(" {}={:.12g}", key, number);
  return l2 == CacheState::any ? out : out + " " + name_of(l2);
}

Summary summarise(const Case& c, const Sample& sample) {
  if (sample.empty()) throw std::logic_error(c.text() + " was never measured");
  std::vector<double> values;
  for (const double seconds : sample) values.push_back(c.value(seconds));
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {  // between the two nearest ranks
    const double rank = share * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(rank);
    const std::size_t high = std::min(low + 1, values.size() - 1);
    return values[low] + (rank - std::floor(rank)) * (values[high] - values[low]);
  };
  return {at(0.5), at(0.1), at(0.9), values.size()};
}

bool Repeats::enough(std::size_t tried, double passed) const {
  const auto count = static_cast<int>(tried);
  return count >= most || (count >= least && passed >= seconds);
}

std::vector<double> geometric(double a, double b, double ratio) {
  std::vector<double> out;
  for (double x = a; x <= b * (1 + 1e-12); x *= ratio) out.push_back(x);
  return out;
}

}  // namespace terrace::cuda
