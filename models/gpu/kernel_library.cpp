// Which kernel does which kind of op, and what their accesses come to.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "models/gpu/kernel_time.h"

namespace terrace {
namespace {

struct Entry {
  OpKind kind;
  std::unique_ptr<Kernel> (*make)(const GpuParams&);
};
constexpr Entry entries[] = {
    {OpKind::gemm, make_gemm},
    {OpKind::attention_prefill, make_attention_prefill},
    {OpKind::attention_decode, make_attention_decode},
    {OpKind::elementwise, make_elementwise},
    {OpKind::gather, make_gather},
    {OpKind::topk, make_topk},
    {OpKind::codec, make_codec},
    {OpKind::copy, make_elementwise},  // by a kernel, when it runs on a stream
};

}  // namespace

KernelLibrary::KernelLibrary(const GpuParams& params) : params_(params) {
  params_.memory.connect("memory", Fidelity::flow);  // where no machine has done so
  for (const Entry& e : entries) kernels_[static_cast<std::size_t>(e.kind)] = e.make(params_);
}

Traffic KernelLibrary::traffic(const Op& op, TierId local) const {
  return traffic_of(op, local, params_.memory,
                    [&](const Access& a) { return params_.l2.holds(a); });
}

KernelTime KernelLibrary::time(const Op& op, const Traffic& traffic) const {
  const Kernel* kernel = kernels_[static_cast<std::size_t>(op.kind)].get();
  if (!kernel)
    throw std::logic_error(std::string("a GPU has no kernel for ") + name_of(op.kind) + " (" +
                           op.label + ")");
  KernelTime t = kernel->time(op, traffic);
  t.mix = traffic.mix;
  if (!op.in_graph) {
    const double least = params_.kernels.launch_in_stream.value();
    t.latency += std::max(0.0, least - t.seconds());
  }
  return t;
}

}  // namespace terrace
