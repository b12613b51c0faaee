// Rows over many GPUs and libraries that are in no operator table of their own.
// Source: ops_sample.csv of the shared data. Vidur and LLMCompass time layers one after another, so
// that weights come from memory; the same is assumed of SGLang's rows. State: none.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "validate/measured/op_shapes.h"
#include "validate/measured/op_tables.h"

namespace terrace::validate {
namespace {

enum : std::size_t {
  source,
  hardware,
  gpus,
  op,
  shape,
  dtype,
  m,
  n,
  k,
  batch,
  q_len,
  kv_len,
  q_heads,
  kv_heads,
  head_dim,
  bytes,
  value,
  unit,
  citation
};

const Table::Columns columns = {
    {"source"},   {"hardware"}, {"n_gpu"}, {"op"},    {"model_or_shape"}, {"dtype"},   {"m"},
    {"n"},        {"k"},        {"batch"}, {"q_len"}, {"kv_len"},         {"q_heads"}, {"kv_heads"},
    {"head_dim"}, {"bytes"},    {"value"}, {"unit"},  {"citation"}};

struct SampleGpu {
  const char *config, *system;
};
const std::map<std::string, SampleGpu> known_gpus = {
    {"H100-SXM-80G", {"gpu/h100_sxm.yaml", "systems/h100_sxm_x8.yaml"}},
    {"A100-SXM-80G", {"gpu/a100_80g.yaml", "systems/a100_80g_x8.yaml"}},
    {"A100 (4x node)", {"gpu/a100_80g.yaml", nullptr}},
    {"L40S-48G", {"gpu/l40s.yaml", nullptr}},
    {"RTX4090-24G", {"gpu/rtx4090.yaml", nullptr}},
    {"RTXA6000-48G", {"gpu/rtx_a6000.yaml", nullptr}}};

bool begins(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

// Llama-3.1-8B's matrices, of which such rows give the tokens only.
const std::map<std::string, GemmProblem> llama_8b = {
    {"layer:qkv_proj", {0, 6144, 4096}},   {"layer:q_proj", {0, 4096, 4096}},
    {"layer:k_proj", {0, 1024, 4096}},     {"layer:v_proj", {0, 1024, 4096}},
    {"layer:o_proj", {0, 4096, 4096}},     {"layer:gate_up_proj", {0, 28672, 4096}},
    {"layer:gate_proj", {0, 14336, 4096}}, {"layer:up_proj", {0, 14336, 4096}},
    {"layer:down_proj", {0, 4096, 14336}}, {"layer:lm_head", {0, 128256, 4096}}};

double after(const std::string& text, const std::string& key) {
  const auto at = text.find(key + "=");
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + key.size() + 1);
}

struct Sample {
  Table& table;
  std::string of(std::size_t column) const { return table.text(column); }
  double number(std::size_t column) const { return std::atof(of(column).c_str()); }
};

std::string why_not(const Sample& s) {
  const std::string from = s.of(source), what = s.of(op);
  for (const char* whole : {"aiconfigurator trtllm", "aiconfigurator vllm", "aiconfigurator nccl"})
    if (begins(from, whole) && (begins(what, "gemm") || begins(what, "attention") ||
                                begins(what, "nccl") || begins(what, "custom")))
      return "in the operator tables, which are compared whole";
  if (begins(from, "te42kyfo")) return "in mem.csv, which is compared whole";
  if (known_gpus.count(s.of(hardware)) == 0) return "no such GPU is shipped";
  if (s.of(unit) != "us") return "a rate of an unnamed shape";
  if (begins(what, "mla")) return "latent attention on its own is not expressed";
  if (begins(what, "fused_moe")) return "routing of experts by a power law is not expressed";
  return "";
}

struct Prediction {
  double seconds = 0;
  const char* op = "";
  std::string size, shape;
};

class Bench {
 public:
  explicit Bench(const SampleGpu& gpu) : gpu_(gpu), kernels_(gpu.config) {}

  // Nothing where the row is of another kind; `why` then says why.
  std::optional<Prediction> predict(const Sample& s, std::string& why) {
    const std::string what = s.of(op);
    if (begins(what, "gemm")) return gemm(s, {s.number(m), s.number(n), s.number(k)}, why);
    if (begins(what, "layer:")) return layer(s, what, why);
    if (what == "attention_mixed_batch") return mixed(s, why);
    if (begins(what, "attention")) return attention(s);
    if (begins(what, "nccl")) return collective(s, what, why);
    why = "not known";
    return std::nullopt;
  }

 private:
  std::optional<Prediction> gemm(const Sample& s, GemmProblem p, std::string& why) const {
    const std::string name = s.of(dtype);
    const GemmType* type =
        gemm_type(name == "fp16" || name == "bf16" ? std::string("bfloat16") : name);
    if (type == nullptr || !(p.m > 0 && p.n > 0 && p.k > 0)) {
      why = "its number format or shape is not known";
      return std::nullopt;
    }
    constexpr double copies = 64;  // of the weights: never in the L2
    return Prediction{gemm_seconds(kernels_, *type, p, {copies}), "gemm", gemm_size(p),
                      fmt::format("m={} n={} k={}", p.m, p.n, p.k)};
  }

