// Chained block keys: what each kind of content adds to the chain, one piece after another.
#include "workloads/requests/block_key.h"

#include <algorithm>
#include <limits>

#include "sim/random.h"

namespace terrace {
namespace {

constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

std::uint64_t text_of_request(std::int64_t id) {
  static const std::uint64_t kind = hash_text("request");
  return mix_bits(kind, static_cast<std::uint64_t>(id));
}

std::uint64_t word(std::int64_t n) { return static_cast<std::uint64_t>(n); }

}  // namespace

BlockChain::BlockChain(std::int32_t block_tokens) : block_tokens_(block_tokens) {
  state_.chain = mix_bits(hash_text("blocks"), word(block_tokens));
}

// Mixes in all that tokens [position, end) are made of. A trace block or a text enters the chain
// once, at its first token; where a block ends enters its key.
void BlockChain::State::absorb(const Request& request, std::int64_t end) {
  if (const auto* known = std::get_if<TokenIds>(&request.content)) {
    const auto mix = [&](const std::vector<std::int32_t>& ids, std::int64_t before) {
      const std::int64_t last = std::min(end, before + static_cast<std::int64_t>(ids.size()));
      for (; position < last; ++position)
        chain = mix_bits(chain, word(ids[static_cast<std::size_t>(position - before)]));
    };
    if (position < request.input_tokens) mix(known->input, 0);
    if (position >= request.input_tokens) mix(known->output, request.input_tokens);
    piece_end = std::max(piece_end, position);
  } else if (const auto* blocks = std::get_if<BlockIds>(&request.content)) {
    for (; piece_end < std::min(end, request.input_tokens) && piece < blocks->ids.size(); ++piece) {
      chain = mix_bits(chain, blocks->ids[piece]);
      piece_end = std::min(piece_end + blocks->block_tokens, request.input_tokens);
    }
  } else if (const auto* texts = std::get_if<TextSpans>(&request.content)) {
    for (; piece_end < end && piece < texts->spans.size(); ++piece) {
      const TextSpans::Span& span = texts->spans[piece];
      if (piece > 0) chain = mix_bits(chain, word(texts->spans[piece - 1].tokens));
      chain = mix_bits(chain, span.text);
      piece_end = piece + 1 == texts->spans.size() ? forever : piece_end + span.tokens;
    }
  }
  if (piece_end < end) {  // from here on nothing is known
    chain = mix_bits(mix_bits(chain, word(piece_end)), text_of_request(request.id));
    piece_end = forever;
  }
  position = std::max(position, end);
}

const std::vector<BlockKey>& BlockChain::extend(const Request& request, std::int64_t tokens) {
  const std::int64_t full = tokens / block_tokens_;
  if (keys_.empty()) keys_.reserve(static_cast<std::size_t>(full));
  for (auto n = static_cast<std::int64_t>(keys_.size()) + 1; n <= full; ++n) {
    const std::int64_t end = n * block_tokens_;
    state_.absorb(request, end);
    keys_.push_back(mix_bits(state_.chain, word(end)));
  }
  return keys_;
}

BlockKey BlockChain::partial(const Request& request, std::int64_t tokens) const {
  State rest = state_;
  rest.absorb(request, tokens);
  return mix_bits(rest.chain, word(tokens));
}

std::vector<BlockKey> chained_block_keys(const Request& request, std::int32_t block_tokens) {
  BlockChain chain(block_tokens);
  return chain.extend(request, request.input_tokens);
}

}  // namespace terrace
