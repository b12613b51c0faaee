// Attention of a chunk over one head's entries, and who is told of it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/policy_engine.h"

namespace terrace {
namespace {

constexpr std::int64_t tokens_at_once = 16;
constexpr std::int64_t max_group = 64;

float* room(std::vector<float>& buffer, std::int64_t n) {
  if (static_cast<std::int64_t>(buffer.size()) < n) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

}  // namespace

// Every query where somebody wants the output, else those that a score or a budget asked for.
void PolicyCache::Engine::attend_head(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                                      float* out) {
  HeadState& h = at(layer, head);
  wanted_.clear();
  for (const EvictionStage& s : h.stages) {
    if (!s.acts_in(chunk.phase)) continue;
    for (const bool of_budget : {false, true}) {
      rows_.clear();
      if (of_budget)
        s.budget->queries(chunk, rows_);
      else
        s.score->queries(chunk, rows_);
      wanted_.insert(wanted_.end(), rows_.begin(), rows_.end());
    }
  }
  std::sort(wanted_.begin(), wanted_.end());
  wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());

  const bool selects = chunk.phase == Phase::decode || h.place->selects_in_prefill();
  const Selection* above = layer > 0 ? &at(layer - 1, head).chosen : nullptr;
  h.chosen.all = true;
  h.chosen.slots.clear();
  h.chosen.log_weights.clear();
  std::vector<std::int32_t> rows;
  const auto run = [&](std::int64_t first, std::int64_t count) {
    HeadChunk part = chunk;
    part.first += first;
    part.tokens = count;
    part.q = chunk.q.from(first * chunk.group, count * chunk.group);
    if (selects) h.place->select(part, h.cache, above, h.chosen);
  };
  if (out == nullptr && selects && !wanted_.empty()) run(0, chunk.tokens);
  const std::size_t asked = wanted_.size();
  for (std::int64_t first = 0; first < chunk.tokens; first += tokens_at_once) {
    const std::int64_t count = std::min(tokens_at_once, chunk.tokens - first);
    rows.clear();
    if (out != nullptr) {
      for (std::int64_t t = first; t < first + count; ++t)
        rows.push_back(static_cast<std::int32_t>(t));
      run(first, count);
    } else {
      const auto from = std::lower_bound(wanted_.begin(), wanted_.end(), first);
      const auto to = std::lower_bound(from, wanted_.end(), first + count);
      rows.assign(from, to);
    }
    if (rows.empty()) continue;
    attend_rows(h, chunk, rows, h.chosen, out);
    if (asked > 0) tell(layer, head, chunk, rows);
  }
  if (setup_.plans) plan_attention(layer, head, chunk, asked);
  if (observer_ && chunk.phase == Phase::decode) {
    if (h.chosen.all) {
      observer_(layer, head, h.cache.positions());
    } else {
      positions_.clear();
      for (const std::int32_t slot : h.chosen.slots)
        positions_.push_back(h.cache.positions()[static_cast<std::size_t>(slot)]);
      if (positions_.empty() || positions_.back() != h.cache.positions().back())
        positions_.push_back(h.cache.positions().back());
      observer_(layer, head, positions_);
    }
  }
}

// What a compaction holds beside the entries joins in.
void PolicyCache::Engine::add_residue(const HeadState& h, RowsView q, const RowSum* sums,
                                      float* out) {
  for (const EvictionStage& s : h.stages)
    for (std::int64_t i = 0; i < q.rows; ++i) {
      if (!s.compact->has_residue()) continue;
      std::vector<float> query(q.row(i), q.row(i) + q.cols);
      for (float& x : query) x *= setup_.shape.scale;
      float* to = out + i * q.cols;
      const float shift =
          std::max(sums[i].max, static_cast<float>(s.compact->residue_shift(query.data())));
      const float mass = sums[i].sum * std::exp(sums[i].max - shift);
      for (std::int64_t c = 0; c < q.cols; ++c) to[c] *= mass;
      double denominator = mass;
      s.compact->residue(query.data(), shift, to, denominator);
      for (std::int64_t c = 0; c < q.cols; ++c) to[c] /= static_cast<float>(denominator);
    }
}

// Fills probs_ and logits_ ([rows*group][entries]) and, where wanted, the output.
void PolicyCache::Engine::attend_rows(HeadState& h, const HeadChunk& chunk,
                                      const std::vector<std::int32_t>& rows,
                                      const Selection& chosen, float* out) {
  const std::int64_t g = chunk.group, dim = h.cache.head_dim(), wide = whole_lanes(dim);
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::vector<std::int32_t>& positions = h.cache.positions();
  const std::int64_t entries = h.cache.size(), own = entries - chunk.tokens;
  const auto visible = [&](std::int32_t row) { return own + row + 1; };
  const std::int64_t n_all = visible(rows.back()), own_from = visible(rows.front()) - 1;

  // Queries: as they are, or turned to their place in the cache.
  RowsView q = chunk.q.from(rows[0] * g, count * g);
  const bool apart = rows.back() - rows[0] + 1 != count;
  const bool in_cache = policy_.positions == KeyPositions::cache;
  if (apart || in_cache) {
    float* to = room(out_, count * g * wide);
    for (std::int64_t r = 0; r < count; ++r) {
      std::memcpy(to + r * g * wide, chunk.q.row(rows[static_cast<std::size_t>(r)] * g),
                  static_cast<std::size_t>(g * wide) * sizeof(float));
      const std::int64_t slot = visible(rows[static_cast<std::size_t>(r)]) - 1;
      if (in_cache)
        for (std::int64_t i = 0; i < g; ++i)
          rope_.turn(to + (r * g + i) * wide, slot - positions[static_cast<std::size_t>(slot)]);
    }
    q = {to, count * g, dim, wide};
  }
  RowsView keys = h.cache.keys().from(0, n_all), values = h.cache.values().from(0, n_all);
  if (in_cache) {
    float* to = room(rotated_, n_all * wide);
    std::memcpy(to, keys.data, static_cast<std::size_t>(n_all * wide) * sizeof(float));
    for (std::int64_t j = 0; j < n_all; ++j)
      rope_.turn(to + j * wide, j - positions[static_cast<std::size_t>(j)]);
    keys.data = to;
  }

  // What was selected, and the chunk's own entries, side by side.
  std::vector<std::int32_t>& slots = rows_;
  std::int64_t n = n_all;
  if (!chosen.all) {
    slots.clear();
    for (const std::int32_t slot : chosen.slots)
      if (slot < own_from) slots.push_back(slot);
    for (std::int64_t slot = own_from; slot < n_all; ++slot)
      slots.push_back(static_cast<std::int32_t>(slot));
    n = static_cast<std::int64_t>(slots.size());
    float* to_k = room(gathered_k_, n * wide);
    float* to_v = room(gathered_v_, n * wide);
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t slot = slots[static_cast<std::size_t>(j)];
      std::memcpy(to_k + j * wide, keys.row(slot), static_cast<std::size_t>(wide) * sizeof(float));
      std::memcpy(to_v + j * wide, values.row(slot),
                  static_cast<std::size_t>(wide) * sizeof(float));
    }
    keys = {to_k, n, dim, wide};
    values = {to_v, n, dim, wide};
  }

