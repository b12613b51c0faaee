// What cache policies do beside attention: scores of pages, top-k, codes of int8, int4 and KIVI,
// merging of evicted tokens.
// Source: validate/cuda/kernels; keys and values of one layer of Llama-3.1-8B, 8 heads of 128.
// State: the streams of the calls.
#include <algorithm>

#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/kernels/device_calls.h"
#include "validate/cuda/random_fill.h"

namespace terrace::cuda {
namespace {

constexpr double columns = 8 * 128, width = 2;  // numbers of a token, B of one
constexpr int merged = 4;                       // tokens of a slot

struct Code {
  const char* name;
  int bits, group;
  bool by_channel;
};
// int8 by token, int4 by groups of 128; KIVI's 2 bits by 32: keys by channel, values by token.
constexpr Code codes[] = {{"int8", 8, 128, false},
                          {"int4", 4, 128, false},
                          {"kivi2_key", 2, 32, true},
                          {"kivi2_value", 2, 32, false}};

const Code* code_of(const Case& c) {
  for (const Code& code : codes)
    if (c.name == std::string("quantize_") + code.name ||
        c.name == std::string("dequantize_") + code.name)
      return &code;
  return nullptr;
}

CodeShape shape_of(const Case& c) {
  const Code* code = code_of(c);
  return {code->bits, code->group, code->by_channel, static_cast<std::int64_t>(c["tokens"]),
          static_cast<std::int64_t>(columns)};
}

class KvOps final : public BenchGroup {
 public:
  KvOps(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    const std::vector<double> tokens = geometric(4096, 262144, quick ? 64 : 4);
    for (const Code& code : codes)
      for (const char* way : {"quantize_", "dequantize_"})
        for (const double n : tokens) {
          Case c;
          c.name = way + std::string(code.name);
          c.with("tokens", n);
          const CodeShape s = shape_of(c);
          add(out, c, n * columns * width + double(s.code_bytes() + s.scale_bytes()));
        }
    for (const double n : tokens) {
      Case c;
      c.name = "merge";
      c.with("tokens", n);
      add(out, c, n * (columns * width + 4) + n / merged * (columns * width + 4));
    }
    for (const double rows : quick ? std::vector<double>{32} : std::vector<double>{8, 32, 256})
      for (const double n : geometric(2048, 131072, quick ? 64 : 8))
        for (const double k : {64.0, 1024.0}) {
          if (k > n) continue;
          Case c;
          c.name = "top_k";
          c.with("rows", rows).with("n", n).with("k", k);
          add(out, c, rows * (4 * n + 4 * k));
        }
    for (const double n : geometric(256, 16384, quick ? 64 : 4)) {
      Case c;
      c.name = "page_score";
      c.with("rows", 8).with("entries", n);
      add(out, c, 8 * (2 * n * 128 * width + 128 * width + 4 * n));
    }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    if (!calls_) calls_ = std::make_unique<DeviceCalls>(1);
    if (code_of(c) != nullptr) return codec(c, timer);
    if (c.name == "merge") return merge(c, timer);
    return c.name == "top_k" ? top_k(c, timer) : page_score(c, timer);
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    const double reuse = parts.reuse(c, c.work);
    const bool selects = c.name == "top_k", codec = code_of(c) != nullptr;
    Op op = parts.kernel(selects ? OpKind::topk
                         : codec ? OpKind::codec
                                 : OpKind::elementwise,
                         "kv");
    double in = 0;
    if (selects) {
      in = 4 * c["rows"] * c["n"];
    } else if (codec) {
      in = c["tokens"] * columns * width;
      if (c.name.rfind("de", 0) == 0) in = c.work - in;
      op.flops = 4 * c["tokens"] * columns;
    } else if (c.name == "merge") {
      in = c["tokens"] * (columns * width + 4) + 4 * c["tokens"] / merged;
    } else {
      in = c.work - 4 * c["rows"] * c["entries"];
    }
    op.reads(parts.hbm, in, reuse);
    op.writes(parts.hbm, c.work - in, reuse);
    return {op};
  }

 private:
  static void add(std::vector<Case>& out, Case c, double bytes) {
    c.unit = "B/s";
    c.work = bytes;
    c.memory = static_cast<std::uint64_t>(bytes) + (1 << 20);
    for (const CacheState l2 : {CacheState::cold, CacheState::warm}) {
      if (l2 == CacheState::warm && bytes > 64 << 20) continue;
      c.l2 = l2;
      out.push_back(c);
    }
  }

