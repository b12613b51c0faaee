// Numbers as people read them: three digits and a unit that fits (64 GiB, 819 GB/s, 14.2 ms).
#pragma once

#include <string>
#include <string_view>

namespace terrace {

// `unit` as in Stat: B (powers of 1024), B/s, s, J, W, FLOP, FLOP/s, USD, USD/h, 1, or any other,
// which is kept and written behind the number. "tokens/s" and the like take no prefix. NaN is "–".
std::string human(double value, std::string_view unit);
std::string human_number(double value);      // 3 digits, more before the point: 0.0123, 1.23, 1234
std::string human_percent(double fraction);  // 0.4213 is "42.1 %"
std::string human_signed_percent(double fraction);  // "+4.2 %"
std::string human_count(double value);              // 12,345; with decimals only if it has some

std::size_t display_width(
    std::string_view text);  // columns on a terminal; UTF-8, one per character
std::string bar(double fraction, std::size_t width);  // of blocks, eighths at its end

}  // namespace terrace
