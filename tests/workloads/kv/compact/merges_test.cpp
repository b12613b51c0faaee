// Members that merge, against their definitions written out entry by entry.
#include <map>

#include "sim/random.h"
#include "tests/workloads/kv/compact/literal_merge.h"

namespace terrace {
namespace {

const RandomTrace merge_trace(41);

// The kept, free entry that `like` says most of; -1: there is none above `least`.
int most_like(const LiteralEntries& entries, std::size_t of, double least) {
  int best = -1;
  for (std::size_t s = 0; s < entries.size(); ++s)
    if (entries[s].stays && !entries[s].fixed)
      if (const double like = cosine(entries[of].k, entries[s].k); like > least) {
        least = like;
        best = static_cast<int>(s);
      }
  return best;
}

std::string merging(const std::string& score, const std::string& compact) {
  return "{score: " + score +
         ", budget: {kind: uniform, tokens: 20}, protect: {sinks: 2, recent: 3}, compact: " +
         compact + "}";
}

}  // namespace

TEST_CASE("an evicted token joins its like above a moving threshold, with exp(cosine) against e") {
  LiteralMerge how;
  how.by_norm = true;
  double tau = 0;
  bool first = true;
  int joined = 0, dropped = 0;
  how.compact = [&](LiteralEntries& entries) {
    const LiteralEntries before = entries;
    std::map<int, std::vector<std::pair<LiteralEntry, double>>> joins;
    double mean = 0, gone = 0;
    std::vector<std::pair<std::size_t, double>> best;
    for (std::size_t g = 0; g < before.size(); ++g)
      if (!before[g].stays) {
        const double like =
            cosine(before[g].k, before[static_cast<std::size_t>(most_like(before, g, -2))].k);
        best.emplace_back(g, like);
        mean += like;
        gone += 1;
      }
    mean /= gone;
    tau = first ? mean : 0.7 * mean + 0.3 * tau;
    first = false;
    for (const auto& [g, like] : best) {
      if (like < tau) {
        ++dropped;
        continue;
      }
      ++joined;
      joins[most_like(before, g, -2)].emplace_back(before[g], std::exp(like));
    }
    for (auto& [s, members] : joins) {
      members.emplace_back(before[static_cast<std::size_t>(s)], std::exp(1.0));
      mean_of(entries[static_cast<std::size_t>(s)], members);
    }
    drop_the_others(entries);
  };
  require_literal_merge(merging("l2_norm", "{kind: discriminate, beta: 0.7}"), merge_trace, how);
  REQUIRE(joined > 5);
  REQUIRE(dropped > 5);
}

TEST_CASE("neighbours most alike become one at the pivot, weighted by a Gaussian of distance") {
  LiteralMerge how;
  how.by_norm = true;
  int sets = 0;
  how.compact = [&](LiteralEntries& entries) {
    // Lower the threshold until enough neighbours are joined.
    std::vector<double> likes;
    for (std::size_t i = 0; i + 1 < entries.size(); ++i)
      if (!entries[i].fixed && !entries[i + 1].fixed)
        likes.push_back(cosine(entries[i].k, entries[i + 1].k));
    std::sort(likes.begin(), likes.end(), std::greater<>());
    const std::size_t surplus = entries.size() - 20;
    REQUIRE(likes.size() >= surplus);
    const double threshold = likes[surplus - 1];
    LiteralEntries after;
    for (std::size_t from = 0; from < entries.size();) {
      std::size_t to = from;
      while (to + 1 < entries.size() && !entries[to].fixed && !entries[to + 1].fixed &&
             cosine(entries[to].k, entries[to + 1].k) >= threshold)
        ++to;
      std::size_t pivot = from;
      for (std::size_t i = from; i <= to; ++i)
        if (entries[i].score > entries[pivot].score) pivot = i;
      std::vector<double> distance;
      double mean = 0;
      for (std::size_t i = from; i <= to; ++i) {
        double d = 0;
        for (std::size_t c = 0; c < entries[i].k.size(); ++c)
          d += std::pow(entries[i].k[c] - entries[pivot].k[c], 2);
        distance.push_back(std::sqrt(d));
        mean += distance.back() / static_cast<double>(to - from + 1);
      }
      const double sigma = mean / std::sqrt(2.0);
      LiteralEntry one = entries[pivot];
      std::vector<std::pair<LiteralEntry, double>> members;
      for (std::size_t i = from; i <= to; ++i)
        members.emplace_back(entries[i], std::exp(-std::pow(distance[i - from] / sigma, 2) / 2));
      if (to > from) {
        mean_of(one, members);
        ++sets;
      }
      after.push_back(one);
      from = to + 1;
    }
    entries = after;
  };
  require_literal_merge(merging("l2_norm", "gaussian_merge"), merge_trace, how);
  REQUIRE(sets > 10);
}

TEST_CASE("every other token matches its like of the chunk; the best pairs become centroids") {
  LiteralMerge how;
  how.compact = [&](LiteralEntries& entries) {
    while (entries.size() > 20) {
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < entries.size(); ++i)
        if (!entries[i].fixed) open.push_back(i);
      struct Pair {
        double like;
        std::size_t from, to;
      };
      std::vector<Pair> pairs;
      for (std::size_t a = 0; a < open.size(); a += 2) {
        Pair best{-2, open[a], open[a]};
        for (std::size_t b = a / 16 * 16 + 1; b < std::min(open.size(), a / 16 * 16 + 16); b += 2)
          if (const double like = cosine(entries[open[a]].k, entries[open[b]].k); like > best.like)
            best = {like, open[a], open[b]};
        if (best.to != best.from) pairs.push_back(best);
      }
      std::sort(pairs.begin(), pairs.end(),
                [](const Pair& a, const Pair& b) { return a.like > b.like; });
      const std::size_t wanted = entries.size() - 20;
      if (pairs.size() > wanted) pairs.resize(wanted);
      const LiteralEntries before = entries;
      std::vector<bool> gone(entries.size(), false);
      std::map<std::size_t, std::vector<std::pair<LiteralEntry, double>>> joins;
      for (const Pair& p : pairs) {
        gone[p.from] = true;
        joins[p.to].emplace_back(before[p.from], before[p.from].count);
        entries[p.to].count += before[p.from].count;
        entries[p.to].log_weight = std::log(entries[p.to].count);
      }
      for (auto& [to, members] : joins) {
        members.emplace_back(before[to], before[to].count);
        mean_of(entries[to], members);
      }
      LiteralEntries left;
      for (std::size_t i = 0; i < entries.size(); ++i)
        if (!gone[i]) left.push_back(entries[i]);
      entries = left;
    }
  };
  require_literal_merge(merging("recency", "{kind: soft_matching, chunk: 16}"), merge_trace, how);
}

