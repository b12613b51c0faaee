// Numbers as traces write them, read exactly: counts, times in decimal, dates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace terrace {

// Picoseconds since wherever the trace starts, before they are known to fit a Time.
using TracePs = __int128;

// Each is false with `why` for what is wrong, and leaves `out` alone.
bool parse_count(std::string_view text, std::int64_t low, std::int64_t high, std::int64_t& out,
                 std::string& why);
// A decimal ("12", "0.25", "1e3") in units of 10^exponent seconds; not negative. Digits below a
// picosecond are dropped.
bool parse_time(std::string_view text, int exponent, TracePs& out, std::string& why);
// "2023-11-16 18:15:46.6805900", Gregorian, with "T" or a blank, with or without a fraction and an
// offset from UTC ("Z", "+00:00"); since 1970-01-01.
bool parse_date_time(std::string_view text, TracePs& out, std::string& why);
bool parse_decimal(std::string_view text, double& out, std::string& why);  // finite

}  // namespace terrace
