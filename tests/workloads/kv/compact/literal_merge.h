// A literal head for members that merge: a list of entries in double, judged by a sort.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/workloads/kv/harness.h"

namespace terrace {

struct LiteralEntry {
  std::int32_t position = 0;
  std::vector<double> k, v;
  double score = 0, count = 1, log_weight = 0;
  bool fixed = false, stays = false, residual = false;  // protected; by score; beside the budget
};
using LiteralEntries = std::vector<LiteralEntry>;

inline double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

// The mean of some entries, by weights.
inline void mean_of(LiteralEntry& to, const std::vector<std::pair<LiteralEntry, double>>& members) {
  for (std::vector<double> LiteralEntry::*side : {&LiteralEntry::k, &LiteralEntry::v}) {
    std::vector<double> sum((to.*side).size(), 0.0);
    double weights = 0;
    for (const auto& [entry, weight] : members) {
      weights += weight;
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * (entry.*side)[c];
    }
    for (std::size_t c = 0; c < sum.size(); ++c) (to.*side)[c] = sum[c] / weights;
  }
}

struct LiteralMerge {
  std::int64_t budget = 20, sinks = 2, recent = 3, layer = 1, head = 1;
  bool by_norm = false;  // score l2_norm, else recency
  // Entries with `stays` and `fixed` told; leaves those that survive.
  std::function<void(LiteralEntries&)> compact;
};

// `yaml` says the same; the entries must agree after the prompt and after every step.
inline void require_literal_merge(const std::string& yaml, const AttentionTrace& trace,
                                  const LiteralMerge& how) {
  const TraceTensors t = trace.layer(how.layer);
  const RowsView &k = t.k[static_cast<std::size_t>(how.head)],
                 &v = t.v[static_cast<std::size_t>(how.head)];
  LiteralEntries entries;
  std::int64_t done = 0;
  walk(policy_of(yaml), trace, {}, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    for (; done < seen; ++done) {
      LiteralEntry e;
      e.position = static_cast<std::int32_t>(done);
      e.k.assign(k.row(done), k.row(done) + k.cols);
      e.v.assign(v.row(done), v.row(done) + v.cols);
      for (const double x : e.k) e.score += x * x;
      e.score = how.by_norm ? -std::sqrt(e.score) : static_cast<double>(done);
      entries.push_back(e);
    }
    std::int64_t room = how.budget, counted = 0;
    std::vector<LiteralEntry*> others;
    for (LiteralEntry& e : entries) {
      counted += e.residual ? 0 : 1;
      e.fixed = e.residual || e.position < how.sinks || e.position >= seen - how.recent;
      e.stays = e.fixed;
      room -= e.fixed && !e.residual ? 1 : 0;
      if (!e.fixed) others.push_back(&e);
    }
    std::sort(others.begin(), others.end(),
              [](const auto* a, const auto* b) { return a->score > b->score; });
    for (std::size_t i = 0; i < others.size(); ++i)
      others[i]->stays = static_cast<std::int64_t>(i) < room;
    if (counted > how.budget) how.compact(entries);
    const HeadCache& head = cache.head(how.layer, how.head);
    INFO("after token " << seen - 1);
    REQUIRE(head.size() == static_cast<std::int64_t>(entries.size()));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto slot = static_cast<std::int64_t>(i);
      REQUIRE(head.positions()[i] == entries[i].position);
      REQUIRE(head.log_weights()[i] == Approx(entries[i].log_weight).margin(1e-5));
      for (std::int64_t c = 0; c < k.cols; ++c) {
        REQUIRE(head.keys().at(slot, c) ==
                Approx(entries[i].k[static_cast<std::size_t>(c)]).margin(1e-4));
        REQUIRE(head.values().at(slot, c) ==
                Approx(entries[i].v[static_cast<std::size_t>(c)]).margin(1e-4));
      }
    }
  });
}

// Those that neither stay nor survived otherwise are gone.
inline void drop_the_others(LiteralEntries& entries) {
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [](const LiteralEntry& e) { return !e.stays; }),
                entries.end());
}

}  // namespace terrace