TEST_CASE("centroids by soft matching lose no token: the counts sum to all that was seen") {
  walk(policy_of(merging("recency", "{kind: soft_matching, chunk: 8}")), merge_trace, {},
       [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
         double sum = 0;
         for (const float w : cache.head(0, 0).log_weights()) sum += std::exp(double{w});
         REQUIRE(sum == Approx(static_cast<double>(seen)).margin(1e-3));
       });
}

TEST_CASE("an evicted value is spread over the next kept ones by a draw, its key is gone") {
  LiteralMerge how;
  how.by_norm = false;
  // The stream of layer 1, head 1 of 2, compaction of the first stage; the walk's seed is 7.
  RandomStream stream(mix_bits(mix_bits(7, 1 * 2 + 1), 4), "compact.value_merge");
  int spread = 0, dropped = 0;
  how.compact = [&](LiteralEntries& entries) {
    for (std::size_t g = 0; g < entries.size(); ++g) {
      if (entries[g].stays) continue;
      std::vector<std::size_t> next;
      for (std::size_t s = g + 1; s < entries.size() && next.size() < 8; ++s)
        if (entries[s].stays) next.push_back(s);
      double mean = 0, kept = 0;
      for (const LiteralEntry& e : entries)
        if (e.stays) mean += e.score, kept += 1;
      mean /= kept;
      if (stream.uniform() >= std::min(1.0, entries[g].score / mean)) {
        ++dropped;
        continue;
      }
      ++spread;
      for (const std::size_t s : next)
        for (std::size_t c = 0; c < entries[s].v.size(); ++c)
          entries[s].v[c] += entries[g].v[c] / 8;  // however few they are
    }
    drop_the_others(entries);
  };
  require_literal_merge(merging("recency", "{kind: value_merge, over: 8}"), merge_trace, how);
  REQUIRE(spread > 5);
  REQUIRE(dropped > 5);
}