  std::optional<Prediction> layer(const Sample& s, const std::string& what,
                                  std::string& why) const {
    const auto found = llama_8b.find(what);
    const std::string model = s.of(shape);
    if (found == llama_8b.end() || model.find("Llama-3.1-8B tp1") == std::string::npos) {
      why = "only matrices of Llama-3.1-8B on one GPU are expressed";
      return std::nullopt;
    }
    GemmProblem p = found->second;
    p.m = s.number(m);
    return gemm(s, p, why);
  }

  std::optional<Prediction> attention(const Sample& s) const {
    const bool decode = s.of(op) == "attention_decode";
    const AttentionProblem p{s.number(batch),   s.number(q_len),    s.number(kv_len),  0,
                             s.number(q_heads), s.number(kv_heads), s.number(head_dim)};
    const std::string types = s.of(dtype);
    const Op made =
        attention_op(p, decode, begins(types, "q=fp8") ? Format::fp8 : Format::bf16,
                     types.find("kv=fp8") != std::string::npos ? Format::fp8 : Format::bf16);
    return Prediction{kernels_.seconds(made), decode ? "decode attention" : "prefill attention",
                      attention_size(made, decode, kernels_.params().l2.capacity.value()),
                      fmt::format("batch={} tokens={} heads={}/{} dim={}", p.batch, p.keys, p.heads,
                                  p.kv_heads, p.head_dim)};
  }

  // A chunk of a prompt and decoding sequences in one launch, heads of Llama-3.1-8B.
  std::optional<Prediction> mixed(const Sample& s, std::string& why) const {
    const std::string text = s.of(shape);
    const double chunk = after(text, "chunk"), past = after(text, "kv_prefill"),
                 sequences = after(text, "n_decode"), kv = after(text, "kv_decode");
    if (chunk <= 0) {
      why = "no prompt in the batch";
      return std::nullopt;
    }
    const AttentionProblem prompt{1, chunk, past + chunk, 0, 32, 8, 128};
    Op made = attention_op(prompt, false, Format::bf16, Format::bf16);
    AttentionShape& a = made.attention;
    a.sequences = sequences + 1;
    a.query_tokens = chunk + sequences;
    a.kv_tokens += sequences * kv;
    a.pairs = chunk * past + chunk * (chunk + 1) / 2 + sequences * kv;
    a.longest_kv = std::max(past + chunk, sequences > 0 ? kv : 0);
    a.decode_sequences = sequences;
    a.decode_kv_tokens = sequences * kv;
    made.flops = 4 * a.pairs * a.q_heads * a.head_dim;
    made.accesses.clear();
    made.reads(bench_memory, a.kv_tokens * 4096, a.kv_tokens * 4096);
    return Prediction{kernels_.seconds(made), "prefill attention",
                      attention_size(made, false, kernels_.params().l2.capacity.value()), text};
  }

  std::optional<Prediction> collective(const Sample& s, const std::string& what, std::string& why) {
    static const std::map<std::string, Collective> kinds = {
        {"nccl_all_reduce", Collective::all_reduce}, {"nccl_send_recv", Collective::send}};
    const auto kind = kinds.find(what);
    const double in_node = after(s.of(shape), "devices_per_node");
    const auto ranks = static_cast<int>(s.number(gpus));
    if (kind == kinds.end() || gpu_.system == nullptr || in_node < ranks) {
      why = in_node < ranks ? "between nodes of an unknown network" : "not known";
      return std::nullopt;
    }
    if (!links_) links_ = std::make_unique<CollectiveBench>(gpu_.system);
    const double size = s.number(bytes);
    return Prediction{links_->seconds(kind->second, ranks, size, false), "collective",
                      size <= 65536     ? "collective, ≤ 64 KiB"
                      : size <= 1 << 20 ? "collective, ≤ 1 MiB"
                                        : "collective, > 1 MiB",
                      fmt::format("{} B", size)};
  }

  SampleGpu gpu_;
  KernelBench kernels_;
  std::unique_ptr<CollectiveBench> links_;
};

class OpsSample final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  OpsSample(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    std::map<std::string, std::unique_ptr<Bench>> benches;
    Table table(task.data + "ops_sample.csv", columns, {"metric"});
    while (table.next()) {
      const Sample s{table};
      const std::string what = s.of(op);
      const std::string family =
          fmt::format("{}, {}", what.substr(0, what.find(':')), s.of(source));
      std::string why = why_not(s);
      std::optional<Prediction> p;
      if (why.empty()) {
        std::unique_ptr<Bench>& bench = benches[s.of(hardware)];
        if (!bench) bench = std::make_unique<Bench>(known_gpus.at(s.of(hardware)));
        p = bench->predict(s, why);
      }
      if (!p) {
        task.errors.left_out(family, why);
        continue;
      }
      MeasuredRow row;
      row.file = "ops_sample.csv";
      row.line = table.line();
      row.source = s.of(source);
      row.hardware = s.of(hardware);
      row.gpus = std::max(1, static_cast<int>(s.number(gpus)));
      row.dtype = s.of(dtype);
      row.what = what;
      row.shape = p->shape;
      row.value = table.number(value);
      row.unit = "us";
      row.citation = s.of(citation);
      task.errors.compared(row, {RowClass::Section::operators, family, p->op, p->size},
                           p->seconds * 1e6);
    }
    table.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, OpsSample, "ops_sample",
                 "operators that are in no table of their own");

}  // namespace
}  // namespace terrace::validate
