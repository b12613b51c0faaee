// Matrices, norms, rotation, activation, gathers; and streams of bytes for what has no kernel.
#include "validate/cuda/execute/op_mapper.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

namespace terrace::cuda {
namespace {

std::size_t whole(double bytes) { return static_cast<std::size_t>(std::llround(bytes)); }
int count_of(double n) { return static_cast<int>(std::llround(n)); }
bool is(const Op& op, const char* label) { return std::strcmp(op.label, label) == 0; }

// What a matrix multiplies and where the result goes, by the label of the step builder.
struct Roles {
  const char *label, *in, *out;
};
constexpr Roles matrix_roles[] = {{"qkv_proj", "normed", "qkv"},
                                  {"o_proj", "attended", "hidden"},
                                  {"gate_up_proj", "normed", "gate_up"},
                                  {"down_proj", "activated", "hidden"},
                                  {"lm_head", "selected", "logits"}};

}  // namespace

OpMapper::OpMapper(const Step& step, const Machine& machine, const PlanOptions& options, Plan& plan)
    : step_(step), machine_(machine), options_(options), plan_(plan), writer_(step, plan) {
  plan_.ops.resize(boost::num_vertices(step.graph));
  for (OpVertex v = 0; v < plan_.ops.size(); ++v) plan_.ops[v].op = v;
  find_slots();
}

void OpMapper::fate(Fate fate, const std::string& why) {
  plan_.ops[v_].fate = fate;
  plan_.ops[v_].why = why;
}

std::string OpMapper::name(const char* what) const {
  return writer_.round() > 0
             ? fmt::format("{} of {}, round {}", what, op(v_).label, writer_.round())
             : fmt::format("{} of {}", what, op(v_).label);
}

OpMapper::Bytes OpMapper::hbm_bytes(const Op& op) const {
  Bytes sum;
  for (const Access& a : op.accesses)
    (a.direction == Direction::read ? sum.read : sum.written) += a.bytes;
  return sum;
}

int OpMapper::stream_of(const Op& op) {
  const EngineInfo& engine = machine_.engines()[static_cast<std::size_t>(op.engine)];
  const Device& device = machine_.devices()[static_cast<std::size_t>(engine.device)];
  if (device.kind != "gpu")
    throw NotExecutable(fmt::format("{}: {} is not a GPU's", op.label, engine.name));
  if (machine_.ranks(op.group) > 1)
    throw NotExecutable(fmt::format("{}: done by {} GPUs together, and one is there", op.label,
                                    machine_.ranks(op.group)));
  if (!plan_.streams.empty() &&
      machine_.engines()[static_cast<std::size_t>(plan_.streams.front())].device != engine.device)
    throw NotExecutable(
        fmt::format("{}: on {}, the second GPU of the step", op.label, engine.name));
  const auto [at, fresh] = stream_of_.emplace(op.engine, static_cast<int>(plan_.streams.size()));
  if (fresh) plan_.streams.push_back(op.engine);
  return at->second;
}

Number OpMapper::number_of(const Op& op) const {
  switch (op.format) {
    case Format::bf16:
      return Number::bf16;
    case Format::fp16:
      return Number::f16;
    case Format::fp32:
    case Format::tf32:
      return Number::f32;
    default:
      throw NotExecutable(
          fmt::format("{}: there are no kernels for {}", op.label, terrace::name_of(op.format)));
  }
}

void OpMapper::map(OpVertex v, std::int64_t round) {
  const Op& o = op(v);
  v_ = v;
  if (o.kind == OpKind::host_compute) {
    writer_.begin(v, round, 0);
    return fate(Fate::left_out, "time on the host is no part of the GPU's step");
  }
  if (o.kind == OpKind::collective)
    throw NotExecutable(fmt::format("{}: a collective needs more than one GPU", o.label));
  if (o.kind == OpKind::in_storage_attention)
    throw NotExecutable(fmt::format("{}: there is no such storage", o.label));
  writer_.begin(v, round, stream_of(o));
  enter_layer(v);
  switch (o.kind) {
    case OpKind::gemm:
      return gemm(o);
    case OpKind::attention_decode:
      return decode(o);
    case OpKind::attention_prefill:
      return prefill(o);
    case OpKind::elementwise:
      return elementwise(o);
    case OpKind::gather:
      return gather(o);
    case OpKind::topk:
      return select(o);
    case OpKind::codec:
      return codec(o);
    case OpKind::copy:
      return copy(o);
    default:
      throw NotExecutable(fmt::format("{}: not known", o.label));
  }
}

Operand OpMapper::weight_of(const Op& op, std::size_t bytes) {
  if (slot_ < 0 || is(op, "lm_head")) return writer_.buffer(name("weights"), bytes);
  const Operand& slot = slots_[static_cast<std::size_t>(slot_)];
  const Operand out = {slot.buffer, slot_at_, bytes};
  slot_at_ += (bytes + 255) / 256 * 256;
  if (slot_at_ > slot.bytes + 4096)
    throw NotExecutable(fmt::format("{}: more weights than were fetched", op.label));
  return out;
}

void OpMapper::gemm(const Op& op) {
  if (op.gemm.k <= 0) return stream(op, "no shape");
  if (op.gemm.count != 1)
    throw NotExecutable(fmt::format("{}: there is no kernel for {:.0f} matrices at a time",
                                    op.label, op.gemm.count));
  if (bits_of(op.gemm.weights) != bits_of(op.format))
    throw NotExecutable(fmt::format("{}: there is no kernel for weights in {}", op.label,
                                    terrace::name_of(op.gemm.weights)));
  GemmArgs g;
  g.number = g.out = number_of(op);
  g.m = count_of(op.gemm.m);
  g.n = count_of(op.gemm.n);
  g.k = count_of(op.gemm.k);
  const auto width = static_cast<std::size_t>(bytes_of(g.number));
  const auto size = [&](int a, int b) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * width;
  };
  Roles roles = {op.label, "operand", "product"};
  for (const Roles& r : matrix_roles)
    if (is(op, r.label)) roles = r;
  const Operand a = writer_.role(roles.in, size(g.m, g.k)),
                c = writer_.role(roles.out, size(g.m, g.n));
  const Operand b = weight_of(op, size(g.n, g.k));
  writer_.launch({{a}, {b}, {c, Use::write}}, [=](const Addresses& at) mutable {
    g.a = at(a);
    g.b = at(b);
    g.c = at(c);
    return Call(g);
  });
}

