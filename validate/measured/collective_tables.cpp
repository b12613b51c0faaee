// Collectives of the operator tables: NCCL, and the all-reduce kernels of vLLM and TensorRT-LLM.
// Source: ai-dynamo/aiconfigurator; sizes are in elements, of the whole buffer of a rank. Calls
// outside of a graph take what their Python caller takes, which is no collective's time.
// State: none.
#include <fmt/format.h>

#include "validate/measured/op_tables.h"

namespace terrace::validate {
namespace {

class CollectiveTables final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  CollectiveTables(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    each_table(task, "comm", "nccl",
               [&](const OpTable& t) { compare(task, t, "nccl_dtype", false); });
    each_table(task, "comm", "custom_allreduce",
               [&](const OpTable& t) { compare(task, t, "allreduce_dtype", true); });
  }

 private:
  static void compare(const Task& task, const OpTable& table, const char* dtype_column,
                      bool shots) {
    static const std::map<std::string, Collective> kinds = {
        {"all_reduce", Collective::all_reduce},
        {"all_gather", Collective::all_gather},
        {"reduce_scatter", Collective::reduce_scatter},
        {"alltoall", Collective::all_to_all}};
    CollectiveBench bench(table.gpu->system);
    enum : std::size_t { source, dtype, gpus, size, latency, op };
    Table rows(table.path,
               {{"kernel_source"},
                {dtype_column},
                {"num_gpus"},
                {"message_size"},
                {"latency"},
                {"op_name"}},
               {"framework", "version", "device", "implementation", "backend"});
    while (rows.next()) {
      const double elements = rows.number(size, 1), measured = rows.number(latency);
      const double count = rows.number(gpus, 2);
      if (!(elements > 0 && measured > 0 && count >= 2)) continue;
      const std::string name = rows.text(op), from = rows.text(source);
      const std::string family = table.library == "nccl"
                                     ? fmt::format("NCCL {}, {}", table.version, name)
                                     : fmt::format("{}, {}", table.family(name), from);
      const auto kind = kinds.find(name);
      if (kind == kinds.end() || from == "vLLM_custom_eager") {
        task.errors.left_out(family, kind == kinds.end()
                                         ? "collective not known"
                                         : "called outside of graphs: the Python caller's time");
        continue;
      }
      const double bytes = elements * (rows.text(dtype) == "int8" ? 1 : 2);
      MeasuredRow row = row_of(table, rows.line(), measured);
      row.gpus = static_cast<int>(count);
      row.dtype = rows.text(dtype);
      row.what = name;
      row.shape = fmt::format("{} B, {}", bytes, from);
      task.errors.compared(row,
                           {RowClass::Section::operators, family, "collective",
                            bytes <= 65536     ? "collective, ≤ 64 KiB"
                            : bytes <= 1 << 20 ? "collective, ≤ 1 MiB"
                                               : "collective, > 1 MiB"},
                           bench.seconds(kind->second, row.gpus, bytes, shots) * 1e3);
    }
    rows.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, CollectiveTables, "collective_tables",
                 "collectives, operator tables");

}  // namespace
}  // namespace terrace::validate
