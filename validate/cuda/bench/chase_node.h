// The distance of a pointer chase's nodes.
#pragma once

#include <cstdint>

namespace terrace::cuda {

inline constexpr std::uint32_t chase_node = 128;  // B: a line of the L2

}  // namespace terrace::cuda
