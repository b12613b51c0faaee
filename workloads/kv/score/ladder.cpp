// A ladder over the layers: of every few tokens side by side each layer keeps some, and the higher
// the layer the later ones, so that all layers together still cover the text. When the ladder has
// reached the recent tokens it starts over on what is left, so that old text thins out.
// Source: Shi et al., "LaCache: ladder-shaped KV caching for efficient long-context modeling of
// large language models", arXiv 2507.14204: with span S (layers that keep a token) and overlap O of
// L layers, 1 + ceil((L - S) / (S - O)) tokens make a rung and ceil(S / (S - O)) of them stay.
// The paper takes out whole rungs at a time; here no more go than there is no room for.
// State: none beside each entry; where the ladder stands.
#include <algorithm>
#include <cmath>
#include <deque>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class Ladder final : public KvScore {
 public:
  struct Params {
    double span = 0.5, overlap = 0;
    std::int64_t sinks = 4, recent = 0;
    static void fields(Schema<Params>& s) {
      s.field("span", &Params::span, "layers that keep a token, as a share of all")
          .above(0.0)
          .at_most(1.0);
      s.field("overlap", &Params::overlap, "of those, shared with the next token, as a share")
          .at_least(0.0);
      s.field("sinks", &Params::sinks, "first tokens, below the ladder").at_least(0);
      s.field("recent", &Params::recent, "last tokens, above it").at_least(0);
    }
    void check(Checker& c) const {
      if (overlap >= 1) c.fail("overlap", "must be less than 1: a step must go up");
    }
  };
  Ladder(const Params& params, const Context& context) : p_(params) {
    const std::int64_t layers = context.shape.layers;
    const auto span = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::round(params.span * static_cast<double>(layers))));
    const auto overlap = static_cast<std::int64_t>(params.overlap * static_cast<double>(span));
    const auto up = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
    rung_ = 1 + up(layers - span, span - overlap);
    stay_ = std::min(up(span, span - overlap), rung_);
    if (rung_ == stay_)
      throw BuildError("", "no token would go: " + std::to_string(span) + " of " +
                               std::to_string(layers) + " layers keep each, with an overlap of " +
                               std::to_string(overlap));
    first_ = context.layer % (rung_ - stay_ + 1);
    state_.cursor = static_cast<std::int32_t>(params.sinks);
  }

  void score(const HeadCache& cache, float* out) override {
    const std::int64_t n = cache.size();
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(n + i);
    std::vector<std::int32_t> order;
    run(cache.positions(), state_, n, &order);
    for (std::size_t i = 0; i < order.size(); ++i) out[order[i]] = static_cast<float>(i);
    held_ = cache.positions();
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    state_ = run(held_, state_, static_cast<std::int64_t>(held_.size() - slots.size()), nullptr);
  }

 private:
  struct State {
    std::deque<std::int32_t> waiting;  // positions that go next
    std::int32_t cursor = 0;           // the next rung begins here
  };

  // Where the ladder stands after `count` tokens have gone; `order` takes their slots.
  State run(const std::vector<std::int32_t>& held, State s, std::int64_t count,
            std::vector<std::int32_t>* order) const {
    std::vector<std::int32_t> slots(held.size());
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::int32_t>(i);
    const auto position = [&held](std::int32_t slot) {
      return held[static_cast<std::size_t>(slot)];
    };
    std::vector<std::uint8_t> gone(held.size(), 0);
    const auto before = [&](std::int32_t slot, std::int32_t at) { return position(slot) < at; };
    std::size_t next = 0;  // of `slots`: where the next rung begins
    const auto seek = [&] {
      next = static_cast<std::size_t>(
          std::lower_bound(slots.begin(), slots.end(), s.cursor, before) - slots.begin());
    };
    seek();
    const auto rung = static_cast<std::size_t>(rung_);
    while (count > 0) {
      if (s.waiting.empty()) {
        const std::size_t recent = static_cast<std::size_t>(p_.recent);
        if (next + rung + recent > slots.size()) {  // the top: start over on what is left
          slots.erase(std::remove_if(slots.begin(), slots.end(),
                                     [&gone](std::int32_t slot) {
                                       return gone[static_cast<std::size_t>(slot)] != 0;
                                     }),
                      slots.end());
          s.cursor = static_cast<std::int32_t>(p_.sinks);
          seek();
          if (next + rung + recent > slots.size()) break;
        }
        for (std::size_t i = 0; i < rung; ++i) {
          const auto step = static_cast<std::int64_t>(i);
          if (step < first_ || step >= first_ + stay_)
            s.waiting.push_back(position(slots[next + i]));
        }
        s.cursor = position(slots[next + rung - 1]) + 1;
        next += rung;
      }
      const auto found = std::lower_bound(held.begin(), held.end(), s.waiting.front());
      const bool is_held = found != held.end() && *found == s.waiting.front();
      s.waiting.pop_front();
      if (!is_held) continue;
      const auto slot = static_cast<std::int32_t>(found - held.begin());
      gone[static_cast<std::size_t>(slot)] = 1;
      if (order != nullptr) order->push_back(slot);
      --count;
    }
    return s;
  }

  Params p_;
  std::int64_t rung_ = 1, stay_ = 1, first_ = 0;
  State state_;
  std::vector<std::int32_t> held_;  // positions when it was asked last
};
TERRACE_REGISTER(KvScore, Ladder, "ladder", "layers keep different tokens of a few (LaCache)");

}  // namespace
}  // namespace terrace
