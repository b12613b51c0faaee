// Captured rows as a codec will be shown them, and k-means on them.
#include "workloads/kv/codec/calibration_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <string>

#include "sim/random.h"
#include "sim/scenario.h"
#include "workloads/kv/attention_trace.h"

namespace terrace {
namespace {

struct Chosen {
  std::int64_t tokens, all;
  std::int64_t operator[](std::int64_t i) const { return i * all / tokens; }
};

Chosen chosen_of(const AttentionTrace& trace, std::int64_t most) {
  return {std::min(most, trace.tokens()), trace.tokens()};
}

TraceTensors layer_of(const AttentionTrace& trace, std::int64_t layer) {
  if (layer >= trace.shape().layers)
    throw BuildError("", "the calibration trace has no layer " + std::to_string(layer));
  return trace.layer(layer);
}

std::vector<std::int64_t> layers_of(const KvCodec::Context& c, const CodecSpan& span) {
  return span.layers.empty() ? std::vector<std::int64_t>{c.layer} : span.layers;
}

void copy_head(RowsView from, const Chosen& tokens, const Rope* back, float* to,
               std::int64_t stride) {
  for (std::int64_t i = 0; i < tokens.tokens; ++i) {
    std::copy(from.row(tokens[i]), from.row(tokens[i]) + from.cols, to + i * stride);
    if (back != nullptr) back->rotate_back(to + i * stride, tokens[i]);
  }
}

}  // namespace

Table calibration_rows(const KvCodec::Context& context, const CodecSpan& span,
                       std::int64_t most_tokens) {
  const AttentionTrace& trace = calibration_of(context);
  const Chosen tokens = chosen_of(trace, most_tokens);
  const Rope& rope = trace.shape().rope;
  const bool turned = span.before_rope && !rope.frequencies().empty();
  Table out(tokens.tokens, context.channels(span));
  std::int64_t col = 0;
  for (const HeadCache::Side side : {HeadCache::key, HeadCache::value}) {
    if (!span.both && side != context.side) continue;
    for (const std::int64_t l : layers_of(context, span)) {
      const TraceTensors t = layer_of(trace, l);
      const auto& heads = side == HeadCache::key ? t.k : t.v;
      for (std::size_t h = 0; h < heads.size(); ++h) {
        if (!span.heads && static_cast<std::int64_t>(h) != context.head) continue;
        copy_head(heads[h], tokens, turned && side == HeadCache::key ? &rope : nullptr,
                  out.data.data() + col, out.cols);
        col += heads[h].cols;
      }
    }
  }
  return out;
}

Table calibration_inputs(const KvCodec::Context& context, const CodecSpan& span,
                         std::int64_t most_tokens) {
  const AttentionTrace& trace = calibration_of(context);
  const Chosen tokens = chosen_of(trace, most_tokens);
  const auto layers = layers_of(context, span);
  Table out(tokens.tokens, context.shape.hidden * static_cast<std::int64_t>(layers.size()));
  std::int64_t col = 0;
  for (const std::int64_t l : layers) {
    const TraceTensors t = layer_of(trace, l);
    if (t.x.empty()) throw BuildError("", "needs the layers' inputs in the calibration trace");
    copy_head(t.x, tokens, nullptr, out.data.data() + col, out.cols);
    col += context.shape.hidden;
  }
  return out;
}

Table calibration_queries(const KvCodec::Context& context, bool before_rope,
                          std::int64_t most_tokens) {
  const AttentionTrace& trace = calibration_of(context);
  const Chosen tokens = chosen_of(trace, most_tokens);
  const Rope& rope = trace.shape().rope;
  const std::int64_t g = context.shape.group(), dim = context.shape.head_dim;
  Table out(tokens.tokens * g, dim);
  const TraceTensors t = layer_of(trace, context.layer);
  for (std::int64_t i = 0; i < g; ++i)
    copy_head(t.q[static_cast<std::size_t>(context.head * g + i)], tokens,
              before_rope && !rope.frequencies().empty() ? &rope : nullptr, out.row(i), g * dim);
  return out;
}

namespace {

double distance(const float* a, const float* b, std::int64_t n) {
  float sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return static_cast<double>(sum);
}

}  // namespace

std::int64_t nearest_row(const Table& table, const float* point) {
  std::int64_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < table.rows; ++i) {
    const double d = distance(table.row(i), point, table.cols);
    if (d < least) {
      least = d;
      best = i;
    }
  }
  return best;
}

namespace {
Table lloyd(RowsView points, std::int64_t k, int iterations, std::uint64_t seed) {
  RandomStream random(seed, "k-means");
  Table centroids(k, points.cols);
  const auto put = [&](std::int64_t c, std::int64_t p) {
    std::copy(points.row(p), points.row(p) + points.cols, centroids.row(c));
  };
  if (points.rows <= k) {
    for (std::int64_t c = 0; c < k; ++c) put(c, c % points.rows);
    return centroids;
  }
  std::vector<double> apart(static_cast<std::size_t>(points.rows),
                            std::numeric_limits<double>::infinity());
  put(0, random.integer(0, points.rows - 1));
  for (std::int64_t c = 1; c < k; ++c) {
    double sum = 0;
    for (std::int64_t p = 0; p < points.rows; ++p) {
      double& d = apart[static_cast<std::size_t>(p)];
      d = std::min(d, distance(points.row(p), centroids.row(c - 1), points.cols));
      sum += d;
    }
    double left = random.uniform() * sum;
    std::int64_t pick = 0;
    while (pick + 1 < points.rows && (left -= apart[static_cast<std::size_t>(pick)]) > 0) ++pick;
    put(c, pick);
  }
  for (int round = 0; round < iterations; ++round) {
    Table sums(k, points.cols);
    std::vector<std::int64_t> count(static_cast<std::size_t>(k), 0);
    for (std::int64_t p = 0; p < points.rows; ++p) {
      const std::int64_t c = nearest_row(centroids, points.row(p));
      ++count[static_cast<std::size_t>(c)];
      for (std::int64_t j = 0; j < points.cols; ++j) sums.row(c)[j] += points.at(p, j);
    }
    for (std::int64_t c = 0; c < k; ++c)
      for (std::int64_t j = 0; j < points.cols && count[static_cast<std::size_t>(c)] > 0; ++j)
        centroids.row(c)[j] =
            sums.row(c)[j] / static_cast<float>(count[static_cast<std::size_t>(c)]);
  }
  return centroids;
}
}  // namespace

// Every cache of a policy fits the same codebooks to the same calibration: found once in a process.
Table k_means(RowsView points, std::int64_t k, int iterations, std::uint64_t seed) {
  std::string what = fmt::format("{} {} {} ", k, iterations, seed);
  for (std::int64_t p = 0; p < points.rows; ++p)
    what.append(reinterpret_cast<const char*>(points.row(p)),
                static_cast<std::size_t>(points.cols) * sizeof(float));
  const std::string key = sha1_hex(what);
  static std::mutex busy;
  static std::map<std::string, Table> known;
  {
    const std::lock_guard<std::mutex> lock(busy);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  Table table = lloyd(points, k, iterations, seed);
  const std::lock_guard<std::mutex> lock(busy);
  return known.emplace(key, std::move(table)).first->second;
}

}  // namespace terrace