TEST_CASE("tokens join a centre that is alike, weighted by score, or the class of zeros") {
  LiteralMerge how;
  int joined = 0, zero = 0;
  how.compact = [&](LiteralEntries& entries) {
    const LiteralEntries before = entries;
    std::vector<std::size_t> may;
    for (std::size_t g = before.size(); g-- > 0;)  // by recency: the last first
      if (!before[g].stays && may.size() < 20 / 2) may.push_back(g);
    std::map<int, std::vector<std::pair<LiteralEntry, double>>> joins;
    for (const std::size_t g : may)
      if (const int c = most_like(before, g, 0.3); c >= 0) {
        joins[c].emplace_back(before[g], std::max(1e-9, before[g].score));
        ++joined;
      } else {
        ++zero;
      }
    for (auto& [c, members] : joins) {
      const LiteralEntry& centre = before[static_cast<std::size_t>(c)];
      members.emplace_back(centre, centre.score);
      mean_of(entries[static_cast<std::size_t>(c)], members);
    }
    drop_the_others(entries);
  };
  require_literal_merge(merging("recency", "{kind: zero_class, threshold: 0.3, candidates: 0.5}"),
                        merge_trace, how);
  REQUIRE(joined > 5);
  REQUIRE(zero > 5);
}

TEST_CASE("a token joins the anchor that stands nearest, which is the mean of its bucket") {
  LiteralMerge how;
  how.by_norm = true;
  how.compact = [&](LiteralEntries& entries) {
    const LiteralEntries before = entries;
    std::map<std::size_t, std::vector<std::pair<LiteralEntry, double>>> buckets;
    for (const LiteralEntry& g : before) {
      if (g.stays) continue;
      std::size_t nearest = before.size();
      for (std::size_t a = 0; a < before.size(); ++a)
        if (before[a].stays && !before[a].fixed &&
            (nearest == before.size() || std::abs(before[a].position - g.position) <
                                             std::abs(before[nearest].position - g.position)))
          nearest = a;
      buckets[nearest].emplace_back(g, g.count);
      entries[nearest].count += g.count;
    }
    for (auto& [a, members] : buckets) {
      members.emplace_back(before[a], before[a].count);
      mean_of(entries[a], members);
    }
    drop_the_others(entries);
  };
  require_literal_merge(merging("l2_norm", "anchor_merge"), merge_trace, how);
}

TEST_CASE("LOOK-M: a pivot is the mean of itself and of its averages with those that join it") {
  LiteralMerge how;
  how.by_norm = true;
  how.compact = [&](LiteralEntries& entries) {
    const LiteralEntries before = entries;
    std::map<int, std::vector<std::pair<LiteralEntry, double>>> joins;
    for (std::size_t g = 0; g < before.size(); ++g) {
      if (before[g].stays) continue;
      const int p = most_like(before, g, -2);
      LiteralEntry average = before[g];
      mean_of(average, {{before[g], 1}, {before[static_cast<std::size_t>(p)], 1}});
      joins[p].emplace_back(average, 1);
    }
    for (auto& [p, members] : joins) {
      members.emplace_back(before[static_cast<std::size_t>(p)], 1);
      mean_of(entries[static_cast<std::size_t>(p)], members);
    }
    drop_the_others(entries);
  };
  require_literal_merge(merging("l2_norm", "pivotal_merge"), merge_trace, how);
}

TEST_CASE("slots beside the budget stand for all that went: stretches at first, then the nearest") {
  for (const std::size_t slots : {1, 3}) {
    LiteralMerge how;
    how.by_norm = true;
    how.compact = [&](LiteralEntries& entries) {
      std::vector<std::size_t> go, residual;
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!entries[i].stays) go.push_back(i);
        if (entries[i].residual) residual.push_back(i);
      }
      const LiteralEntries before = entries;
      std::map<std::size_t, std::vector<std::pair<LiteralEntry, double>>> joins;
      for (std::size_t n = 0; n < go.size(); ++n) {
        std::size_t to = 0;
        if (residual.empty()) {
          for (std::size_t s = 0; s < slots; ++s)
            if (n >= go.size() * s / slots) to = go[go.size() * s / slots];
        } else {
          double most = -1e9;
          for (const std::size_t r : residual) {
            double product = 0;
            for (std::size_t c = 0; c < before[r].k.size(); ++c)
              product += before[r].k[c] * before[go[n]].k[c];
            if (product > most) most = product, to = r;
          }
        }
        joins[to].emplace_back(before[go[n]], 1.0);
      }
      for (auto& [to, members] : joins) {
        double count = 0;
        if (!residual.empty()) members.emplace_back(before[to], before[to].count);
        for (const auto& [entry, weight] : members) count += weight;
        mean_of(entries[to], members);
        entries[to].count = count;
        entries[to].log_weight = std::log(count);
        entries[to].residual = entries[to].stays = true;
      }
      drop_the_others(entries);
    };
    require_literal_merge(
        merging("l2_norm", "{kind: residual_slots, slots: " + std::to_string(slots) + "}"),
        merge_trace, how);
  }
}

}  // namespace terrace
