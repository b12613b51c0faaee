// A codec by itself on given rows: what a reader gets back, and its bytes.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/workloads/kv/harness.h"
#include "workloads/kv/codec/calibration_rows.h"

namespace terrace {

inline std::unique_ptr<KvCodec> codec_of(const std::string& yaml, const AttentionTrace& trace,
                                         HeadCache::Side side = HeadCache::key,
                                         std::int64_t layer = 0, std::int64_t head = 0) {
  Mistakes mistakes;
  const Node root = parse_config(yaml, "test.yaml", mistakes);
  Reader reader(mistakes);
  const auto choice = read<Choice<KvCodec>>(root, reader);
  mistakes.raise();
  KvCodec::Context context;
  context.shape = trace.shape();
  context.calibration = &trace;
  context.layer = layer;
  context.head = head;
  context.side = side;
  context.seed = 5;
  return choice.make(context);
}

struct Coded {
  Table rows;  // as a reader gets them
  std::size_t bytes = 0;
  double bits_per_number() const {
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(rows.data.size());
  }
};

inline Coded code(KvCodec& codec, RowsView x, RowsView inputs = {}, RowsView reference = {}) {
  std::vector<std::int32_t> positions;
  for (std::int64_t t = 0; t < x.rows; ++t) positions.push_back(static_cast<std::int32_t>(t));
  CodecBlock block;
  block.rows = x;
  block.positions = positions.data();
  block.inputs = inputs;
  block.reference = reference;
  std::vector<std::uint8_t> bytes;
  codec.encode(block, bytes);
  block.rows = {nullptr, x.rows, x.cols, x.cols};
  Coded out{Table(x.rows, x.cols), bytes.size()};
  codec.decode(bytes, block, out.rows.ref());
  return out;
}

// Share of the squares of x that is lost.
inline double lost(RowsView x, const Table& back) {
  double error = 0, all = 0;
  for (std::int64_t t = 0; t < x.rows; ++t)
    for (std::int64_t c = 0; c < x.cols; ++c) {
      error += std::pow(static_cast<double>(x.at(t, c)) - back.row(t)[c], 2);
      all += std::pow(static_cast<double>(x.at(t, c)), 2);
    }
  return error / all;
}

inline Table normal_rows(std::int64_t rows, std::int64_t cols, std::uint64_t seed = 9) {
  Table x(rows, cols);
  RandomStream random(seed, "rows");
  for (float& each : x.data) each = static_cast<float>(random.normal());
  return x;
}

inline CacheBits bits_after(const KvPolicy& policy, const AttentionTrace& trace,
                            std::int64_t prompt, std::int64_t steps = 1) {
  Walk how;
  how.prompt = prompt;
  how.steps = steps;
  how.calibration = &trace;
  CacheBits bits;
  walk(policy, trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) { bits = cache.bits(); });
  return bits;
}

}  // namespace terrace
