// Key channels with a wide range take 2 bits; the others are Fourier transformed over their tokens
// and take 1 bit.
// Source: Tao et al., "VidKV", arXiv 2503.16257, section 3.2: channels of the largest range are
// anomalous; groups of a channel's tokens share a step and a zero. assumed: real parts first, then
// imaginary parts, each with its own step. State: none; a bit for each channel stands in the block.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/even_steps.h"

namespace terrace {
namespace {

class MixedChannels final : public KvCodec {
 public:
  struct Params {
    double share = 0.5;
    std::int64_t group = 32, high_bits = 2, low_bits = 1;
    bool fourier = true;
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the channels that take more bits").between(0.0, 1.0);
      s.field("group", &Params::group, "tokens of a channel that share a step").at_least(4);
      s.field("high_bits", &Params::high_bits, "of their numbers").between(1, 8);
      s.field("low_bits", &Params::low_bits, "of the others'").between(1, 8);
      s.field("fourier", &Params::fourier, "the others are transformed first");
    }
    void check(Checker& c) const {
      if (group % 2 != 0) c.fail("group", "must be even");
    }
  };
  MixedChannels(const Params& params, const Context&) : p_(params) {
    const std::int64_t n = p_.group;
    const double two_pi = 2 * std::acos(-1.0), norm = std::sqrt(2.0 / static_cast<double>(n));
    // A real orthonormal Fourier transform: cosines of 0 … n/2, then sines of 1 … n/2 - 1.
    for (std::int64_t k = 0; k < n; ++k)
      for (std::int64_t t = 0; t < n; ++t) {
        const bool cosine = k <= n / 2;
        const double w =
            two_pi * static_cast<double>((cosine ? k : k - n / 2) * t % n) / static_cast<double>(n);
        const double ends = k == 0 || k == n / 2 ? std::sqrt(0.5) : 1;
        basis_.push_back(static_cast<float>(norm * ends * (cosine ? std::cos(w) : std::sin(w))));
      }
  }

  std::int64_t block_tokens() const override { return p_.group; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    std::vector<float> range;
    for (std::int64_t c = 0; c < x.cols; ++c) {
      float low = x.at(0, c), high = low;
      for (std::int64_t t = 1; t < x.rows; ++t) {
        low = std::min(low, x.at(t, c));
        high = std::max(high, x.at(t, c));
      }
      range.push_back(high - low);
    }
    std::vector<std::size_t> order(range.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return range[a] > range[b]; });
    std::vector<std::uint8_t> wide(range.size(), 0);
    const auto count =
        static_cast<std::size_t>(p_.share * static_cast<double>(range.size()) + 1e-9);
    for (std::size_t i = 0; i < count; ++i) wide[order[i]] = 1;
    BitWriter marks(bytes);
    for (const std::uint8_t mark : wide) marks.put(mark, 1);
    marks.flush();
    std::vector<float> y(static_cast<std::size_t>(p_.group));
    for (std::int64_t c = 0; c < x.cols; ++c) {
      if (wide[static_cast<std::size_t>(c)] != 0 || !p_.fourier) {
        const bool high = wide[static_cast<std::size_t>(c)] != 0;
        put_even(bytes, x.data + c, x.stride, x.rows,
                 static_cast<int>(high ? p_.high_bits : p_.low_bits));
        continue;
      }
      for (std::size_t k = 0; k < y.size(); ++k) {
        y[k] = 0;
        for (std::int64_t t = 0; t < x.rows; ++t)
          y[k] += basis_[k * y.size() + static_cast<std::size_t>(t)] * x.at(t, c);
      }
      put_even(bytes, y.data(), 1, cosines(), static_cast<int>(p_.low_bits));
      put_even(bytes, y.data() + cosines(), 1, p_.group - cosines(), static_cast<int>(p_.low_bits));
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<std::uint32_t> wide;
    for (std::int64_t c = 0; c < rows.cols; ++c) wide.push_back(in.get(1));
    in.align();
    std::vector<float> y(static_cast<std::size_t>(p_.group));
    for (std::int64_t c = 0; c < rows.cols; ++c) {
      const bool high = wide[static_cast<std::size_t>(c)] != 0;
      if (high || !p_.fourier) {
        get_even(in, rows.data + c, rows.stride, rows.rows,
                 static_cast<int>(high ? p_.high_bits : p_.low_bits));
        continue;
      }
      get_even(in, y.data(), 1, cosines(), static_cast<int>(p_.low_bits));
      get_even(in, y.data() + cosines(), 1, p_.group - cosines(), static_cast<int>(p_.low_bits));
      for (std::int64_t t = 0; t < rows.rows; ++t) {
        float sum = 0;
        for (std::size_t k = 0; k < y.size(); ++k)
          sum += basis_[k * y.size() + static_cast<std::size_t>(t)] * y[k];
        rows.at(t, c) = sum;
      }
    }
  }
  Cost cost() const override {  // a fast transform of the normal channels
    const double fft =
        p_.fourier ? (1 - p_.share) * 2.5 * std::log2(static_cast<double>(p_.group)) : 0;
    return {4 + fft, 2 + fft};
  }

 private:
  std::int64_t cosines() const { return p_.group / 2 + 1; }
  Params p_;
  std::vector<float> basis_;
};
TERRACE_REGISTER(KvCodec, MixedChannels, "mixed_channels", "wide channels in more bits");

}  // namespace
}  // namespace terrace
