// Decode and prefill attention over a paged cache by the project's own kernels and by cuDNN, heads
// as in the shipped models; decode also over codes of 4 and 2 bits with a scale and a zero for 32
// numbers. cuDNN's prefill has its keys and values side by side.
// Source: validate/cuda/kernels; rate of decode: bytes of keys and values over time, as it is bound
// by them; of prefill: FLOPs of scores and sums.
// State: the streams of the calls, the library.
#include <algorithm>
#include <numeric>

#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/kernels/cudnn_attention.h"
#include "validate/cuda/kernels/decode_parts.h"
#include "validate/cuda/kernels/device_calls.h"
#include "validate/cuda/random_fill.h"

namespace terrace::cuda {
namespace {

constexpr int page_tokens = 16;  // as vLLM's default block
constexpr int group = 32;        // numbers that share a scale; tokens of a page of codes

struct Heads {
  double query, kv, dim;
};
constexpr Heads llama_8b{32, 8, 128}, llama_70b{64, 8, 128}, mha_7b{32, 32, 128},
    llama_1b{32, 8, 64};

class Attention final : public BenchGroup {
 public:
  Attention(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    const std::vector<Heads> shapes =
        quick ? std::vector<Heads>{llama_8b}
              : std::vector<Heads>{llama_8b, llama_70b, mha_7b, llama_1b};
    for (const Heads& h : shapes) {
      for (const double batch : quick ? std::vector<double>{8} : std::vector<double>{1, 8, 64})
        for (const double length : geometric(1024, 131072, quick ? 8 : 2)) {
          if (batch * length > 1 << 20) continue;  // 4 GiB of cache with 8 heads
          out.push_back(make("decode", h, batch, length));
          for (const double bits : quick ? std::vector<double>{4} : std::vector<double>{4, 2}) {
            Case coded = out.back();
            coded.name = "decode_codes";
            coded.with("bits", bits);
            coded.work = cache_bytes(coded);
            out.insert(out.end() - 1, coded);
          }
          out.insert(out.end() - 1, make("decode_cudnn", h, batch, length));
          if (cache_bytes(out.back()) > 64 << 20) continue;
          out.push_back(Case(out.back()));
          out.back().l2 = CacheState::warm;
        }
      for (const double length : geometric(512, 16384, quick ? 8 : 2))
        for (const char* name : {"prefill", "prefill_cudnn"})
          out.push_back(make(name, h, 1, length));
    }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    if (!calls_) calls_ = std::make_unique<DeviceCalls>(1);
    if (c.name == "decode_codes") return decode_codes(c, timer);
    if (c.name == "decode_cudnn" || c.name == "prefill_cudnn") return by_cudnn(c, timer);
    return c.name == "decode" ? decode(c, timer) : prefill(c, timer);
  }

  // As workloads/llm/attention.cpp writes it, less the new token's keys and values, which are
  // there.
  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    const bool one = decodes(c), coded = c.name == "decode_codes";
    const double batch = c["batch"], length = c["length"], rows = one ? batch : length;
    Op op = parts.kernel(one ? OpKind::attention_decode : OpKind::attention_prefill, "attention");
    AttentionShape& s = op.attention;
    s.sequences = batch;
    s.q_heads = c["heads"];
    s.kv_heads = c["kv_heads"];
    s.head_dim = s.value_dim = c["head_dim"];
    s.query_tokens = rows;
    s.kv_tokens = batch * length;
    s.pairs = one ? batch * length : length * (length + 1) / 2;
    s.longest_kv = length;
    s.decode_sequences = one ? batch : 0;
    s.decode_kv_tokens = one ? batch * length : 0;
    op.flops = 4 * s.pairs * s.q_heads * s.head_dim;
    const double row = 2 * s.q_heads * s.head_dim, never = std::numeric_limits<double>::infinity();
    op.reads(parts.hbm, rows * row, one ? never : rows * row);
    op.reads(parts.hbm, cache_bytes(c), parts.reuse(c, cache_bytes(c)),
             coded ? group * s.head_dim * c["bits"] / 8 : page_tokens * s.head_dim * 2);
    op.writes(parts.hbm, rows * row);
    return {op};
  }

 private:
  static bool decodes(const Case& c) { return c.name.rfind("decode", 0) == 0; }

  static double cache_bytes(const Case& c) {  // K and V, 2 B a number, or its code and scale
    const double bits = c.name == "decode_codes" ? c["bits"] + 32.0 / group : 16;
    return c["batch"] * c["length"] * c["kv_heads"] * c["head_dim"] * 2 * bits / 8;
  }

