// Key tokens: heavy hitters of a softmax over logits that carry Gumbel noise, at a temperature that
// rises as the text is generated, so that what has been dropped does not sharpen what is left.
// Source: Adnan et al., "Keyformer: KV cache reduction through key tokens selection for efficient
// generative inference", arXiv 2403.09054, equations 6 to 9; noise is drawn for every logit anew,
// as in the authors' code, or once for a token. State: a running sum per entry (fp32).
#include <algorithm>
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class GumbelSoftmax final : public KvScore {
 public:
  struct Params {
    double tau_first = 1, tau_last = 2, noise = 1;
    std::int64_t steps = 100;
    bool redraw = true;
    static void fields(Schema<Params>& s) {
      s.field("tau_first", &Params::tau_first, "temperature for the prompt").above(0.0);
      s.field("tau_last", &Params::tau_last, "temperature in the end").above(0.0);
      s.field("steps", &Params::steps, "decode steps until then").at_least(1);
      s.field("noise", &Params::noise, "what the Gumbel noise is multiplied with").at_least(0.0);
      s.field("redraw", &Params::redraw, "noise of every query's own; else of a token for good");
    }
  };
  GumbelSoftmax(const Params& params, const Context& context) : p_(params), seed_(context.seed) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 32;
    c.flops_per_entry = 4;
    c.needs_logits = true;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { sums_.grow(cache.size()); }
  void attended(const Attended& a, const HeadCache& cache) override {
    const std::int64_t n = cache.size();
    weights_.resize(static_cast<std::size_t>(n));
    for (std::int64_t r = 0; r < a.logits.rows; ++r) {
      if (a.phase == Phase::decode && r % a.group == 0) ++step_;
      const double part = std::min(1.0, static_cast<double>(step_) / static_cast<double>(p_.steps));
      const auto tau = static_cast<float>(p_.tau_first + part * (p_.tau_last - p_.tau_first));
      const float* logits = a.logits.row(r);
      const std::uint64_t of_query =
          p_.redraw ? draw(seed_, a.queries[r / a.group], r % a.group) : 0;
      float most = -INFINITY, sum = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        float& y = weights_[static_cast<std::size_t>(i)];
        y = -INFINITY;
        if (logits[i] == -INFINITY) continue;  // not seen
        y = (logits[i] + noise(of_query, cache.positions()[static_cast<std::size_t>(i)])) / tau;
        most = std::max(most, y);
      }
      for (float& y : weights_) sum += y = std::exp(y - most);
      for (std::int64_t i = 0; i < n; ++i)
        sums_[i] += weights_[static_cast<std::size_t>(i)] / sum / static_cast<float>(a.group);
    }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = sums_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { sums_.keep(slots); }

 private:
  // A number of its own for every query head, however queries come in chunks.
  static std::uint64_t draw(std::uint64_t seed, std::int64_t query, std::int64_t head) {
    return mix_bits(mix_bits(seed, static_cast<std::uint64_t>(query)),
                    static_cast<std::uint64_t>(head) + 1);
  }
  float noise(std::uint64_t of_query, std::int32_t position) const {
    if (p_.noise == 0) return 0;
    const std::uint64_t bits = mix_bits(seed_ ^ of_query, static_cast<std::uint64_t>(position));
    const double u = (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
    return static_cast<float>(p_.noise * -std::log(-std::log(u)));
  }

  Params p_;
  std::uint64_t seed_;
  std::int64_t step_ = 0;
  EntryColumn sums_;
  std::vector<float> weights_;
};
TERRACE_REGISTER(KvScore, GumbelSoftmax, "gumbel_softmax",
                 "attention at a temperature and with Gumbel noise (Keyformer)");

}  // namespace
}  // namespace terrace
