// Each element makes one output: inputs come along the rows, weights down the columns, and finished
// sums are shifted out. Source: SCALE-Sim (Samajdar et al., ISPASS 2020). State: none.
#include <algorithm>

#include "models/accel/dataflow.h"
#include "sim/registry.h"

namespace terrace {
namespace {

double area(std::int64_t x, std::int64_t y) {
  return static_cast<double>(x) * static_cast<double>(y);
}

class OutputStationary final : public Dataflow {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  OutputStationary(const Params&, const Context&) {}

  // The last element starts rows + columns - 2 late; then the sums of a column shift down all rows.
  std::int64_t cycles(ArraySize array, std::int64_t rows, std::int64_t columns,
                      std::int64_t stream) const override {
    return stream + rows + columns - 2 + array.rows;
  }

  // Loops: rows, columns, chunks of k; a chunk is as long as the scratchpads allow, and costs no
  // cycles of its own, as sums stay where they are. Inputs are loaded again for every fold of
  // columns unless all of k fits; weights for every fold of rows unless all of them fit.
  Plan plan(const ArrayGemm& g, ArraySize array, const Scratchpads& pads, double) const override {
    const std::int64_t rows = std::min(array.rows, g.m), columns = std::min(array.columns, g.n);
    const auto vectors = [](double pad, std::int64_t width, double bytes) {
      return std::max<std::int64_t>(
          1, static_cast<std::int64_t>(pad / 2 / (static_cast<double>(width) * bytes)));
    };
    const std::int64_t longest = std::min({g.k, vectors(pads.input, rows, g.input_bytes),
                                           vectors(pads.weight, columns, g.weight_bytes)});
    Plan plan;
    const std::int64_t chunk = fold_count(g.k, fold_count(g.k, longest));
    plan.chunks = fold_count(g.k, chunk);
    plan.nest = {fold_count(g.m, array.rows), fold_count(g.n, array.columns), plan.chunks};
    const bool inputs_stay = area(g.k, rows) * g.input_bytes <= pads.input;
    const bool weights_stay = area(g.k, g.n) * g.weight_bytes <= pads.weight;
    plan.cost = [=, nest = plan.nest](std::int64_t o, std::int64_t m, std::int64_t i) {
      const std::int64_t r = fold_length(g.m, array.rows, o),
                         c = fold_length(g.n, array.columns, m), t = fold_length(g.k, chunk, i);
      const bool last = i == nest.inner - 1;
      Fold f;
      f.cycles = last ? cycles_of(array, r, c, t) : t;
      if (m == 0 || !inputs_stay) f.load += area(t, r) * g.input_bytes;
      if (o == 0 || !weights_stay) f.load += area(t, c) * g.weight_bytes;
      if (last) f.store = area(r, c) * g.output_bytes;
      return f;
    };
    plan.traffic.input_reads = area(g.k, g.m) * static_cast<double>(plan.nest.middle);
    plan.traffic.weight_reads = area(g.k, g.n) * static_cast<double>(plan.nest.outer);
    plan.traffic.output_writes = area(g.m, g.n);
    return plan;
  }

 private:
  static std::int64_t cycles_of(ArraySize array, std::int64_t r, std::int64_t c, std::int64_t t) {
    return t + r + c - 2 + array.rows;
  }
};
TERRACE_REGISTER(Dataflow, OutputStationary, "output_stationary",
                 "outputs stay in the array, inputs and weights stream through");

}  // namespace
}  // namespace terrace