  static Case make(const char* name, const Heads& h, double batch, double length) {
    Case c;
    c.name = name;
    c.with("heads", h.query).with("kv_heads", h.kv).with("head_dim", h.dim);
    c.with("batch", batch).with("length", length);
    c.l2 = CacheState::cold;
    const bool one = decodes(c);
    c.unit = one ? "B/s" : "FLOP/s";
    c.work = one ? cache_bytes(c) : 4 * length * (length + 1) / 2 * h.query * h.dim;
    c.memory = static_cast<std::uint64_t>(
        cache_bytes(c) + 4 * (one ? batch : length) * h.query * h.dim + (64 << 20));
    return c;
  }

  // Pages in random order over the pools, as a server comes to have them.
  struct Cache {
    DeviceBuffer k, v, table;
    KvPages pages;
  };
  Cache cache(const Case& c) {
    const std::size_t bytes = static_cast<std::size_t>(cache_bytes(c)) / 2;
    const auto each = static_cast<std::int32_t>(c["length"]) / page_tokens;
    std::vector<std::int32_t> numbers(static_cast<std::size_t>(each) * c.whole("batch"));
    std::iota(numbers.begin(), numbers.end(), 0);
    RandomStream random(1, "pages");
    for (std::size_t i = numbers.size(); i-- > 1;)
      std::swap(numbers[i],
                numbers[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
    Cache out{DeviceBuffer(bytes, "the keys of " + c.text()),
              DeviceBuffer(bytes, "the values of " + c.text()),
              DeviceBuffer(numbers.size() * sizeof numbers[0], "the block table"),
              {}};
    fill(out.k);
    fill(out.v);
    out.table.upload(numbers.data(), out.table.bytes());
    out.pages.k = out.k.data();
    out.pages.v = out.v.data();
    out.pages.table = out.table.as<std::int32_t>();
    out.pages.page_shift = 4;
    static_assert(page_tokens == 16);
    out.pages.kv_heads = static_cast<int>(c["kv_heads"]);
    out.pages.head_dim = static_cast<int>(c["head_dim"]);
    out.pages.table_sequence = each;
    return out;
  }

  void fill(const DeviceBuffer& buffer) {
    if (numbers_.empty()) numbers_ = random_bf16(1 << 20, 1);
    fill_with(buffer, numbers_.data(), numbers_.size() * sizeof numbers_[0]);
  }

  template <class T>
  static DeviceBuffer uploaded(const std::vector<T>& data, const char* what) {
    DeviceBuffer out(data.size() * sizeof(T), what);
    out.upload(data.data(), out.bytes());
    return out;
  }

  Sample decode(const Case& c, Timer& timer) {
    const Cache held = cache(c);
    DecodeAttentionArgs a;
    a.kv = held.pages;
    return decode_with(c, timer, a);
  }

  Sample decode_codes(const Case& c, Timer& timer) {
    const auto tokens = static_cast<std::int64_t>(c["batch"] * c["length"]);
    std::vector<std::int32_t> table(static_cast<std::size_t>(tokens / group));
    std::iota(table.begin(), table.end(), 0);
    const DeviceBuffer pages = uploaded(table, "the block table");
    CodedAttentionArgs a;
    a.kv.page_shift = 5;
    static_assert(group == 32);
    a.kv.kv_heads = static_cast<int>(c["kv_heads"]);
    a.kv.head_dim = static_cast<int>(c["head_dim"]);
    a.kv.table_sequence = static_cast<std::int64_t>(c["length"]) / group;
    a.kv.table = pages.as<std::int32_t>();
    std::vector<DeviceBuffer> held;
    for (const int which : {0, 1}) {
      CodeShape& s = a.shape[which];
      s.bits = static_cast<int>(c["bits"]);
      s.group = group;
      s.by_channel = which == 0;  // as KIVI's keys
      s.rows = tokens * a.kv.kv_heads;
      s.columns = a.kv.head_dim;
      held.emplace_back(static_cast<std::size_t>(s.code_bytes()), "the codes of " + c.text());
      fill(held.back());
      a.codes[which] = held.back().as<std::uint32_t>();
      held.emplace_back(static_cast<std::size_t>(s.scale_bytes()), "the scales of " + c.text());
      held.back().fill(0x30);  // numbers about 0.13
      a.scales[which] = held.back().as<CodeScale>();
    }
    return decode_with(c, timer, a);
  }

  template <class Args>
  Sample decode_with(const Case& c, Timer& timer, Args a) {
    const int heads = static_cast<int>(c["heads"]), kv_heads = a.kv.kv_heads;
    const int dim = a.kv.head_dim, batch = static_cast<int>(c["batch"]);
    const std::vector<std::int32_t> lengths(c.whole("batch"),
                                            static_cast<std::int32_t>(c["length"]));
    const DecodeParts cut =
        cut_for_decode(lengths, kv_heads * ceil_div(heads / kv_heads, 16),
                       DeviceCalls::decode_slots(timer.device().multiprocessors, Number::bf16, dim,
                                                 std::is_same_v<Args, CodedAttentionArgs>));
    const std::size_t row = c.whole("heads") * c.whole("head_dim") * 2;
    const DeviceBuffer q(c.whole("batch") * row, "queries"), out(c.whole("batch") * row, "result");
    const DeviceBuffer length_list = uploaded(lengths, "lengths");
    const DeviceBuffer parts = uploaded(cut.parts, "the parts of decode attention");
    const DeviceBuffer first_slot = uploaded(cut.first_slot, "the slots of decode attention");
    const DeviceBuffer partial(static_cast<std::size_t>(cut.first_slot.back()) * c.whole("heads") *
                                   (c.whole("head_dim") + 2) * sizeof(float),
                               "partial results of decode attention");
    fill(q);
    a.q = q.data();
    a.out = out.data();
    a.partial = partial.as<float>();
    a.lengths = length_list.as<std::int32_t>();
    a.parts = parts.as<DecodePart>();
    a.part_count = static_cast<int>(cut.parts.size());
    a.heads = heads;
    a.q_stride = heads * dim;
    a.scale = 1 / std::sqrt(static_cast<float>(dim));
    const MergePartsArgs merge{Number::bf16, a.partial, a.out, first_slot.as<std::int32_t>(),
                               batch,        heads,     dim};
    const bool merges = a.part_count > batch;
    return timer.on_device(c, calls_->stream(0), [&] {
      calls_->call(a);
      if (merges) calls_->call(merge);
    });
  }

  Sample prefill(const Case& c, Timer& timer) {
    const Cache held = cache(c);
    const int heads = static_cast<int>(c["heads"]), dim = held.pages.head_dim;
    const std::size_t row = c.whole("heads") * c.whole("head_dim") * 2;
    const DeviceBuffer q(c.whole("length") * row, "queries"),
        out(c.whole("length") * row, "result");
    std::vector<QueryTile> list;
    constexpr int rows = 64;  // of a tile
    for (int first = 0; first < static_cast<int>(c["length"]); first += rows)
      list.push_back({0, rows, first, first});
    const DeviceBuffer tiles = uploaded(list, "the tiles of prefill attention");
    fill(q);
    PrefillAttentionArgs a;
    a.kv = held.pages;
    a.q = q.data();
    a.out = out.data();
    a.tiles = tiles.as<QueryTile>();
    a.tile_count = static_cast<int>(list.size());
    a.heads = heads;
    a.q_stride = heads * dim;
    a.scale = 1 / std::sqrt(static_cast<float>(dim));
    return timer.on_device(c, calls_->stream(0), [&] { calls_->call(a); });
  }

  Sample by_cudnn(const Case& c, Timer& timer) {
    if (!cudnn_) cudnn_ = std::make_unique<CudnnAttention>();
    const Cache held = cache(c);  // all of its pages are one run, too
    CudnnShape shape;
    shape.heads = static_cast<int>(c["heads"]);
    shape.kv_heads = held.pages.kv_heads;
    shape.head_dim = held.pages.head_dim;
    shape.kv_tokens = static_cast<int>(c["length"]);
    shape.causal = !decodes(c);
    shape.query_tokens = shape.causal ? shape.kv_tokens : 1;
    shape.sequences = static_cast<int>(c["batch"]);
    if (decodes(c)) {
      shape.page_tokens = page_tokens;
      shape.table_pages = shape.kv_tokens / page_tokens;
      shape.pages = std::int64_t{shape.sequences} * shape.table_pages;
    }
    const std::size_t rows = c.whole("batch") * static_cast<std::size_t>(shape.query_tokens);
    const std::size_t row = c.whole("heads") * c.whole("head_dim") * 2;
    const DeviceBuffer q(rows * row, "queries"), out(rows * row, "result");
    const DeviceBuffer ones = uploaded(std::vector<std::int32_t>(c.whole("batch"), 1), "lengths");
    const DeviceBuffer lengths =
        uploaded(std::vector<std::int32_t>(c.whole("batch"), shape.kv_tokens), "lengths");
    fill(q);
    CudnnOperands on;
    on.q = q.data();
    on.k = held.pages.k;
    on.v = held.pages.v;
    on.out = out.data();
    on.scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
    on.table = held.pages.table;
    on.query_lengths = ones.as<std::int32_t>();
    on.kv_lengths = lengths.as<std::int32_t>();
    const Stream& stream = calls_->stream(0);
    return timer.on_device(c, stream, [&] { cudnn_->attend(shape, on, stream); });
  }

  std::unique_ptr<DeviceCalls> calls_;
  std::unique_ptr<CudnnAttention> cudnn_;
  std::vector<std::uint16_t> numbers_;
};
TERRACE_REGISTER(BenchGroup, Attention, "attention",
                 "decode and prefill attention over a paged cache, and by cuDNN");

}  // namespace
}  // namespace terrace::cuda