void OpMapper::elementwise(const Op& op) {
  const std::string label = op.label;
  if (label == "attention_norm" || label == "mlp_norm" || label == "final_norm") return norm(op);
  if (label == "rope") return rope(op);
  if (label == "gate" || label == "activation") return gate(op);
  if (label == "argmax") return argmax(op);
  if (label == "kv_compact") return compact(op);
  stream(op, "no kernel of its own");
}

void OpMapper::norm(const Op& op) {
  const Bytes b = hbm_bytes(op);
  RmsNormArgs n;
  n.number = number_of(op);
  const double state = b.written / 2;  // the residual and what is normed
  // The layer's width is that of the matrix that follows.
  n.columns = 0;
  for (OpVertex v = v_; v < plan_.ops.size() && n.columns == 0; ++v)
    if (this->op(v).kind == OpKind::gemm) n.columns = count_of(this->op(v).gemm.k);
  const double row = n.columns * bytes_of(n.number);
  if (n.columns == 0 || b.written <= 0 || b.read > 2.5 * state)
    return stream(op, "not a norm of one residual");
  n.rows = count_of(state / row);
  const std::size_t bytes = whole(n.rows * row);
  const Operand in = writer_.role("hidden", bytes), residual = writer_.role("residual", bytes);
  const Operand out = writer_.role("normed", bytes),
                weight = writer_.buffer(name("weight"), whole(row));
  writer_.launch({{in}, {residual, Use::both}, {weight}, {out, Use::write}},
                 [=](const Addresses& at) mutable {
                   n.in = at(in);
                   n.residual = at(residual);
                   n.weight = at(weight);
                   n.out = at(out);
                   return Call(n);
                 });
}

void OpMapper::rope(const Op& op) {
  const OpVertex attention = attention_of(v_);
  if (attention == OpGraph::null_vertex()) return stream(op, "no attention follows");
  const AttentionOp s = attention_op(this->op(attention));
  RopeArgs r;
  r.number = number_of(op);
  r.heads = s.heads + s.kv_heads;
  r.head_dim = s.head_dim;
  r.pairs = s.head_dim / 2;
  r.stride = s.qkv_stride();
  r.rows = count_of(hbm_bytes(op).written / (r.heads * r.head_dim * bytes_of(r.number)));
  const std::size_t bytes = static_cast<std::size_t>(r.rows) * static_cast<std::size_t>(r.stride) *
                            static_cast<std::size_t>(bytes_of(r.number));
  const Operand data = writer_.role("qkv", bytes);
  // Rows that pad the batch to a captured size stand at the first position.
  std::vector<std::int32_t> positions = s.positions_of_rows();
  positions.resize(static_cast<std::size_t>(r.rows), 0);
  const Operand where = writer_.table(name("positions"), positions);
  const Operand table = writer_.role(
      "rotation", static_cast<std::size_t>(s.longest) * static_cast<std::size_t>(r.pairs) * 8);
  writer_.launch({{data, Use::both}, {where}, {table}}, [=](const Addresses& at) mutable {
    r.data = at(data);
    r.positions = at.as<std::int32_t>(where);
    r.table = at.as<float>(table);
    return Call(r);
  });
}

