// Attention of the operator tables, prefill and decode.
// Source: ai-dynamo/aiconfigurator; repeated on the same buffers, so that what fits in the L2 is
// there. A decode row has isl + step keys a sequence. A window limits what a query sees. fp8 caches
// are read as fp8; queries in fp8 multiply in fp8. TensorRT-LLM's prefill rotates Q and K and
// writes the cache in a kernel of its own before (attentionOp.cpp, invokeQKVPreprocessing). State:
// none.
#include <fmt/format.h>

#include "validate/measured/op_shapes.h"
#include "validate/measured/op_tables.h"

namespace terrace::validate {
namespace {

enum : std::size_t {
  source,
  batch,
  isl,
  heads,
  kv_heads,
  head_dim,
  window,
  beam,
  attn,
  kv_type,
  step,
  latency
};

const Table::Columns columns = {{"kernel_source"},
                                {"batch_size"},
                                {"isl"},
                                {"num_heads"},
                                {"num_key_value_heads"},
                                {"head_dim"},
                                {"window_size", false},
                                {"beam_width"},
                                {"attn_dtype"},
                                {"kv_cache_dtype"},
                                {"step"},
                                {"latency"}};

Op preprocessing(const AttentionProblem& s, Format arithmetic, Format cache) {
  Op op;
  op.kind = OpKind::elementwise;
  op.in_graph = true;
  const double q = s.batch * s.queries * s.heads * s.head_dim,
               kv = s.batch * s.queries * 2 * s.kv_heads * s.head_dim,
               written = q * bytes_of(arithmetic) + kv * bytes_of(cache);
  op.flops = 6 * (q + kv / 2);  // of a rotation
  op.reads(bench_memory, (q + kv) * 2, (q + kv) * 2 + 2 * written);
  op.writes(bench_memory, written, (q + kv) * 2 + 2 * written);
  return op;
}

class AttentionTables final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  AttentionTables(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    for (const bool decode : {false, true})
      each_table(task, "attention", decode ? "generation_attention" : "context_attention",
                 [&](const OpTable& table) { compare(task, table, decode); });
  }

 private:
  static void compare(const Task& task, const OpTable& table, bool decode) {
    const KernelBench bench(table.gpu->config);
    Table rows(table.path, columns, ignored_columns());
    for (std::size_t i = 0; rows.next(); ++i) {
      if (i % task.every != 0) continue;
      AttentionProblem s;
      const double prompt = rows.number(isl);
      s.batch = rows.number(batch, 1);
      s.queries = decode ? 1 : prompt;
      s.keys = decode ? prompt + rows.number(step) : prompt;
      s.window = rows.has(window) ? rows.number(window) : 0;
      s.heads = rows.number(heads, 1);
      s.kv_heads = rows.number(kv_heads, 1);
      s.head_dim = rows.number(head_dim, 1);
      const double measured = rows.number(latency);
      if (!(measured > 0 && s.keys > 0 && s.batch > 0 && s.heads > 0 && s.kv_heads > 0)) continue;
      const std::string types = rows.text(attn) + ", cache " + rows.text(kv_type);
      const Format arithmetic = rows.text(attn) == "fp8" ? Format::fp8 : Format::bf16,
                   cache = rows.text(kv_type) == "fp8" ? Format::fp8 : Format::bf16;
      const Op op = attention_op(s, decode, arithmetic, cache);
      double seconds = bench.seconds(op);
      if (!decode && table.library == "trtllm")
        seconds += bench.seconds(preprocessing(s, arithmetic, cache));
      MeasuredRow row = row_of(table, rows.line(), measured);
      row.dtype = types;
      row.what = decode ? "decode attention" : "prefill attention";
      row.shape = fmt::format("batch={} tokens={} heads={}/{} dim={} window={}, {}", s.batch,
                              s.keys, s.heads, s.kv_heads, s.head_dim, s.window, rows.text(source));
      const std::string family = fmt::format("{}, {} {}, {}{}", row.what, table.library,
                                             table.version, types, s.window > 0 ? ", window" : "");
      task.errors.compared(row,
                           {RowClass::Section::operators, family, row.what,
                            attention_size(op, decode, bench.params().l2.capacity.value())},
                           seconds * 1e3);
    }
    rows.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, AttentionTables, "attention_tables",
                 "prefill and decode attention, operator tables");

}  // namespace
}  // namespace terrace::validate
