// What must go stays, at lower precision: tokens that matter are stored well, the others roughly.
// Source: Yang et al., "No token left behind" (MiKV), arXiv 2402.18096; He et al., "ZipCache",
// arXiv 2405.14256. State: none; a demoted entry's level says it.
#include <algorithm>

#include "workloads/kv/codec/codec.h"
#include "workloads/kv/compact/compact.h"

namespace terrace {
namespace {

class Demote final : public KvCompact {
 public:
  struct Params {
    Choice<KvCodec> keys = Choice<KvCodec>::of("rtn"), values = Choice<KvCodec>::of("rtn");
    static void fields(Schema<Params>& s) {
      s.field("keys", &Params::keys, "how keys of demoted tokens are stored");
      s.field("values", &Params::values, "how values of demoted tokens are stored");
    }
  };
  Demote(const Params& params, const Context& context) {
    KvCodec::Context c;
    static_cast<MemberContext&>(c) = context;
    codecs_[HeadCache::key] = params.keys.make(c);
    c.side = HeadCache::value;
    codecs_[HeadCache::value] = params.values.make(c);
    for (const auto& codec : codecs_) {
      const CodecSpan span = codec->span();
      if (span.heads || span.both || span.before_rope || span.inputs || !span.layers.empty())
        throw BuildError("", "demoted tokens are coded head by head, after RoPE");
    }
  }

  double bits_per_entry() const override { return 1; }  // which of the two it is
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>& survivors) override {
    Work work;
    for (const HeadCache::Side side : {HeadCache::key, HeadCache::value}) {
      KvCodec& codec = *codecs_[side];
      if (!codec.stores()) continue;
      const auto block = static_cast<std::size_t>(codec.block_tokens());
      for (std::size_t from = 0; from < v.go.size(); from += block) {
        const auto begin = v.go.begin() + static_cast<std::ptrdiff_t>(from);
        const std::size_t count = std::min(block, v.go.size() - from);
        store(cache, side, {begin, begin + static_cast<std::ptrdiff_t>(count)});
      }
      work.flops += static_cast<double>(v.go.size()) * static_cast<double>(cache.head_dim()) *
                    codec.cost().encode;
    }
    for (const std::int32_t slot : v.go) cache.level(slot, 1);
    work.rewritten = static_cast<double>(v.go.size());
    survivors.resize(static_cast<std::size_t>(cache.size()));
    for (std::size_t i = 0; i < survivors.size(); ++i) survivors[i] = static_cast<std::int32_t>(i);
    return work;
  }

 private:
  void store(HeadCache& cache, HeadCache::Side side, const std::vector<std::int32_t>& slots) {
    const std::int64_t dim = cache.head_dim(), n = static_cast<std::int64_t>(slots.size());
    std::vector<float> rows, decoded(static_cast<std::size_t>(n * dim));
    std::vector<std::int32_t> positions;
    for (const std::int32_t slot : slots) {
      const float* row = cache.rows(side).row(slot);
      rows.insert(rows.end(), row, row + dim);
      positions.push_back(cache.positions()[static_cast<std::size_t>(slot)]);
    }
    CodecBlock block;
    block.rows = {rows.data(), n, dim, dim};
    block.positions = positions.data();
    std::vector<std::uint8_t> bytes;
    codecs_[side]->encode(block, bytes);
    block.rows.data = nullptr;
    codecs_[side]->decode(bytes, block, {decoded.data(), n, dim, dim});
    const double bits = 8.0 * static_cast<double>(bytes.size());
    cache.store(side, slots, {decoded.data(), n, dim, dim}, bits, bits);
  }
  std::unique_ptr<KvCodec> codecs_[2];
};
TERRACE_REGISTER(KvCompact, Demote, "demote", "what must go stays at lower precision");

}  // namespace
}  // namespace terrace
