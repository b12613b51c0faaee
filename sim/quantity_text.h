// Quantities as people write them: "64KiB", "819GB/s", "14ns" become typed values, and back without
// loss.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sim/units.h"

namespace terrace {

// True for the named quantities of units.h and for Time: everything that is written with a unit.
template <class T>
struct IsQuantity : std::false_type {};
template <int B, int S, int J, int F, int D>
struct IsQuantity<Quantity<B, S, J, F, D>> : std::true_type {};
template <>
struct IsQuantity<Time> : std::true_type {};
template <class T>
inline constexpr bool is_quantity_v = IsQuantity<T>::value;

// Reads a number and its unit ("64KiB", "64 KiB", "-3ns", "1.5e3GB/s"). False: `why` says what is
// wrong and how to write it, and `out` is untouched. A bare number is wrong, even 0. A Time must be
// a whole number of picoseconds.
template <class Q>
bool parse(std::string_view text, Q& out, std::string& why);

// The shortest text that parse() turns back into exactly this value: "64KiB", "819GB/s", "14ns".
template <class Q>
std::string to_text(Q value);

template <class Q>
std::string unit_examples();  // "64KiB, 80GB"
template <class Q>
std::string quantity_name();  // "bytes", "time", "power"
template <class Q>
std::vector<std::string> unit_names();  // every unit that parse() takes, the base unit first
template <class Q>
std::string unit_pattern();  // a regular expression (ECMA) of what parse() takes

// The shortest decimal that reads back as exactly this number; "1.0" rather than "1".
std::string number_text(double value);

}  // namespace terrace
