// A policy's decode steps beside those of the full cache.
#include "workloads/kv/quality.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

#include "workloads/kv/attention_kernel.h"

namespace terrace {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The full cache of one layer: keys and values of every KV head, padded to whole lanes.
struct FullLayer {
  std::vector<std::vector<float>> keys, values;
  std::int64_t wide = 0;

  FullLayer(const TraceTensors& layer, std::int64_t dim) : wide(whole_lanes(dim)) {
    const auto pad = [&](const RowsView& m) {
      std::vector<float> to(at(m.rows * wide), 0.0F);
      for (std::int64_t t = 0; t < m.rows; ++t)
        std::memcpy(to.data() + t * wide, m.row(t), at(dim) * sizeof(float));
      return to;
    };
    for (const RowsView& k : layer.k) keys.push_back(pad(k));
    for (const RowsView& v : layer.v) values.push_back(pad(v));
  }
};

class Measurement {
 public:
  Measurement(const KvPolicy& policy, const AttentionTrace& trace, const QualityOptions& options)
      : trace_(trace), shape_(trace.shape()), o_(options) {
    result_.layers = shape_.layers;
    result_.heads = shape_.heads;
    result_.kv_heads = shape_.kv_heads;
    result_.tokens = trace.tokens();
    result_.prompt = o_.prompt > 0 ? o_.prompt : trace.tokens() / 2;
    if (result_.prompt >= trace.tokens())
      throw BuildError("prompt", "leaves no token of the trace to decode");
    result_.of_head.resize(at(shape_.layers * shape_.heads));
    result_.prefill_work.resize(kv_work_count * 4);
    result_.decode_work.resize(kv_work_count * 4);
    for (std::int64_t l = 0; l < shape_.layers; ++l) layers_.push_back(trace.layer(l));
    CacheSetup setup;
    setup.shape = shape_;
    setup.seed = o_.seed;
    setup.calibration = o_.calibration;
    setup.plans = o_.plans;
    setup.tags = trace.tags();
    for (const TraceTensors& l : layers_) setup.weights.push_back(l.weights);
    if (o_.guide > 0)
      for (const TraceTensors& l : layers_)
        for (const RowsView& q : l.q)
          setup.guide.push_back(q.from(std::max<std::int64_t>(0, result_.prompt - o_.guide),
                                       std::min(o_.guide, result_.prompt)));
    cache_ = std::make_unique<PolicyCache>(policy, std::move(setup));
    cache_->observe_reads(
        [this](std::int64_t, std::int64_t head, const std::vector<std::int32_t>& positions) {
          read_[at(head)] = positions;
        });
    read_.resize(at(shape_.kv_heads));
  }

  TraceQuality run() {
    const auto start = std::chrono::steady_clock::now();
    prefill();
    const std::int64_t block = cache_->couples_layers() ? 1 : 32;
    std::vector<std::unique_ptr<FullLayer>> full;
    for (const TraceTensors& l : layers_)
      full.push_back(std::make_unique<FullLayer>(l, shape_.head_dim));
    double bits = 0;
    for (std::int64_t t = result_.prompt; t < result_.tokens; t += block) {
      const std::int64_t steps = std::min(block, result_.tokens - t);
      for (std::int64_t l = 0; l < shape_.layers; ++l) decode(l, *full[at(l)], t, steps);
      bits += cache_->bits().sequence() * static_cast<double>(steps);
    }
    result_.mean_bits = bits / static_cast<double>(result_.tokens - result_.prompt);
    result_.bits = cache_->bits();
    result_.peak_bits = cache_->peak_bits();
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(result_);
  }

 private:
  void prefill() {
    const std::int64_t chunk = o_.chunk > 0 ? o_.chunk : result_.prompt;
    for (std::int64_t first = 0; first < result_.prompt; first += chunk) {
      const std::int64_t count = std::min(chunk, result_.prompt - first);
      const bool ends = first + count == result_.prompt;
      for (std::int64_t l = 0; l < shape_.layers; ++l)
        cache_->attend(tokens_.at(trace_, layers_[at(l)], l, first, count), Phase::prefill, ends,
                       nullptr);
      collect(result_.prefill_work);
    }
  }

  void collect(std::vector<WorkTotal>& into) {
    for (const PlanItem& item : cache_->plan()) {
      WorkTotal& w = into[(static_cast<std::size_t>(item.work) * 2 + (item.writes ? 1 : 0)) * 2 +
                          static_cast<std::size_t>(item.tier)];
      w.bytes += item.bytes;
      w.runs += item.runs;
      w.flops += item.flops;
    }
    cache_->clear_plan();
  }

