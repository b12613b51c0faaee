// What starting a kernel costs: one that does nothing, alone and in a row, launched by the host and
// replayed from a graph.
// Source: events of the device around empty kernels; the host's clock for what it waits for.
// State: none.
#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/graph.h"

namespace terrace::cuda {
namespace {

class Launch final : public BenchGroup {
 public:
  Launch(const Params&, const Context&) {}

  std::vector<Case> cases(bool quick) const override {
    std::vector<Case> out;
    for (const char* name : {"alone", "waited", "row", "graph"}) {
      const bool many = std::string(name) == "row" || std::string(name) == "graph";
      for (const double kernels :
           many ? geometric(quick ? 100 : 10, quick ? 100 : 1000, 10) : std::vector<double>{1}) {
        Case c;
        c.name = name;
        c.with("kernels", kernels);
        out.push_back(c);
      }
    }
    return out;
  }

  Sample measure(const Case& c, Timer& timer) override {
    const int kernels = static_cast<int>(c["kernels"]);
    const Stream& s = timer.stream();
    const auto launch = [&] {
      for (int i = 0; i < kernels; ++i) launch_empty(s);
    };
    const auto waited = [&](const std::function<void()>& work) {
      return timer.on_host([&] {
        work();
        s.synchronize();
      });
    };
    Sample sample;
    if (c.name == "alone") {
      sample = timer.on_device(c, launch);
    } else if (c.name == "graph") {
      const Graph graph(s, launch);
      sample = waited([&] { graph.launch(s); });
    } else {
      sample = waited(launch);
    }
    for (double& seconds : sample) seconds /= kernels;
    return sample;
  }

  std::vector<Op> ops(const Case& c, const MachineParts& parts) const override {
    if (c.name == "waited") return {};
    Op op = parts.kernel(OpKind::elementwise, "empty");
    op.in_graph = c.name != "row";
    op.reads(parts.hbm, 1, 1);
    return {op};
  }
  std::optional<double> bound(const Case&, const MachineParts&) const override {
    return std::nullopt;  // no work: nothing to divide
  }
};
TERRACE_REGISTER(BenchGroup, Launch, "launch", "launches of empty kernels, alone and in graphs");

}  // namespace
}  // namespace terrace::cuda