  const std::int64_t width = whole_lanes(n);
  float* p = room(probs_, count * g * std::max(width, whole_lanes(entries)));
  float* l = room(logits_, count * g * std::max(width, whole_lanes(entries)));
  const float scale = setup_.shape.scale;
  dot_rows(q, keys, scale, {p, count * g, n, width});
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t row_in_chunk = rows[static_cast<std::size_t>(t)];
    const std::int64_t seen_by = n - (n_all - visible(static_cast<std::int32_t>(row_in_chunk)));
    RowSum sums[max_group];
    for (std::int64_t i = 0; i < g; ++i) {
      float* row = p + (t * g + i) * width;
      if (h.cache.weighted())
        for (std::int64_t j = 0; j < n; ++j)
          row[j] += h.cache.log_weights()[static_cast<std::size_t>(
              chosen.all ? j : slots[static_cast<std::size_t>(j)])];
      if (!chosen.all)
        for (std::size_t j = 0; j < chosen.log_weights.size(); ++j)
          if (chosen.slots[j] < own_from) row[j] += chosen.log_weights[j];
      std::fill(row + seen_by, row + width, -INFINITY);
      std::memcpy(l + (t * g + i) * width, row, static_cast<std::size_t>(width) * sizeof(float));
      sums[i] = softmax(row, seen_by);
      std::fill(row + seen_by, row + width, 0.0F);
    }
    if (out == nullptr) continue;
    float* to = out + row_in_chunk * setup_.shape.heads * dim;
    weighted_sum({p + t * g * width, g, seen_by, width}, values.from(0, seen_by),
                 {to, g, dim, dim});
    add_residue(h, {q.row(t * g), g, dim, q.stride}, sums, to);
  }
  // Back to one number for every entry.
  const std::int64_t full = whole_lanes(entries);
  if (!wanted_.empty() && (full != width || !chosen.all)) {
    for (std::int64_t r = count * g; r-- > 0;) {
      for (float* of : {p, l}) {
        std::vector<float>& spread = reduced_;
        spread.assign(static_cast<std::size_t>(full), of == p ? 0.0F : -INFINITY);
        for (std::int64_t j = 0; j < n; ++j)
          spread[static_cast<std::size_t>(chosen.all ? j : slots[static_cast<std::size_t>(j)])] =
              of[r * width + j];
        std::memcpy(of + r * full, spread.data(), static_cast<std::size_t>(full) * sizeof(float));
      }
    }
  }
}

