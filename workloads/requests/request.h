// One request to an LLM: when it arrives, how many tokens it brings and wants, and which it shares.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "sim/units.h"

namespace terrace {

// The very tokens. `output` may hold fewer ids than the request generates; the rest are unknown.
struct TokenIds {
  std::vector<std::int32_t> input, output;
};

// The prompt as ids of consecutive blocks of `block_tokens` tokens. An id stands for the block and
// all before it. The last block may be partial, or left out when it is: its tokens are then unique.
struct BlockIds {
  std::int32_t block_tokens = 0;
  std::vector<std::uint64_t> ids;
};

// The prompt as the first tokens of one text after another; what is generated continues the last.
// Two requests that name the same texts share their common prefix.
struct TextSpans {
  struct Span {
    std::uint64_t text = 0;
    std::int64_t tokens = 0;
  };
  std::vector<Span> spans;
};

// What is known of a prompt's content; std::monostate: nothing, it is unlike any other.
using PromptContent = std::variant<std::monostate, TokenIds, BlockIds, TextSpans>;

inline constexpr std::int32_t no_session = -1;

struct Request {
  std::int64_t id = 0;  // unique within a run; of a trace: the row, from 0
  Time arrival;
  std::int64_t input_tokens = 0, output_tokens = 0;  // both at least 1
  std::int32_t session = no_session;                 // conversation or user that it belongs to
  PromptContent content;
};

}  // namespace terrace
