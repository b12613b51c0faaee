// CRC-32 (IEEE 802.3, as zlib computes it): finds every error of up to 32 neighbouring bits.
#pragma once

#include <cstdint>
#include <string_view>

namespace terrace {

std::uint32_t crc32(std::string_view bytes);

}  // namespace terrace
