// Groups of a token's channels are given random signs and a Walsh-Hadamard rotation, which makes
// them nearly normal, and a few numbers at a time take the nearest point of a grid made for normal
// numbers.
// Source: Malinovskii et al., "Pushing the limits of large language model quantization via the
// linearity theorem" (HIGGS), arXiv 2411.17525: the quantiser that AQUA-KV builds on.
// State: signs and grid, made from the seed, the same for every model.
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/walsh.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class GaussianGrid final : public KvCodec {
 public:
  struct Params {
    std::int64_t bits = 2, together = 2, group = 0;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a number").between(1, 4);
      s.field("together", &Params::together, "numbers that take a point of the grid").between(1, 4);
      s.field("group", &Params::group, "channels rotated together, with one fp16 scale; 0: most")
          .at_least(0);
    }
    void check(Checker& c) const {
      if (bits * together > 8) c.fail("together", "bits times this must be 8 at most");
    }
  };
  GaussianGrid(const Params& params, const Context& context) : p_(params) {
    const std::int64_t width = context.channels(span());
    if (p_.group == 0) p_.group = power_of_two_in(width);
    if (p_.group != power_of_two_in(p_.group) || width % p_.group != 0)
      throw BuildError("group", "must be a power of two that divides the channels");
    if (p_.group % p_.together != 0) throw BuildError("together", "does not divide the group");
    RandomStream random(1, "gaussian grid");  // one grid for all, whatever the run
    Table samples(4096, p_.together);
    for (float& x : samples.data) x = static_cast<float>(random.normal());
    grid_ = k_means(samples.view(), std::int64_t{1} << (p_.bits * p_.together), 15, 1);
    for (std::int64_t c = 0; c < p_.group; ++c)
      signs_.push_back(random.uniform() < 0.5 ? -1.0F : 1.0F);
  }

  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    std::vector<float> y(signs_.size());
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::int64_t from = 0; from < block.rows.cols; from += p_.group) {
        double squares = 0;
        for (std::size_t i = 0; i < y.size(); ++i) {
          y[i] = signs_[i] * block.rows.at(t, from + static_cast<std::int64_t>(i));
          squares += static_cast<double>(y[i]) * y[i];
        }
        walsh(y.data(), p_.group);
        put_half(bytes, static_cast<float>(std::sqrt(squares / static_cast<double>(p_.group))));
        const float scale = from_half(
            static_cast<std::uint16_t>(bytes[bytes.size() - 2] | bytes[bytes.size() - 1] << 8));
        BitWriter out(bytes);
        for (std::int64_t i = 0; i < p_.group; i += p_.together) {
          for (std::int64_t j = 0; j < p_.together && scale > 0; ++j)
            y[static_cast<std::size_t>(i + j)] /= scale;
          out.put(static_cast<std::uint32_t>(nearest_row(grid_, y.data() + i)),
                  static_cast<int>(p_.bits * p_.together));
        }
      }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<float> y(signs_.size());
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t from = 0; from < rows.cols; from += p_.group) {
        const float scale = in.half();
        for (std::int64_t i = 0; i < p_.group; i += p_.together) {
          const float* point = grid_.row(in.get(static_cast<int>(p_.bits * p_.together)));
          for (std::int64_t j = 0; j < p_.together; ++j)
            y[static_cast<std::size_t>(i + j)] = scale * point[j];
        }
        in.align();
        walsh(y.data(), p_.group);
        for (std::size_t i = 0; i < y.size(); ++i)
          rows.at(t, from + static_cast<std::int64_t>(i)) = signs_[i] * y[i];
      }
  }
  Cost cost() const override {
    const double rotation = 2 + std::log2(static_cast<double>(p_.group));
    return {rotation + 3.0 * static_cast<double>(grid_.rows), rotation};
  }

 private:
  Params p_;
  Table grid_;
  std::vector<float> signs_;
};
TERRACE_REGISTER(KvCodec, GaussianGrid, "gaussian_grid", "rotated, then points of a normal grid");

}  // namespace
}  // namespace terrace
