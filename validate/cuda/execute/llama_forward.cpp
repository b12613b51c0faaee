// The order of operations is that of LlamaExecutor (workloads/capture/llama_executor.cpp).
#include "validate/cuda/execute/llama_forward.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "validate/cuda/kernels/decode_parts.h"

namespace terrace::cuda {
namespace {

constexpr int page_shift = 4, split_slots = 64;

template <class T>
std::vector<T> converted(const std::vector<std::vector<float>>& parts) {
  std::vector<T> out;
  for (const std::vector<float>& part : parts)
    for (const float x : part) out.push_back(from_float<T>(x));
  return out;
}

}  // namespace

LlamaForward::LlamaForward(const LlamaModel& model, Calls& calls, Memory& memory, Number number,
                           std::int64_t context)
    : calls_(calls),
      memory_(memory),
      number_(number),
      shape_(model.shape),
      ffn_(model.ffn),
      vocabulary_(model.vocabulary),
      epsilon_(model.norm_epsilon),
      context_(context) {
  check(model, context);
  const std::int64_t d = shape_.head_dim, pages = (context + 15) >> page_shift;
  KvPages kv;
  kv.page_shift = page_shift;
  kv.kv_heads = static_cast<int>(shape_.kv_heads);
  kv.head_dim = static_cast<int>(d);
  kv.table_sequence = pages;
  std::vector<std::int32_t> table(static_cast<std::size_t>(pages));
  for (std::int64_t i = 0; i < pages; ++i)  // not in order, as an allocator leaves them
    table[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(pages - 1 - i);
  kv.table = memory_.put(table);
  for (const LlamaLayer& w : model.layers) {
    Layer l = {put({w.attention_norm}),
               put({w.query, w.key, w.value}),
               put({w.output}),
               put({w.ffn_norm}),
               put({w.gate, w.up}),
               put({w.down}),
               kv};
    l.kv.k = numbers(pages * kv.page_numbers());
    l.kv.v = numbers(pages * kv.page_numbers());
    layers_.push_back(l);
  }
  embedding_ = put({model.embedding});
  output_norm_ = put({model.output_norm});
  head_ = model.output.empty() ? embedding_ : put({model.output});
  place_rope(model, context);
  residual_ = numbers(shape_.hidden);
  hidden_ = numbers(shape_.hidden);
  normed_ = numbers(shape_.hidden);
  qkv_ = numbers((shape_.heads + 2 * shape_.kv_heads) * d);
  attended_ = numbers(shape_.heads * d);
  gate_up_ = numbers(2 * ffn_);
  activated_ = numbers(ffn_);
  logits_ = memory_.put(std::vector<float>(static_cast<std::size_t>(vocabulary_)));
  partial_ = memory_.put(
      std::vector<float>(static_cast<std::size_t>(4 * split_slots * shape_.heads * (d + 2))));
  token_ = memory_.put(std::vector<std::int32_t>{0});
  zero_ = memory_.put(std::vector<std::int32_t>{0});
  position_ = memory_.put(std::vector<std::int32_t>{0});
  visible_ = memory_.put(std::vector<std::int32_t>{1});
  next_ = memory_.put(std::vector<std::int32_t>{0});
  slots_ = memory_.put(std::vector<std::int32_t>{0, 1});
  parts_ = memory_.put(std::vector<DecodePart>(4 * split_slots));
}

void LlamaForward::check(const LlamaModel& model, std::int64_t context) const {
  const auto fail = [&](const char* what) { throw CaptureError(model.file, what); };
  const int width = bytes_of(number_);
  if (context > shape_.context) fail("the context is longer than the model's");
  if (shape_.hidden * width % 16 != 0 || shape_.head_dim * width % 16 != 0)
    fail("rows are no multiple of 16 bytes");
  if (number_ == Number::f32) {
    if (shape_.head_dim > 256) fail("heads of more than 256");
  } else {
    if (!with_head_dim(static_cast<int>(shape_.head_dim), [](auto) {}))
      fail("heads are not of 64 or 128");
    if (ffn_ % 8 != 0) fail("the width of the MLP is no multiple of 8");
  }
}

void* LlamaForward::put(const std::vector<std::vector<float>>& parts) {
  void* at = nullptr;
  with_number(number_, [&](auto number) { at = memory_.put(converted<decltype(number)>(parts)); });
  return at;
}

void* LlamaForward::numbers(std::int64_t n) {
  return memory_.room(static_cast<std::size_t>(n) * static_cast<std::size_t>(bytes_of(number_)));
}

void LlamaForward::place_rope(const LlamaModel& model, std::int64_t context) {
  const auto pairs = model.shape.rope.frequencies().size();
  std::vector<float> cosines(pairs), sines(pairs), table;
  for (std::int64_t p = 0; p < context; ++p) {
    model.shape.rope.angles(p, cosines.data(), sines.data());
    for (std::size_t i = 0; i < pairs; ++i) {
      table.push_back(cosines[i]);
      table.push_back(sines[i]);
    }
  }
  rope_ = memory_.put(table);
}

void LlamaForward::multiply(const void* a, const void* weight, void* c, std::int64_t n,
                            std::int64_t k) {
  GemmArgs g;
  g.number = number_;
  g.out = c == logits_ ? Number::f32 : number_;
  g.a = a;
  g.b = weight;
  g.c = c;
  g.m = 1;
  g.n = static_cast<int>(n);
  g.k = static_cast<int>(k);
  calls_.call(g, 0);
}

void LlamaForward::norm(const void* in, const void* weight) {
  RmsNormArgs n;
  n.number = number_;
  n.in = in;
  n.residual = residual_;
  n.weight = weight;
  n.out = normed_;
  n.rows = 1;
  n.columns = static_cast<int>(shape_.hidden);
  n.epsilon = epsilon_;
  calls_.call(n, 0);
}

void LlamaForward::attend(const Layer& l, std::int32_t length) {
  const std::int64_t d = shape_.head_dim, stride = (shape_.heads + 2 * shape_.kv_heads) * d;
  const auto heads = static_cast<int>(shape_.heads), kv_heads = static_cast<int>(shape_.kv_heads);
  RopeArgs r;
  r.number = number_;
  r.data = qkv_;
  r.table = rope_;
  r.positions = position_;
  r.rows = 1;
  r.heads = heads + kv_heads;
  r.head_dim = static_cast<int>(d);
  r.pairs = static_cast<int>(shape_.rope.frequencies().size());
  r.stride = stride;
  r.interleaved = shape_.rope.pairing() == terrace::Rope::Pairing::interleaved;
  calls_.call(r, 0);
  KvAppendArgs k;
  k.number = number_;
  k.k = static_cast<char*>(qkv_) + shape_.heads * d * bytes_of(number_);
  k.v = static_cast<const char*>(k.k) + shape_.kv_heads * d * bytes_of(number_);
  k.kv = l.kv;
  k.sequences = zero_;
  k.positions = position_;
  k.rows = 1;
  k.stride = stride;
  calls_.call(k, 0);
  if (number_ == Number::f32) {
    PlainAttentionArgs p;
    p.kv = l.kv;
    p.q = qkv_;
    p.out = attended_;
    p.sequences = zero_;
    p.visible = visible_;
    p.rows = 1;
    p.heads = heads;
    p.q_stride = stride;
    p.scale = shape_.scale;
    return calls_.call(p, 0);
  }
  const DecodeParts cut =
      cut_for_decode({length}, kv_heads * ceil_div(heads / kv_heads, 16), split_slots, 0);
  memory_.write(parts_, cut.parts.data(), cut.parts.size() * sizeof(DecodePart));
  memory_.write(slots_, cut.first_slot.data(), cut.first_slot.size() * sizeof(std::int32_t));
  DecodeAttentionArgs a;
  a.number = number_;
  a.kv = l.kv;
  a.q = qkv_;
  a.out = attended_;
  a.partial = partial_;
  a.lengths = visible_;
  a.parts = parts_;
  a.part_count = static_cast<int>(cut.parts.size());
  a.heads = heads;
  a.q_stride = stride;
  a.scale = shape_.scale;
  calls_.call(a, 0);
  MergePartsArgs m;
  m.number = number_;
  m.partial = partial_;
  m.out = attended_;
  m.first_slot = slots_;
  m.sequences = 1;
  m.heads = heads;
  m.head_dim = static_cast<int>(d);
  calls_.call(m, 0);
}

std::int32_t LlamaForward::step(std::int32_t token) {
  if (at_ >= context_) throw CaptureError("greedy check", "past the end of the context");
  const std::int32_t length = at_ + 1;
  memory_.write(token_, &token, sizeof token);
  memory_.write(position_, &at_, sizeof at_);
  memory_.write(visible_, &length, sizeof length);
  GatherArgs g;
  g.in = embedding_;
  g.out = residual_;
  g.index = token_;
  g.rows = 1;
  g.row_bytes = g.source_stride = shape_.hidden * bytes_of(number_);
  calls_.call(g, 0);
  const std::int64_t q = shape_.heads * shape_.head_dim, kv = shape_.kv_heads * shape_.head_dim;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& l = layers_[i];
    norm(i == 0 ? nullptr : hidden_, l.attention_norm);
    multiply(normed_, l.qkv, qkv_, q + 2 * kv, shape_.hidden);
    attend(l, length);
    multiply(attended_, l.output, hidden_, shape_.hidden, q);
    norm(hidden_, l.ffn_norm);
    multiply(normed_, l.gate_up, gate_up_, 2 * ffn_, shape_.hidden);
    SiluMulArgs s;
    s.number = number_;
    s.in = gate_up_;
    s.out = activated_;
    s.rows = 1;
    s.columns = static_cast<int>(ffn_);
    calls_.call(s, 0);
    multiply(activated_, l.down, hidden_, shape_.hidden, ffn_);
  }
  norm(hidden_, output_norm_);
  multiply(normed_, head_, logits_, vocabulary_, shape_.hidden);
  ArgmaxArgs a;
  a.in = logits_;
  a.out = next_;
  a.rows = 1;
  a.columns = static_cast<int>(vocabulary_);
  calls_.call(a, 0);
  std::int32_t next = 0;
  memory_.read(&next, next_, sizeof next);
  ++at_;
  return next;
}

}  // namespace terrace::cuda
