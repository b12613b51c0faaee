// Attention kernels beside a float64 reference, on the host and on a GPU.
#include "tests/validate/cuda/paged_cache.h"
#include "validate/cuda/kernels/decode_parts.h"

namespace terrace::cuda {
namespace {

struct Case {
  std::vector<std::int32_t> lengths;
  int heads = 8, kv_heads = 2, head_dim = 64, page_shift = 4, slots = 4;
  bool by_head = false;  // every KV head has a table of its own
};

template <class T>
void check_decode(Place& place, const Case& c) {
  INFO("on " << place.name() << ", head_dim " << c.head_dim << ", heads " << c.heads << ":"
             << c.kv_heads << ", pages of " << (1 << c.page_shift));
  PagedCache<T> cache(c.lengths, c.kv_heads, c.head_dim, c.page_shift, c.by_head, 7);
  const auto sequences = static_cast<int>(c.lengths.size());
  const std::int64_t stride = (c.heads + 2 * c.kv_heads) * c.head_dim;  // a row of Q, K and V
  const auto q = random_numbers<T>(static_cast<std::size_t>(sequences * stride), 3);
  const DecodeParts cut =
      cut_for_decode(c.lengths, c.kv_heads * ceil_div(c.heads / c.kv_heads, 16), c.slots, 0);
  const auto slots = static_cast<std::size_t>(cut.first_slot.back());
  const auto width = static_cast<std::size_t>(c.heads * c.head_dim);

  DecodeAttentionArgs a;
  a.number = number_of<T>();
  a.kv = cache.put(place);
  a.q = place.put(q);
  T* out = place.put(std::vector<T>(static_cast<std::size_t>(sequences) * width));
  a.out = out;
  a.partial = place.put(
      std::vector<float>(slots * static_cast<std::size_t>(c.heads * (c.head_dim + 2)), NAN));
  a.lengths = place.put(c.lengths);
  a.parts = place.put(cut.parts);
  a.part_count = static_cast<int>(cut.parts.size());
  a.heads = c.heads;
  a.q_stride = stride;
  a.scale = 1 / std::sqrt(static_cast<float>(c.head_dim));
  place.call(a);
  MergePartsArgs m;
  m.number = a.number;
  m.partial = a.partial;
  m.out = out;
  m.first_slot = place.put(cut.first_slot);
  m.sequences = sequences;
  m.heads = c.heads;
  m.head_dim = c.head_dim;
  place.call(m);

  const std::vector<T> got = place.get(out, static_cast<std::size_t>(sequences) * width);
  double worst = 0;
  for (int s = 0; s < sequences; ++s)
    for (int h = 0; h < c.heads; ++h) {
      const std::vector<double> want =
          cache.attend(q.data() + s * stride + h * c.head_dim, s, h / (c.heads / c.kv_heads),
                       c.lengths[static_cast<std::size_t>(s)], static_cast<double>(a.scale));
      for (int d = 0; d < c.head_dim; ++d)
        worst = std::max(
            worst,
            std::abs(want[static_cast<std::size_t>(d)] -
                     static_cast<double>(to_float(got[(static_cast<std::size_t>(s * c.heads + h)) *
                                                          static_cast<std::size_t>(c.head_dim) +
                                                      static_cast<std::size_t>(d)]))));
    }
  // Probabilities and the result are rounded once each, |v| <= 1.
  INFO("largest error " << worst);
  CHECK(worst <= 2 * rounding<T>());
}

void check_decodes(Place& place) {
  check_decode<F16>(place, {{1, 16, 17, 100}});
  check_decode<Bf16>(place, {{33, 300}, 4, 1, 128});
  check_decode<Bf16>(place, {{70}, 8, 1, 64, 0});                // tokens chosen one by one
  check_decode<F16>(place, {{90, 40}, 4, 2, 128, 4, 64, true});  // heads choose for themselves
  check_decode<Bf16>(place, {{50}, 40, 2, 64, 5, 3});            // 20 query heads a KV head
}

// Over codes as over the numbers that they decode to: bit for bit.
template <class T>
void check_coded(Place& place, const Case& c, const CodeShape& keys, const CodeShape& values) {
  INFO("on " << place.name() << ", " << keys.bits << " bits, keys by "
             << (keys.by_channel ? "channel" : "token"));
  const PagedCache<T> cache(c.lengths, c.kv_heads, c.head_dim, c.page_shift, c.by_head, 9);
  const auto sequences = static_cast<int>(c.lengths.size());
  const std::int64_t stride = c.heads * c.head_dim;
  const auto width = static_cast<std::size_t>(c.heads * c.head_dim);
  const DecodeParts cut =
      cut_for_decode(c.lengths, c.kv_heads * ceil_div(c.heads / c.kv_heads, 16), c.slots, 0);
  CodedAttentionArgs a;
  a.number = number_of<T>();
  a.kv = cache.put(place);
  const std::size_t numbers = cache.numbers();
  for (const int which : {0, 1}) {
    CodeShape& s = a.shape[which] = which == 0 ? keys : values;
    s.columns = c.head_dim;
    s.rows = static_cast<std::int64_t>(numbers) / c.head_dim / 32 * 32;  // whole groups
    auto* codes = place.put(std::vector<std::uint32_t>(at(s.code_bytes() / 4)));
    auto* scales = place.put(std::vector<CodeScale>(at(s.groups())));
    void* pool = which == 0 ? a.kv.k : a.kv.v;
    place.call(QuantizeArgs{a.number, s, pool, codes, scales});
    place.call(DequantizeArgs{a.number, s, codes, scales, pool});
    a.codes[which] = codes;
    a.scales[which] = scales;
  }
  a.q = place.put(random_numbers<T>(static_cast<std::size_t>(sequences) * width, 3));
  a.partial = place.put(std::vector<float>(static_cast<std::size_t>(cut.first_slot.back()) *
                                               static_cast<std::size_t>(c.heads * (c.head_dim + 2)),
                                           0.0F));
  a.lengths = place.put(c.lengths);
  a.parts = place.put(cut.parts);
  a.part_count = static_cast<int>(cut.parts.size());
  a.heads = c.heads;
  a.q_stride = stride;
  a.scale = 1 / std::sqrt(static_cast<float>(c.head_dim));
  MergePartsArgs m;
  m.number = a.number;
  m.partial = a.partial;
  m.first_slot = place.put(cut.first_slot);
  m.sequences = sequences;
  m.heads = c.heads;
  m.head_dim = c.head_dim;
  const auto attend = [&](const Call& call, T* out) {
    place.call(call);
    m.out = out;
    place.call(m);
    return place.get(out, static_cast<std::size_t>(sequences) * width);
  };
  T* coded_out = place.put(std::vector<T>(static_cast<std::size_t>(sequences) * width));
  T* plain_out = place.put(std::vector<T>(static_cast<std::size_t>(sequences) * width));
  DecodeAttentionArgs plain = a;
  a.out = coded_out;
  plain.out = plain_out;
  const std::vector<T> coded = attend(a, coded_out), numbers_out = attend(plain, plain_out);
  std::size_t same = 0;
  for (std::size_t i = 0; i < coded.size(); ++i) same += coded[i].bits == numbers_out[i].bits;
  CHECK(same == coded.size());
}

void check_codes(Place& place) {
  for (const int bits : {2, 4, 8}) {
    const CodeShape by_token{bits, 32, false, 0, 0}, by_channel{bits, 32, true, 0, 0};
    check_coded<Bf16>(place, {{32, 96, 64}}, by_token, by_token);
    check_coded<F16>(place, {{160}, 4, 1, 128}, by_channel, by_token);
    check_coded<Bf16>(place, {{64, 32}, 4, 2, 128, 4, 64, true}, by_channel, by_token);
  }
  // Sequences that end within a tile, pages of 32; keys finer than values; groups of a whole head.
  const CodeShape keys{4, 32, true, 0, 0}, values{2, 64, false, 0, 0};
  check_coded<Bf16>(place, {{1, 50, 95}, 4, 2, 64, 5}, keys, values);
  check_coded<F16>(place, {{33, 130}, 8, 1, 128, 5}, {8, 128, false, 0, 0}, {4, 8, false, 0, 0});
}

template <class T>
void check_prefill(Place& place, int context, int tokens, int head_dim) {
  INFO("on " << place.name() << ", " << tokens << " tokens after " << context);
  const int heads = 4, kv_heads = 2;
  const std::vector<std::int32_t> lengths = {context + tokens,
                                             5};  // the second adds all of its own
  const std::vector<std::int32_t> added = {tokens, 5};
  PagedCache<T> cache(lengths, kv_heads, head_dim, 4, false, 11);
  const std::int64_t stride = (heads + 2 * kv_heads) * head_dim;
  const int rows = tokens + 5;
  const auto q = random_numbers<T>(static_cast<std::size_t>(rows * stride), 5);
  std::vector<QueryTile> tiles;
  std::vector<std::int32_t> sequences, visible;
  int row = 0;
  for (int s = 0; s < 2; ++s)
    for (int i = 0; i < added[static_cast<std::size_t>(s)]; ++i, ++row) {
      const int position =
          lengths[static_cast<std::size_t>(s)] - added[static_cast<std::size_t>(s)] + i;
      if (i % 64 == 0)
        tiles.push_back({s, std::min(64, added[static_cast<std::size_t>(s)] - i), row, position});
      sequences.push_back(s);
      visible.push_back(position + 1);
    }
  PrefillAttentionArgs a;
  a.number = number_of<T>();
  a.kv = cache.put(place);
  a.q = place.put(q);
  a.tiles = place.put(tiles);
  a.tile_count = static_cast<int>(tiles.size());
  a.heads = heads;
  a.q_stride = stride;
  a.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  PlainAttentionArgs p;
  p.number = a.number;
  p.kv = a.kv;
  p.q = a.q;
  p.sequences = place.put(sequences);
  p.visible = place.put(visible);
  p.rows = rows;
  p.heads = heads;
  p.q_stride = stride;
  p.scale = a.scale;
  const auto numbers = static_cast<std::size_t>(rows * heads * head_dim);
  T* out = place.put(std::vector<T>(numbers));
  T* plain = place.put(std::vector<T>(numbers));
  a.out = out;
  p.out = plain;
  if constexpr (sizeof(T) == 2) place.call(a);
  place.call(p);
  const std::vector<T> got = place.get(out, numbers), also = place.get(plain, numbers);
  double worst = 0, worst_plain = 0;
  for (int r = 0; r < rows; ++r)
    for (int h = 0; h < heads; ++h) {
      const std::vector<double> want =
          cache.attend(q.data() + r * stride + h * head_dim, sequences[static_cast<std::size_t>(r)],
                       h / 2, visible[static_cast<std::size_t>(r)], static_cast<double>(a.scale));
      for (int d = 0; d < head_dim; ++d) {
        const auto at = static_cast<std::size_t>((r * heads + h) * head_dim + d);
        const double w = want[static_cast<std::size_t>(d)];
        worst = std::max(worst, std::abs(w - static_cast<double>(to_float(got[at]))));
        worst_plain = std::max(worst_plain, std::abs(w - static_cast<double>(to_float(also[at]))));
      }
    }
  if constexpr (sizeof(T) == 2) CHECK(worst <= 2 * rounding<T>());
  CHECK(worst_plain <= (sizeof(T) == 4 ? 16 : 2) * rounding<T>());  // fp32: a few roundings
}

void check_prefills(Place& place) {
  check_prefill<F16>(place, 0, 100, 64);
  check_prefill<Bf16>(place, 37, 70, 128);
  check_prefill<float>(place, 3, 9, 48);
}

TEST_CASE("decode attention over pages is the float64 reference, on the host", "[cuda]") {
  HostPlace place;
  check_decodes(place);
}
TEST_CASE("decode attention over pages is the float64 reference, on a GPU", "[cuda][gpu]") {
  on_gpu([](Place& place) {
    check_decodes(place);
    check_decode<Bf16>(place, {{4096, 1, 20000, 777}, 32, 8, 128, 4, 264});
    check_decode<F16>(place, {{32768}, 32, 8, 128, 4, 264});
  });
}
TEST_CASE("attention over codes is attention over what they decode to, on the host", "[cuda]") {
  HostPlace place;
  check_codes(place);
}
TEST_CASE("attention over codes is attention over what they decode to, on a GPU", "[cuda][gpu]") {
  on_gpu([](Place& place) {
    check_codes(place);
    check_coded<Bf16>(place, {{4096, 20000}, 32, 8, 128, 4, 264}, {4, 32, true, 0, 0},
                      {4, 32, false, 0, 0});
  });
}
TEST_CASE("prefill attention is causal and the float64 reference, on the host", "[cuda]") {
  HostPlace place;
  check_prefills(place);
}
TEST_CASE("prefill attention is causal and the float64 reference, on a GPU", "[cuda][gpu]") {
  on_gpu([](Place& place) {
    check_prefills(place);
    check_prefill<Bf16>(place, 100, 1000, 128);
  });
}

TEST_CASE("parts of a cache cover every tile once and fill the GPU", "[cuda]") {
  const std::vector<std::vector<std::int32_t>> batches = {
      {1}, {16}, {17, 1}, {131072}, {1000, 1000, 1000}, {50, 30000, 7, 512}};
  for (const auto& lengths : batches)
    for (const int slots : {1, 16, 264}) {
      const DecodeParts cut = cut_for_decode(lengths, 8, slots);
      REQUIRE(cut.first_slot.size() == lengths.size() + 1);
      std::vector<std::vector<int>> seen(lengths.size());
      for (std::size_t s = 0; s < lengths.size(); ++s)
        seen[s].assign(static_cast<std::size_t>(ceil_div(lengths[s], decode_tile)), 0);
      std::vector<int> slot_used(static_cast<std::size_t>(cut.first_slot.back()), 0);
      for (const DecodePart& p : cut.parts) {
        const auto s = static_cast<std::size_t>(p.sequence);
        for (int i = p.first; i < p.first + p.tiles; ++i) ++seen[s].at(static_cast<std::size_t>(i));
        CHECK(p.tiles > 0);
        CHECK(p.siblings == cut.first_slot[s + 1] - cut.first_slot[s]);
        CHECK(p.slot >= cut.first_slot[s]);
        CHECK(p.slot < cut.first_slot[s + 1]);
        ++slot_used.at(static_cast<std::size_t>(p.slot));
      }
      for (const auto& tiles : seen)
        for (const int n : tiles) CHECK(n == 1);
      for (const int n : slot_used) CHECK(n == 1);
      for (std::size_t i = 1; i < cut.parts.size(); ++i)
        CHECK(cut.parts[i - 1].tiles >= cut.parts[i].tiles);
    }
  // One sequence of 131,072 tokens on 264 slots: 8 heads x 33 parts are a block for each slot.
  const DecodeParts one = cut_for_decode({131072}, 8, 264);
  CHECK(8 * one.parts.size() <= 264);
  CHECK(8 * one.parts.size() > 264 * 9 / 10);
}

}  // namespace
}  // namespace terrace::cuda