// One row for every token: the mean, or the most, of its query heads.
void PolicyCache::Engine::reduce(const float* by_head, std::int64_t tokens, std::int64_t group,
                                 std::int64_t width, float* out) const {
  const bool mean = policy_.group == GroupReduce::mean;
  const float share = 1.0F / static_cast<float>(group);
  for (std::int64_t t = 0; t < tokens; ++t) {
    float* to = out + t * width;
    const float* from = by_head + t * group * width;
    std::memcpy(to, from, static_cast<std::size_t>(width) * sizeof(float));
    for (std::int64_t k = 1; k < group; ++k)
      for (std::int64_t j = 0; j < width; ++j)
        to[j] = mean ? to[j] + from[k * width + j] : std::max(to[j], from[k * width + j]);
    for (std::int64_t j = 0; j < width && mean; ++j) to[j] *= share;
  }
}

// Tells every score and budget what it asked for, out of these rows.
void PolicyCache::Engine::tell(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                               const std::vector<std::int32_t>& rows) {
  HeadState& h = at(layer, head);
  const std::int64_t g = chunk.group, n = h.cache.size(), width = whole_lanes(n);
  for (const EvictionStage& s : h.stages) {
    if (!s.acts_in(chunk.phase)) continue;
    for (const bool of_budget : {false, true}) {
      rows_.clear();
      if (of_budget)
        s.budget->queries(chunk, rows_);
      else
        s.score->queries(chunk, rows_);
      std::vector<std::int32_t> numbers;  // of `rows` that it asked for
      for (std::size_t r = 0; r < rows.size(); ++r)
        if (std::binary_search(rows_.begin(), rows_.end(), rows[r]))
          numbers.push_back(static_cast<std::int32_t>(r));
      if (numbers.empty()) continue;
      const auto count = static_cast<std::int64_t>(numbers.size());
      // All of them: as they are. Some: side by side.
      const bool all = numbers.size() == rows.size();
      const bool wants_logits = !of_budget && s.score->cost().needs_logits;
      const std::int64_t stretch = g * width;
      const auto picked = [&](const std::vector<float>& from, std::vector<float>& into) {
        if (all) return from.data();
        float* to = room(into, count * stretch);
        for (std::int64_t i = 0; i < count; ++i)
          std::memcpy(to + i * stretch,
                      from.data() + numbers[static_cast<std::size_t>(i)] * stretch,
                      static_cast<std::size_t>(stretch) * sizeof(float));
        return static_cast<const float*>(to);
      };
      const float* by_head = picked(probs_, listener_by_head_);
      const float* logits = wants_logits ? picked(logits_, listener_logits_) : nullptr;
      float* reduced = room(listener_reduced_, count * width);
      reduce(by_head, count, g, width, reduced);
      query_positions_.clear();
      for (const std::int32_t r : numbers)
        query_positions_.push_back(
            taken_positions_[static_cast<std::size_t>(rows[static_cast<std::size_t>(r)])]);
      Attended a;
      a.phase = chunk.phase;
      a.group = g;
      a.queries = query_positions_.data();
      a.probabilities = {reduced, count, n, width};
      a.by_head = {by_head, count * g, n, width};
      if (wants_logits) a.logits = {logits, count * g, n, width};
      if (of_budget)
        s.budget->attended(layer, head, a);
      else
        s.score->attended(a, h.cache);
    }
  }
}

}  // namespace terrace
