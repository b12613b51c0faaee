// Product quantisation: some channels of a token are one code, an index into their own codebook.
// Sources: Zhang et al., "KV Cache is 1 Bit Per Channel" (coupled quantisation), arXiv 2405.03917;
// Wang et al., "MILLION", arXiv 2504.03661. Codebooks are k-means on captured text, one for each
// head and group of channels. State: the codebooks.
#include <algorithm>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class Product final : public KvCodec {
 public:
  struct Params {
    std::int64_t channels = 8, bits = 8, iterations = 20, tokens = 1024;
    bool before_rope = false;
    static void fields(Schema<Params>& s) {
      s.field("channels", &Params::channels, "that share a code").at_least(1);
      s.field("bits", &Params::bits, "of a code").between(1, 12);
      s.field("before_rope", &Params::before_rope, "keys are coded before RoPE");
      s.field("iterations", &Params::iterations, "of k-means").at_least(1);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(1);
    }
  };
  Product(const Params& params, const Context& context)
      : p_(params), keys_(context.side == HeadCache::key) {
    const std::int64_t width = context.channels(span());
    if (width % p_.channels != 0)
      throw BuildError("channels", std::to_string(p_.channels) + " do not divide the " +
                                       std::to_string(width) + " channels of a head");
    const Table rows = calibration_rows(context, span(), p_.tokens);
    for (std::int64_t c = 0; c < width; c += p_.channels)
      books_.push_back(k_means({rows.data.data() + c, rows.rows, p_.channels, rows.cols},
                               std::int64_t{1} << p_.bits, static_cast<int>(p_.iterations),
                               context.seed + static_cast<std::uint64_t>(c)));
    for (Table& book : books_)
      for (float& x : book.data) x = from_half(to_half(x));
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.before_rope = p_.before_rope && keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    BitWriter out(bytes);
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::size_t g = 0; g < books_.size(); ++g)
        out.put(static_cast<std::uint32_t>(nearest_row(
                    books_[g], block.rows.row(t) + static_cast<std::int64_t>(g) * p_.channels)),
                static_cast<int>(p_.bits));
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::size_t g = 0; g < books_.size(); ++g) {
        const float* code = books_[g].row(in.get(static_cast<int>(p_.bits)));
        std::copy(code, code + p_.channels,
                  rows.row(t) + static_cast<std::int64_t>(g) * p_.channels);
      }
  }
  double shared_bytes() const override {  // fp16
    return static_cast<double>(books_.size()) * static_cast<double>(books_[0].data.size()) * 2;
  }
  // 3 FLOPs a channel for the distance to each centroid; a look-up costs none.
  Cost cost() const override { return {3.0 * static_cast<double>(1 << p_.bits), 0}; }

 private:
  Params p_;
  bool keys_;
  std::vector<Table> books_;
};
TERRACE_REGISTER(KvCodec, Product, "product", "some channels of a token are one code");

}  // namespace
}  // namespace terrace
