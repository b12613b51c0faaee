// GPU memory micro-benchmarks: streaming kernels, and reading the same array again and again.
// Source: mem.csv of the shared data (te42kyfo/gpu-benches). A stream that fills the GPU is an
// elementwise kernel over arrays far larger than the L2; a loop inside a kernel over F bytes reads
// them at a reuse distance of F. State: none.
#include <fmt/format.h>

#include <map>

#include "validate/measured/measured_set.h"
#include "validate/measured/op_bench.h"
#include "validate/measured/table.h"

namespace terrace::validate {
namespace {

constexpr double array = 4e9;  // B

struct Stream {
  double read, written;  // arrays
};

// Without the launch, which the loops of the benchmarks do not see.
double bytes_per_second(const KernelBench& bench, double read, double written, double reuse) {
  Op op;
  op.kind = OpKind::elementwise;
  op.in_graph = true;
  const double launch = bench.seconds(op);
  op.reads(bench_memory, read, reuse);
  op.writes(bench_memory, written, reuse);
  return (read + written) / (bench.seconds(op) - launch);
}

std::string why_not(const std::string& op, const std::string& shape) {
  if (op == "cache_read_bw") return "the multiprocessors' own cache is not modelled";
  if (op == "load_latency")
    return "one load at a time is a burst-level figure: terrace validate l2_staircase";
  if (shape.find("occupancy_pct=100") == std::string::npos && op.rfind("stream", 0) == 0)
    return "kernels that do not fill the GPU are not modelled";
  return "";
}

class MemoryBenches final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  MemoryBenches(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    enum : std::size_t { source, hardware, op, shape, bytes, value, unit, citation };
    static const std::map<std::string, Stream> streams = {{"stream_init", {0, 1}},
                                                          {"stream_read", {1, 0}},
                                                          {"stream_scale", {1, 1}},
                                                          {"stream_triad", {2, 1}}};
    static const std::map<std::string, const char*> configs = {
        {"A100-SXM-80G", "gpu/a100_80g.yaml"}, {"A100-40G", "gpu/a100_40g.yaml"}};
    std::map<std::string, std::unique_ptr<KernelBench>> benches;
    Table table(task.data + "mem.csv",
                {{"source"},
                 {"hardware"},
                 {"op"},
                 {"model_or_shape"},
                 {"bytes"},
                 {"value"},
                 {"unit"},
                 {"citation"}},
                {"n_gpu", "dtype", "m", "n", "k", "batch", "q_len", "kv_len", "q_heads", "kv_heads",
                 "head_dim", "metric"});
    while (table.next()) {
      MeasuredRow row;
      row.file = "mem.csv";
      row.line = table.line();
      row.source = table.text(source);
      row.hardware = table.text(hardware);
      row.what = table.text(op);
      row.shape = table.text(shape);
      row.value = table.number(value);
      row.unit = table.text(unit);
      row.citation = table.text(citation);
      const auto config = configs.find(row.hardware);
      const std::string reason =
          config == configs.end() ? "no config of " + row.hardware : why_not(row.what, row.shape);
      if (!reason.empty() || !(row.value > 0)) {
        task.errors.left_out(row.source, reason);
        continue;
      }
      std::unique_ptr<KernelBench>& bench = benches[row.hardware];
      if (!bench) bench = std::make_unique<KernelBench>(config->second);
      const double footprint = table.text(bytes).empty() ? array : table.number(bytes, 1);
      const auto stream = streams.find(row.what);
      const double predicted = stream != streams.end()
                                   ? bytes_per_second(*bench, stream->second.read * array,
                                                      stream->second.written * array, 1e12)
                                   : bytes_per_second(*bench, footprint, 0, footprint);
      task.errors.compared(row,
                           {RowClass::Section::operators, row.source, "memory",
                            stream != streams.end() ? "memory, streams" : "memory, L2 and beyond"},
                           predicted * 1e-9);
    }
    table.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, MemoryBenches, "memory_benches",
                 "streams and repeated reads of GPU memory");

}  // namespace
}  // namespace terrace::validate