  void fill(const DeviceBuffer& buffer) {
    if (numbers_.empty()) numbers_ = random_bf16(1 << 20, 1);
    fill_with(buffer, numbers_.data(), numbers_.size() * sizeof numbers_[0]);
  }
  DeviceBuffer filled(double bytes, const char* what) {
    DeviceBuffer out(static_cast<std::size_t>(bytes), what);
    fill(out);
    return out;
  }

  Sample time(const Case& c, Timer& timer, const Call& call) {
    return timer.on_device(c, calls_->stream(0), [&] { calls_->call(call); });
  }

  Sample codec(const Case& c, Timer& timer) {
    const CodeShape s = shape_of(c);
    const DeviceBuffer plain = filled(c["tokens"] * columns * width, "numbers");
    const DeviceBuffer code(static_cast<std::size_t>(s.code_bytes()), "codes");
    const DeviceBuffer scales(static_cast<std::size_t>(s.scale_bytes()), "scales");
    const QuantizeArgs forth{Number::bf16, s, plain.data(), code.as<std::uint32_t>(),
                             scales.as<CodeScale>()};
    if (c.name.rfind("quantize", 0) == 0) return time(c, timer, forth);
    calls_->call(forth);  // codes to decode
    calls_->stream(0).synchronize();
    return time(c, timer,
                DequantizeArgs{Number::bf16, s, code.as<std::uint32_t>(), scales.as<CodeScale>(),
                               plain.data()});
  }

  Sample merge(const Case& c, Timer& timer) {
    const std::size_t slots = c.whole("tokens") / merged;
    const DeviceBuffer tokens = filled(c["tokens"] * columns * width, "tokens");
    const DeviceBuffer out(slots * static_cast<std::size_t>(columns * width), "slots");
    const std::vector<float> ones(c.whole("tokens"), 1.0F);
    const DeviceBuffer weights(ones.size() * sizeof(float), "weights");
    weights.upload(ones.data(), weights.bytes());
    std::vector<std::int32_t> starts(slots + 1);
    for (std::size_t i = 0; i <= slots; ++i) starts[i] = static_cast<std::int32_t>(i) * merged;
    const DeviceBuffer first(starts.size() * sizeof starts[0], "starts of slots");
    first.upload(starts.data(), first.bytes());
    return time(
        c, timer,
        MergeTokensArgs{Number::bf16, tokens.data(), weights.as<float>(), first.as<std::int32_t>(),
                        out.data(), static_cast<int>(slots), static_cast<int>(columns)});
  }

  Sample top_k(const Case& c, Timer& timer) {
    const int rows = static_cast<int>(c["rows"]), n = static_cast<int>(c["n"]);
    const int k = static_cast<int>(c["k"]);
    RandomStream random(1, "scores");
    std::vector<float> scores(c.whole("rows") * c.whole("n"));
    for (float& x : scores) x = static_cast<float>(random.uniform(-1, 1));
    const DeviceBuffer in(scores.size() * sizeof(float), "scores");
    in.upload(scores.data(), in.bytes());
    const DeviceBuffer out(c.whole("rows") * c.whole("k") * 4, "chosen");
    return time(c, timer, TopKArgs{in.as<float>(), out.as<std::int32_t>(), rows, n, k});
  }

  Sample page_score(const Case& c, Timer& timer) {
    const double bounds = c["rows"] * c["entries"] * 128 * width;
    const DeviceBuffer q = filled(c["rows"] * 128 * width, "queries");
    const DeviceBuffer low = filled(bounds, "least of pages"),
                       high = filled(bounds, "most of pages");
    const DeviceBuffer out(c.whole("rows") * c.whole("entries") * 4, "scores");
    return time(c, timer,
                PageScoreArgs{Number::bf16, q.data(), low.data(), high.data(), out.as<float>(),
                              static_cast<int>(c["rows"]), static_cast<int>(c["entries"]), 128});
  }

  std::unique_ptr<DeviceCalls> calls_;
  std::vector<std::uint16_t> numbers_;
};
TERRACE_REGISTER(BenchGroup, KvOps, "kv_ops",
                 "scores, top-k, codes and merging of a KV cache's numbers");

}  // namespace
}  // namespace terrace::cuda
