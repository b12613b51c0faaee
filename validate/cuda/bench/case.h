// One thing that can be measured on a GPU, and what was measured of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace terrace::cuda {

// What the L2 holds of the data before an execution: nothing, what it can, or it plays no part.
enum class CacheState : std::uint8_t { any, cold, warm };
const char* name_of(CacheState state);  // "", "cold", "warm"

struct Case {
  std::string group, name;                                 // "hbm", "copy"
  std::vector<std::pair<std::string, double>> parameters;  // in the order shown
  CacheState l2 = CacheState::any;
  std::string unit = "s";    // of the value
  double work = 0;           // B or FLOP of one execution: value = work / s; 0: the value is s
  std::uint64_t memory = 0;  // B that it takes on the device
  int oldest_sm = 80;

  double operator[](const std::string& parameter) const;  // throws std::out_of_range
  std::uint64_t whole(const std::string& parameter) const {
    return static_cast<std::uint64_t>((*this)[parameter]);
  }
  bool warm() const { return l2 == CacheState::warm; }
  Case& with(const std::string& parameter, double value);
  double value(double seconds) const { return work > 0 ? work / seconds : seconds; }
  std::string text() const;  // "hbm.copy bytes=1048576 cold"
};

// Seconds of one execution, each time it was tried.
using Sample = std::vector<double>;

struct Summary {  // in the unit of the case; p10 <= median <= p90
  double median = 0, p10 = 0, p90 = 0;
  std::size_t repeats = 0;
};
Summary summarise(const Case& c, const Sample& sample);  // throws std::logic_error when empty

// How often something is tried: at least `least` times, until `seconds` have passed, at most `most`
// times.
struct Repeats {
  int least = 15, most = 200;
  double seconds = 0.15;
  static Repeats plan(bool quick) { return quick ? Repeats{5, 20, 0.02} : Repeats{}; }
  bool enough(std::size_t tried, double passed) const;
};

// a, a·ratio, … up to b.
std::vector<double> geometric(double a, double b, double ratio);

}  // namespace terrace::cuda
