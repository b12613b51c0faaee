// Attention over paged caches, and what a KV policy does around it: selects pages, decodes codes,
// merges and encodes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "validate/cuda/execute/op_mapper.h"
#include "validate/cuda/kernels/decode_parts.h"

namespace terrace::cuda {
namespace {

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
bool attends(const Op& op) {
  return (op.kind == OpKind::attention_decode || op.kind == OpKind::attention_prefill) &&
         op.attention.sequences > 0;
}

}  // namespace

// The attention that an op prepares, or else the last before it.
OpVertex OpMapper::attention_of(OpVertex v) const {
  const bool after =
      std::strcmp(op(v).label, "kv_compact") == 0 || std::strcmp(op(v).label, "kv_quantize") == 0;
  if (!after)
    for (OpVertex u = v; u < plan_.ops.size(); ++u)
      if (attends(op(u))) return u;
  for (OpVertex u = v + 1; u-- > 0;)
    if (attends(op(u))) return u;
  return OpGraph::null_vertex();
}

// Keys, values and table of an attention op, made when they are first met: each layer and round has
// its own.
const OpMapper::Cache& OpMapper::cache_of(OpVertex attention) {
  const auto key = std::make_pair(attention, writer_.round());
  const auto known = caches_.find(key);
  if (known != caches_.end()) return known->second;
  Cache c;
  c.op = attention_op(op(attention));
  c.number = number_of(op(attention));
  const auto numbers = size(c.op.pool_pages() * c.op.pages().page_numbers());
  const auto width = static_cast<std::size_t>(bytes_of(c.number));
  c.coded = c.op.bits < 16 && op(attention).kind == OpKind::attention_decode;
  if (c.op.bits == 16) {
    c.k = writer_.buffer(name("keys"), numbers * width);
    c.v = writer_.buffer(name("values"), numbers * width);
  } else if (!c.coded) {  // numbers are there only while a layer takes in a prompt
    c.k = writer_.role("decoded keys", numbers * width);
    c.v = writer_.role("decoded values", numbers * width);
  } else {
    const std::size_t page =
        size(c.op.sequences) * size(decode_tile * c.op.kv_heads * std::int64_t{c.op.head_dim});
    c.k = writer_.buffer(name("newest keys"), page * width);
    c.v = writer_.buffer(name("newest values"), page * width);
    std::vector<std::int32_t> pages(size(c.op.sequences));
    std::iota(pages.begin(), pages.end(), 0);
    c.recent = writer_.table(name("newest pages"), pages);
    for (const bool keys : {true, false}) {
      const CodeShape shape = c.op.codes(keys);
      (keys ? c.k_codes : c.v_codes) = writer_.buffer(name("codes"), size(shape.code_bytes()));
      (keys ? c.k_scales : c.v_scales) = writer_.buffer(name("scales"), size(shape.scale_bytes()));
    }
  }
  c.table =
      writer_.table(name("pages"), c.op.table(options_.seed + static_cast<unsigned>(attention)));
  return caches_.emplace(key, std::move(c)).first->second;
}

namespace {

// A page for each sequence's newest tokens, all its heads in it.
KvPages recent_pages(const AttentionOp& op) {
  KvPages p;
  p.page_shift = 4;
  p.kv_heads = op.kv_heads;
  p.head_dim = op.head_dim;
  p.table_sequence = 1;
  return p;
}
static_assert(decode_tile == 1 << 4, "a page is a tile");

KvPages placed(KvPages p, const Addresses& at, const Operand& k, const Operand& v,
               const Operand& table) {
  p.k = at(k);
  p.v = at(v);
  p.table = at.as<std::int32_t>(table);
  return p;
}

}  // namespace

// The new tokens' keys and values, which lie beside their queries, go to the cache.
void OpMapper::append(const Cache& c) {
  KvAppendArgs a;
  a.number = c.number;
  a.rows = static_cast<int>(c.op.rows());
  a.stride = c.op.qkv_stride();
  const auto width = static_cast<std::size_t>(bytes_of(c.number));
  const Operand qkv = writer_.role("qkv", size(a.rows * a.stride) * width);
  const Operand sequences = writer_.table(name("sequences"), c.op.sequence_of_rows());
  const Operand positions =
      writer_.table(name("positions"), c.coded ? std::vector<std::int32_t>(size(a.rows), 0)
                                               : c.op.positions_of_rows());
  const std::size_t k_at = size(c.op.heads * c.op.head_dim) * width;
  const std::size_t v_at = k_at + size(c.op.kv_heads * c.op.head_dim) * width;
  const Operand pages = c.coded ? c.recent : c.table;
  writer_.launch({{qkv}, {sequences}, {positions}, {pages}, {c.k, Use::write}, {c.v, Use::write}},
                 [=, shape = c.coded ? recent_pages(c.op) : c.op.pages(), k = c.k,
                  v = c.v](const Addresses& at) mutable {
                   a.k = at(qkv) + k_at;
                   a.v = at(qkv) + v_at;
                   a.kv = placed(shape, at, k, v, pages);
                   a.sequences = at.as<std::int32_t>(sequences);
                   a.positions = at.as<std::int32_t>(positions);
                   return Call(a);
                 });
}

// Coded caches: codes of what was there, decoded by the kernel, and beside them the newest token of
// each sequence as it is, in a part of its own.
void OpMapper::decode(const Op&) {
  const Cache& c = cache_of(v_);
  append(c);
  const AttentionOp& s = c.op;
  std::vector<std::int32_t> lengths = s.lengths;
  if (c.coded)
    for (std::int32_t& n : lengths) n = std::max(1, n - 1);
  DecodeParts cut = cut_for_decode(lengths, s.kv_heads * ceil_div(s.heads / s.kv_heads, 16),
                                   options_.decode_slots);
  std::vector<DecodePart> newest;
  if (c.coded) {
    for (DecodePart& p : cut.parts) {
      p.slot += p.sequence;
      ++p.siblings;
    }
    for (int i = 0; i < s.sequences; ++i) {
      const std::int32_t pieces = cut.first_slot[size(i + 1)] - cut.first_slot[size(i)];
      newest.push_back({i, 0, 1, cut.first_slot[size(i + 1)] + i, pieces + 1});
    }
    for (int i = 0; i <= s.sequences; ++i) cut.first_slot[size(i)] += i;
  }
  const auto width = static_cast<std::size_t>(bytes_of(c.number));
  const std::int64_t stride = s.qkv_stride();
  const Operand q = writer_.role("qkv", size(s.sequences * stride) * width);
  const Operand out = writer_.role("attended", size(s.sequences * s.heads * s.head_dim) * width);
  const Operand partial = writer_.role(
      "parts of attention", size(cut.first_slot.back()) * size(s.heads * (s.head_dim + 2)) * 4);
  DecodeAttentionArgs a;
  a.number = c.number;
  a.heads = s.heads;
  a.q_stride = stride;
  a.scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
  const auto launch = [&](auto args, const std::vector<DecodePart>& cut_parts,
                          const std::vector<std::int32_t>& known, KvPages shape,
                          const Operand& table) {
    const Operand counts = writer_.table(name("lengths"), known);
    const Operand parts = writer_.table(name("parts"), cut_parts);
    args.part_count = static_cast<int>(cut_parts.size());
    constexpr bool codes = std::is_same_v<decltype(args), CodedAttentionArgs>;
    std::vector<OperandUse> uses = {
        {q}, {table}, {counts}, {parts}, {partial, Use::write}, {out, Use::write}};
    if (codes)
      uses.insert(uses.end(), {{c.k_codes}, {c.v_codes}, {c.k_scales}, {c.v_scales}});
    else
      uses.insert(uses.end(), {{c.k}, {c.v}});
    writer_.launch(uses, [=, k = c.k, v = c.v, kc = c.k_codes, vc = c.v_codes, ks = c.k_scales,
                          vs = c.v_scales](const Addresses& at) mutable {
      if constexpr (codes) {
        args.kv = shape;
        args.kv.table = at.as<std::int32_t>(table);
        args.codes[0] = at.as<std::uint32_t>(kc);
        args.codes[1] = at.as<std::uint32_t>(vc);
        args.scales[0] = at.as<CodeScale>(ks);
        args.scales[1] = at.as<CodeScale>(vs);
      } else {
        args.kv = placed(shape, at, k, v, table);
      }
      args.q = at(q);
      args.out = at(out);
      args.partial = at.as<float>(partial);
      args.lengths = at.as<std::int32_t>(counts);
      args.parts = at.as<DecodePart>(parts);
      return Call(args);
    });
  };
  if (c.coded) {
    CodedAttentionArgs coded{a, {s.codes(true), s.codes(false)}, {}, {}};
    launch(coded, cut.parts, lengths, s.pages(), c.table);
    launch(a, newest, std::vector<std::int32_t>(size(s.sequences), 1), recent_pages(s), c.recent);
  } else {
    launch(a, cut.parts, lengths, s.pages(), c.table);
  }
  if (cut.parts.size() == static_cast<std::size_t>(s.sequences)) return;  // nothing to merge
  const Operand slots = writer_.table(name("slots"), cut.first_slot);
  MergePartsArgs m;
  m.number = c.number;
  m.sequences = s.sequences;
  m.heads = s.heads;
  m.head_dim = s.head_dim;
  writer_.launch({{partial}, {slots}, {out, Use::write}}, [=](const Addresses& at) mutable {
    m.partial = at.as<float>(partial);
    m.out = at(out);
    m.first_slot = at.as<std::int32_t>(slots);
    return Call(m);
  });
}

void OpMapper::prefill(const Op& op) {
  if (op.attention.sequences <= 0) return stream(op, "votes of a policy");
  const Cache& c = cache_of(v_);
  append(c);
  const AttentionOp& s = c.op;
  const auto width = static_cast<std::size_t>(bytes_of(c.number));
  const Operand q = writer_.role("qkv", size(s.rows() * s.qkv_stride()) * width);
  const Operand out = writer_.role("attended", size(s.rows() * s.heads * s.head_dim) * width);
  const std::vector<QueryTile> cut = s.tiles();
  const Operand tiles = writer_.table(name("tiles"), cut);
  PrefillAttentionArgs a;
  a.number = c.number;
  a.tile_count = static_cast<int>(cut.size());
  a.heads = s.heads;
  a.q_stride = s.qkv_stride();
  a.scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
  writer_.launch({{q}, {c.k}, {c.v}, {c.table}, {tiles}, {out, Use::write}},
                 [=, shape = s, k = c.k, v = c.v, table = c.table](const Addresses& at) mutable {
                   a.kv = placed(shape.pages(), at, k, v, table);
                   a.q = at(q);
                   a.out = at(out);
                   a.tiles = at.as<QueryTile>(tiles);
                   return Call(a);
                 });
}

// Scores of as many entries as the metadata that is read has pairs of vectors, then the largest:
// as many as attention reads pages.
void OpMapper::select(const Op& op) {
  const OpVertex attention = attention_of(v_);
  const auto known =
      attention == OpGraph::null_vertex() || this->op(attention).kind != OpKind::attention_decode;
  if (known) return stream(op, "selection without a decode step");
  const Cache& c = cache_of(attention);
  const auto width = static_cast<std::size_t>(bytes_of(c.number));
  PageScoreArgs s;
  s.number = c.number;
  s.head_dim = c.op.head_dim;
  s.rows = c.op.sequences * c.op.kv_heads;
  s.entries =
      static_cast<int>(hbm_bytes(op).read / 2 / s.rows / s.head_dim / static_cast<double>(width));
  TopKArgs t;
  t.rows = s.rows;
  t.n = s.entries;
  t.k = c.op.most_pages();
  if (t.k > t.n) return stream(op, "fewer labels than pages that are read");
  const auto half = size(s.rows) * size(s.entries) * size(s.head_dim) * width;
  const Operand q = writer_.role("qkv", size(c.op.rows() * c.op.qkv_stride()) * width);
  const Operand labels = writer_.buffer(name("labels"), 2 * half);
  const Operand scores = writer_.role("page scores", size(s.rows) * size(s.entries) * 4);
  const Operand chosen = writer_.role("chosen pages", size(t.rows) * size(t.k) * 4);
  writer_.launch({{q}, {labels}, {scores, Use::write}}, [=](const Addresses& at) mutable {
    s.q = at(q);
    s.low = at(labels);
    s.high = at(labels) + half;
    s.out = at.as<float>(scores);
    return Call(s);
  });
  writer_.launch({{scores}, {chosen, Use::write}}, [=](const Addresses& at) mutable {
    t.in = at.as<float>(scores);
    t.out = at.as<std::int32_t>(chosen);
    return Call(t);
  });
}

void OpMapper::codec(const Op& op) {
  const OpVertex attention = attention_of(v_);
  const bool decodes = std::strcmp(op.label, "kv_dequantize") == 0;
  if (decodes && attention != OpGraph::null_vertex() &&
      this->op(attention).kind == OpKind::attention_decode) {
    if (cache_of(attention).op.bits == 16) return stream(op, "a code as wide as the numbers");
    return fate(Fate::left_out, "attention's own kernel decodes");
  }
  const Bytes b = hbm_bytes(op);
  const double share = b.read > 0 ? b.written / b.read : 0;
  QuantizeArgs q;
  q.shape.group = 32;
  q.shape.columns = 32;
  q.shape.bits = share > 6.0 / 16 ? 8 : share > 3.0 / 16 ? 4 : 2;
  q.shape.rows = static_cast<std::int64_t>(b.read / 2 / 32);
  if (std::strcmp(op.label, "kv_quantize") != 0 || share <= 0 || share > 0.8 || q.shape.rows < 1)
    return stream(op, "no kernel of its own");
  q.number = number_of(op);
  const Operand in = writer_.role("vectors to encode", size(q.shape.rows) * 64);
  const Operand codes = writer_.role("new codes", size(q.shape.code_bytes()));
  const Operand scales = writer_.role("new scales", size(q.shape.scale_bytes()));
  writer_.launch({{in}, {codes, Use::write}, {scales, Use::write}},
                 [=](const Addresses& at) mutable {
                   q.in = at(in);
                   q.codes = at.as<std::uint32_t>(codes);
                   q.scales = at.as<CodeScale>(scales);
                   return Call(q);
                 });
}

// Every written vector is the mean of as many as are read for it.
void OpMapper::compact(const Op& op) {
  const Bytes b = hbm_bytes(op);
  const OpVertex attention = attention_of(v_);
  if (b.written <= 0 || b.read < b.written || attention == OpGraph::null_vertex())
    return stream(op, "no kernel of its own");
  MergeTokensArgs m;
  m.number = number_of(op);
  m.columns = static_cast<int>(this->op(attention).attention.head_dim);
  const auto width = static_cast<std::int64_t>(bytes_of(m.number));
  m.slots = static_cast<int>(b.written / static_cast<double>(m.columns * width));
  const auto tokens = static_cast<std::int64_t>(b.read / static_cast<double>(m.columns * width));
  if (m.slots < 1) return stream(op, "less than a vector");
  std::vector<std::int32_t> first;
  for (std::int64_t i = 0; i <= m.slots; ++i)
    first.push_back(static_cast<std::int32_t>(tokens * i / m.slots));
  const Operand in = writer_.role("evicted tokens", size(tokens * m.columns * width));
  const Operand out =
      writer_.role("merged tokens", size(std::int64_t{m.slots} * m.columns * width));
  const Operand runs = writer_.table(name("runs"), first);
  const Operand weights =
      writer_.table(name("merge weights"), std::vector<float>(size(tokens), 1.0F));
  writer_.launch({{in}, {runs}, {weights}, {out, Use::write}}, [=](const Addresses& at) mutable {
    m.tokens = at(in);
    m.first = at.as<std::int32_t>(runs);
    m.weights = at.as<float>(weights);
    m.out = at(out);
    return Call(m);
  });
}

}  // namespace terrace::cuda