  // Full attention of the block's queries of one KV head: probabilities and outputs.
  void reference(const TraceTensors& layer, const FullLayer& full, std::int64_t head,
                 std::int64_t first, std::int64_t steps, float* probabilities, float* out) {
    const std::int64_t g = shape_.group(), dim = shape_.head_dim, wide = full.wide;
    const std::int64_t n = first + steps, width = whole_lanes(n);
    q_.assign(at(steps * g * wide), 0.0F);
    for (std::int64_t t = 0; t < steps; ++t)
      for (std::int64_t i = 0; i < g; ++i)
        std::memcpy(q_.data() + (t * g + i) * wide, layer.q[at(head * g + i)].row(first + t),
                    at(dim) * sizeof(float));
    const RowsView keys(full.keys[at(head)].data(), n, dim, wide);
    const RowsView values(full.values[at(head)].data(), n, dim, wide);
    dot_rows({q_.data(), steps * g, dim, wide}, keys, shape_.scale,
             {probabilities, steps * g, n, width});
    for (std::int64_t r = 0; r < steps * g; ++r) {
      float* row = probabilities + r * width;
      const std::int64_t seen = first + r / g + 1;
      softmax(row, seen);
      std::fill(row + seen, row + width, 0.0F);
    }
    weighted_sum({probabilities, steps * g, n, width}, values, {out, steps * g, dim, dim});
  }

  void decode(std::int64_t l, const FullLayer& full, std::int64_t first, std::int64_t steps) {
    const std::int64_t g = shape_.group(), dim = shape_.head_dim, kv = shape_.kv_heads;
    const std::int64_t width = whole_lanes(first + steps);
    probabilities_.resize(at(kv * steps * g * width));
    expected_.resize(at(kv * steps * g * dim));
    for (std::int64_t h = 0; h < kv; ++h)
      reference(layers_[at(l)], full, h, first, steps,
                probabilities_.data() + h * steps * g * width,
                expected_.data() + h * steps * g * dim);
    got_.resize(at(shape_.heads * dim));
    for (std::int64_t t = 0; t < steps; ++t) {
      cache_->attend(tokens_.at(trace_, layers_[at(l)], l, first + t, 1), Phase::decode, false,
                     got_.data());
      collect(result_.decode_work);
      for (std::int64_t h = 0; h < kv; ++h) {
        const std::int64_t row = (h * steps + t) * g;
        judge(l, h, first + t, probabilities_.data() + row * width, width,
              expected_.data() + row * dim);
      }
    }
  }

  // One step of one KV head beside the truth.
  void judge(std::int64_t l, std::int64_t h, std::int64_t position, const float* probabilities,
             std::int64_t width, const float* expected) {
    const std::int64_t g = shape_.group(), dim = shape_.head_dim;
    const std::vector<std::int32_t>& read = read_[at(h)];
    const bool whole = static_cast<std::int64_t>(read.size()) == position + 1;
    for (std::int64_t i = 0; i < g; ++i) {
      HeadQuality& q = result_.of_head[at(l * shape_.heads + h * g + i)];
      const float* got = got_.data() + (h * g + i) * dim;
      for (std::int64_t c = 0; c < dim; ++c) {
        const double x = expected[i * dim + c], d = got[c] - x;
        q.error += d * d;
        q.reference += x * x;
      }
      double mass = whole ? 1 : 0;
      if (!whole)
        for (const std::int32_t p : read) mass += probabilities[i * width + p];
      q.mass += mass;
      q.steps += 1;
    }
    if ((position - result_.prompt) % o_.recall_every != 0) return;
    const std::int64_t k = std::min(o_.top_k, position + 1);
    double found = static_cast<double>(k);
    if (!whole) {
      mean_.assign(at(position + 1), 0.0F);
      for (std::int64_t i = 0; i < g; ++i)
        for (std::int64_t j = 0; j <= position; ++j) mean_[at(j)] += probabilities[i * width + j];
      order_.resize(at(position + 1));
      std::iota(order_.begin(), order_.end(), 0);
      std::nth_element(order_.begin(), order_.begin() + k - 1, order_.end(),
                       [this](std::int32_t a, std::int32_t b) {
                         return mean_[at(a)] != mean_[at(b)] ? mean_[at(a)] > mean_[at(b)] : a > b;
                       });
      is_read_.assign(at(position + 1), 0);
      for (const std::int32_t p : read) is_read_[at(p)] = 1;
      found = 0;
      for (std::int64_t i = 0; i < k; ++i) found += is_read_[at(order_[at(i)])];
    }
    for (std::int64_t i = 0; i < g; ++i) {
      HeadQuality& q = result_.of_head[at(l * shape_.heads + h * g + i)];
      q.recall += found / static_cast<double>(k);
      q.recalls += 1;
    }
  }

  const AttentionTrace& trace_;
  const KvShape shape_;
  QualityOptions o_;
  std::vector<TraceTensors> layers_;
  std::unique_ptr<PolicyCache> cache_;
  TraceTokens tokens_;
  TraceQuality result_;
  std::vector<std::vector<std::int32_t>> read_;
  std::vector<float> q_, probabilities_, expected_, got_, mean_;
  std::vector<std::int32_t> order_;
  std::vector<std::uint8_t> is_read_;
};

}  // namespace

TraceQuality measure_quality(const KvPolicy& policy, const AttentionTrace& trace,
                             const QualityOptions& options) {
  return Measurement(policy, trace, options).run();
}

}  // namespace terrace
