// A paged cache of random keys and values, its pages in a random order, and attention over it
// written out in float64.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/validate/cuda/places.h"

namespace terrace::cuda {

template <class T>
class PagedCache {
 public:
  PagedCache(const std::vector<std::int32_t>& lengths, int kv_heads, int head_dim, int page_shift,
             bool by_head, unsigned seed)
      : tables_(by_head ? kv_heads : 1) {
    const int page = 1 << page_shift;
    shape_.page_shift = page_shift;
    shape_.kv_heads = kv_heads;
    shape_.head_dim = head_dim;
    int most = 0, pages = 0;
    for (const std::int32_t n : lengths) {
      most = std::max(most, ceil_div(n, page));
      pages += ceil_div(n, page) * tables_;
    }
    shape_.table_sequence = most * tables_;
    shape_.table_head = by_head ? most : 0;
    std::vector<std::int32_t> free(static_cast<std::size_t>(pages));
    std::iota(free.begin(), free.end(), 0);
    std::shuffle(free.begin(), free.end(), std::mt19937(seed));
    table_.assign(lengths.size() * static_cast<std::size_t>(shape_.table_sequence), -1);
    std::size_t next = 0;
    for (std::size_t s = 0; s < lengths.size(); ++s)
      for (int h = 0; h < tables_; ++h)
        for (int i = 0; i < ceil_div(lengths[s], page); ++i)
          table_[s * static_cast<std::size_t>(shape_.table_sequence) +
                 static_cast<std::size_t>(h * most + i)] = free[next++];
    const auto numbers = static_cast<std::size_t>(pages * shape_.page_numbers());
    k_ = random_numbers<T>(numbers, seed + 1);
    v_ = random_numbers<T>(numbers, seed + 2);
  }

  KvPages put(Place& place) const {
    KvPages out = shape_;
    out.k = place.put(k_);
    out.v = place.put(v_);
    out.table = place.put(table_);
    return out;
  }

  std::size_t numbers() const { return k_.size(); }  // of keys

  std::vector<double> attend(const T* q, int sequence, int kv_head, int visible,
                             double scale) const {
    KvPages pages = shape_;
    pages.table = table_.data();
    const auto d = static_cast<std::size_t>(shape_.head_dim);
    std::vector<double> scores, out(d, 0.0);
    for (int i = 0; i < visible; ++i) {
      const auto at = static_cast<std::size_t>(pages.at(sequence, kv_head, i));
      double s = 0;
      for (std::size_t x = 0; x < d; ++x)
        s += static_cast<double>(to_float(q[x])) * static_cast<double>(to_float(k_[at + x]));
      scores.push_back(s * scale);
    }
    const double top = *std::max_element(scores.begin(), scores.end());
    double weight = 0;
    for (double& s : scores) weight += s = std::exp(s - top);
    for (int i = 0; i < visible; ++i) {
      const auto at = static_cast<std::size_t>(pages.at(sequence, kv_head, i));
      for (std::size_t x = 0; x < d; ++x)
        out[x] += scores[static_cast<std::size_t>(i)] / weight *
                  static_cast<double>(to_float(v_[at + x]));
    }
    return out;
  }

 private:
  int tables_;
  KvPages shape_;
  std::vector<std::int32_t> table_;
  std::vector<T> k_, v_;
};

}  // namespace terrace::cuda