void OpMapper::gate(const Op& op) {
  const Bytes b = hbm_bytes(op);
  SiluMulArgs g;
  g.number = number_of(op);
  g.gated = b.read > 1.5 * b.written;
  for (OpVertex v = v_; v < plan_.ops.size() && g.columns == 0; ++v)
    if (this->op(v).kind == OpKind::gemm) g.columns = count_of(this->op(v).gemm.k);
  if (g.columns == 0) return stream(op, "no matrix follows");
  g.rows = count_of(b.written / (g.columns * bytes_of(g.number)));
  const Operand in = writer_.role("gate_up", whole(b.read));
  const Operand out = writer_.role("activated", whole(b.written));
  writer_.launch({{in}, {out, Use::write}}, [=](const Addresses& at) mutable {
    g.in = at(in);
    g.out = at(out);
    return Call(g);
  });
}

void OpMapper::argmax(const Op& op) {
  double columns = 0;
  for (OpVertex v = 0; v < v_; ++v)
    if (this->op(v).kind == OpKind::gemm) columns = this->op(v).gemm.n;
  if (columns <= 0) return stream(op, "no logits before it");
  ArgmaxArgs a;
  a.columns = count_of(columns);
  a.rows = count_of(hbm_bytes(op).read / (4 * columns));
  const Operand in = writer_.role("scores", whole(hbm_bytes(op).read));
  const Operand out = writer_.role("tokens", static_cast<std::size_t>(a.rows) * 4);
  writer_.launch({{in}, {out, Use::write}}, [=](const Addresses& at) mutable {
    a.in = at(in);
    a.out = at.as<std::int32_t>(out);
    return Call(a);
  });
}

// Rows of a table at random places; what is written is as dense as the graph says.
void OpMapper::gather(const Op& op) {
  double read = 0, run = 0;
  bool host = false;  // a kernel reads it over the link
  for (const Access& a : op.accesses)
    if (a.direction == Direction::read && a.bytes > read) {
      read = a.bytes;
      run = a.run_length;
      const auto device = static_cast<std::size_t>(machine_.tier(a.tier).device);
      host = machine_.devices()[device].kind == "host";
      if (!host && machine_.devices()[device].kind != "gpu")
        throw NotExecutable(fmt::format("{}: {} is not reached by a kernel here", op.label,
                                        machine_.tier(a.tier).name));
    }
  const auto row = static_cast<std::int64_t>(std::isfinite(run) ? std::floor(run / 16) * 16 : 0);
  if (row < 16) return stream(op, "runs shorter than 16 B, or one");
  GatherArgs g;
  g.row_bytes = g.source_stride = row;
  g.rows = std::max<std::int64_t>(1, std::llround(read / static_cast<double>(row)));
  // A table as large as what is gathered; in HBM 256 MiB at least: larger than any L2.
  const std::int64_t rows =
      std::max<std::int64_t>(g.rows, host ? 0 : (std::int64_t{256} << 20) / row);
  std::vector<std::int32_t> index(static_cast<std::size_t>(g.rows));
  std::uint64_t state = options_.seed;
  for (std::int32_t& i : index) {  // Knuth's linear congruential generator, its high bits
    state = state * 6364136223846793005U + 1442695040888963407U;
    i = static_cast<std::int32_t>((state >> 33) % static_cast<std::uint64_t>(rows));
  }
  const bool embedding = is(op, "embedding"), selected = is(op, "select_rows");
  const Operand which = writer_.table(name("index"), index);
  const auto size = static_cast<std::size_t>(rows * row);
  const Operand table = host ? writer_.buffer(name("source"), size, Space::pinned)
                             : writer_.role("gathered table", size);
  const Operand out = writer_.role(embedding  ? "hidden"
                                   : selected ? "selected"
                                              : "gathered",
                                   static_cast<std::size_t>(g.rows * row));
  writer_.launch({{table}, {which}, {out, Use::write}}, [=](const Addresses& at) mutable {
    g.in = at(table);
    g.index = at.as<std::int32_t>(which);
    g.out = at(out);
    return Call(g);
  });
}

void OpMapper::stream(const Op& op, const std::string& why) {
  fate(Fate::stand_in, why);
  const Bytes b = hbm_bytes(op);
  StreamArgs s;
  s.read_vectors = static_cast<std::int64_t>(b.read / 16);
  s.written_vectors = static_cast<std::int64_t>(b.written / 16);
  const std::int64_t vectors = std::max<std::int64_t>({1, s.read_vectors, s.written_vectors});
  s.blocks = static_cast<int>(
      std::min<std::int64_t>(8 * options_.multiprocessors, ceil_div(vectors, std::int64_t{256})));
  const Operand in = writer_.role(fmt::format("read by {}", op.label), whole(b.read) + 16);
  const Operand out = writer_.role(fmt::format("written by {}", op.label), whole(b.written) + 16);
  writer_.launch({{in}, {out, Use::write}}, [=](const Addresses& at) mutable {
    s.in = at(in);
    s.out = at(out);
    return Call(s);
  });
}

}  // namespace terrace::cuda
