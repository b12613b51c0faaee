// Whole layers use the keys and values of a lower layer, chosen by how unlike they are.
// Source: Yang et al., "KVSharer", arXiv 2410.18517, algorithm 1: pairs of layers ranked by the
// Euclidean distance of their average caches on captured text, largest first; the later layer takes
// the earlier one's, until so many are replaced. assumed: its check of the model's output after
// each replacement (cosine above 0.5) is left out, since only the cache is known here.
// State: who shares with whom.
#include <algorithm>
#include <tuple>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class UnlikeLayers final : public KvCodec {
 public:
  struct Params {
    double share = 0.25;
    std::int64_t tokens = 64;
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the layers that use another one's entries")
          .between(0.0, 1.0);
      s.field("calibration_tokens", &Params::tokens,
              "of captured text that layers are compared on, at most")
          .at_least(1);
    }
  };
  UnlikeLayers(const Params& params, const Context& context) : width_(0) {
    Context whole = context;
    CodecSpan span;
    span.heads = span.both = true;
    std::vector<Table> rows;
    for (whole.layer = 0; whole.layer < context.shape.layers; ++whole.layer)
      rows.push_back(calibration_rows(whole, span, params.tokens));
    width_ = rows[0].cols;
    std::vector<std::tuple<double, std::size_t, std::size_t>> pairs;  // later, earlier
    for (std::size_t a = 0; a < rows.size(); ++a)
      for (std::size_t b = 0; b < a; ++b) {
        double distance = 0;
        for (std::size_t i = 0; i < rows[a].data.size(); ++i) {
          const double d = static_cast<double>(rows[a].data[i]) - rows[b].data[i];
          distance += d * d;
        }
        pairs.emplace_back(-distance, a, b);
      }
    std::sort(pairs.begin(), pairs.end());
    std::vector<std::int64_t> source(rows.size());
    for (std::size_t l = 0; l < source.size(); ++l) source[l] = static_cast<std::int64_t>(l);
    auto left = static_cast<std::int64_t>(params.share * static_cast<double>(rows.size()) + 1e-9);
    std::vector<std::uint8_t> lends(rows.size(), 0);
    for (const auto& [minus, a, b] : pairs) {
      // A layer that lends keeps its own entries, and one that borrows has none to lend.
      if (left == 0 || source[a] != static_cast<std::int64_t>(a) || lends[a] != 0 ||
          source[b] != static_cast<std::int64_t>(b))
        continue;
      source[a] = static_cast<std::int64_t>(b);
      lends[b] = 1;
      --left;
    }
    for (std::size_t l = 0; l < source.size(); ++l)
      if (source[l] == source[static_cast<std::size_t>(context.layer)])
        layers_.push_back(static_cast<std::int64_t>(l));
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.layers = layers_;
    s.heads = s.both = true;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  double read_share() const override { return 1; }
  // Keys of all layers come first, then values; the lowest layer's are stored.
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const std::int64_t side = block.rows.cols / 2;
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::int64_t c = 0; c < width_; ++c)
        put_half(bytes, block.rows.at(t, c < width_ / 2 ? c : side + c - width_ / 2));
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    const std::int64_t side = rows.cols / 2, half = width_ / 2;
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      for (std::int64_t c = 0; c < width_; ++c)
        rows.at(t, c < half ? c : side + c - half) = in.half();
      for (std::int64_t c = half; c < side; ++c) {
        rows.at(t, c) = rows.at(t, c % half);
        rows.at(t, side + c) = rows.at(t, side + c % half);
      }
    }
  }
  Cost cost() const override { return {0, 0}; }

 private:
  std::int64_t width_;  // keys and values of a layer
  std::vector<std::int64_t> layers_;
};
TERRACE_REGISTER(KvCodec, UnlikeLayers, "unlike_layers", "layers use those of unlike lower ones");

}  // namespace
}  // namespace terrace
