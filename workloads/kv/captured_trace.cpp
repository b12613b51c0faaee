// Layers of a trace file as views.
#include "workloads/kv/captured_trace.h"

namespace terrace {

CapturedTrace::CapturedTrace(const KvTrace& file, bool inputs, std::vector<std::uint8_t> tags)
    : shape_(file.header().shape), tokens_(file.header().tokens()), tags_(std::move(tags)) {
  const KvTraceHeader& header = file.header();
  std::vector<TraceTensor> wanted = {TraceTensor::q, TraceTensor::k, TraceTensor::v};
  if (inputs)
    for (const TraceTensor t :
         {TraceTensor::x, TraceTensor::residual, TraceTensor::wq, TraceTensor::wk, TraceTensor::wv})
      if (header.holds(t)) wanted.push_back(t);
  shape_.layers = static_cast<std::int64_t>(header.layers.size());
  for (const std::int64_t l : header.layers) layers_.push_back(file.layer(l, wanted));
}

TraceTensors CapturedTrace::layer(std::int64_t layer) const {
  const KvTraceLayer& from = layers_[static_cast<std::size_t>(layer)];
  TraceTensors t;
  for (std::int64_t h = 0; h < shape_.heads; ++h) t.q.emplace_back(from.q(h));
  for (std::int64_t h = 0; h < shape_.kv_heads; ++h) t.k.emplace_back(from.k(h));
  for (std::int64_t h = 0; h < shape_.kv_heads; ++h) t.v.emplace_back(from.v(h));
  t.x = from.x();
  t.residual = from.residual();
  t.weights = from.weights();
  return t;
}

}  // namespace terrace
