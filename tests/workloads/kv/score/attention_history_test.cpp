// Scores that remember what was attended to, against their definitions written out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "sim/random.h"
#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

const RandomTrace trace(41);

// All attention so far, query by query.
struct History : LiteralScore {
  struct Query {
    std::int64_t at;
    std::map<std::int32_t, double> p;
  };
  std::vector<Query> all;
  void attended(std::int64_t query, bool, const std::vector<std::int32_t>& at,
                const std::vector<double>& p) override {
    Query q{query, {}};
    for (std::size_t i = 0; i < at.size(); ++i) q.p[at[i]] = p[i];
    all.push_back(std::move(q));
  }
  // The newest `n` queries, newest first.
  std::vector<const Query*> last(std::size_t n) const {
    std::vector<const Query*> some;
    for (std::size_t i = all.size(); i-- > 0 && some.size() < n;) some.push_back(&all[i]);
    return some;
  }
  static double of(const Query& q, std::int32_t p) {
    const auto found = q.p.find(p);
    return found == q.p.end() ? 0 : found->second;
  }
};

struct Decayed : History {
  double factor = 1;
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    double sum = 0, weight = 1;
    for (const Query* q : last(all.size())) {
      sum += weight * of(*q, p);
      weight *= factor;
    }
    return sum;
  }
};

struct LowCount : History {
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    int low = 0;
    for (const Query* q : last(20))
      if (q->p.count(p) != 0 && of(*q, p) < 1.0 / static_cast<double>(q->p.size())) ++low;
    return -low;
  }
};

struct Fused : History {
  bool max = false;
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    double sum = 0, most = 0;
    for (const Query* q : last(8)) {
      sum += of(*q, p);
      most = std::max(most, of(*q, p));
    }
    return max ? most : sum;
  }
};

struct Newest : History {
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    return of(all.back(), p);
  }
};

// Only queries that the member watches: the prompt's last 16 and all later ones.
struct Waits : History {
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    double stamp = p, longest = 0, now = 0;
    for (const Query& q : all) {
      if (q.at < 48) continue;
      now = static_cast<double>(q.at);
      if (of(q, p) < 0.02) continue;
      longest = std::max(longest, now - stamp);
      stamp = now;
    }
    return longest > 0 ? 2 / (1 + std::exp((now - stamp) / longest)) : 0;
  }
};

struct Uses : History {
  bool often = false;
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    double latest = p, count = 0;
    for (const Query& q : all) {
      int better = 0;
      for (const auto& [other, x] : q.p) better += x > of(q, p) ? 1 : 0;
      if (q.p.count(p) == 0 || better >= 6) continue;
      latest = static_cast<double>(q.at);
      ++count;
    }
    return often ? count : latest;
  }
};

struct Evenness : History {
  double score(std::int32_t p, const std::vector<std::int32_t>& kept) override {
    const auto sums = [this](std::int32_t at) {
      std::pair<double, double> s;
      for (const Query& q : all) {
        const double x = of(q, at);
        if (q.at < 44 || x <= 0) continue;  // 20 of the prompt's 64
        s.first += x;
        s.second -= x * std::log(x);
      }
      return s;
    };
    double most = 0, widest = 0;
    for (const std::int32_t at : kept) {
      most = std::max(most, sums(at).first);
      widest = std::max(widest, sums(at).second);
    }
    return 0.7 * sums(p).first / most + 0.3 * sums(p).second / widest;
  }
};

// Logits with noise, which the seed, the query, its head and the token say.
struct Gumbel : LiteralScore {
  std::int64_t layer = 0, head = 0, steps = 0;
  std::uint64_t seed = 0;
  bool redraw = true;
  std::map<std::int32_t, double> sums;
  double noise(std::int64_t query, std::int64_t g, std::int32_t p) const {
    std::uint64_t of_query = 0;
    if (redraw)
      of_query = mix_bits(mix_bits(seed, static_cast<std::uint64_t>(query)),
                          static_cast<std::uint64_t>(g + 1));
    const std::uint64_t bits = mix_bits(seed ^ of_query, static_cast<std::uint64_t>(p));
    const double u = (static_cast<double>(bits >> 11) + 0.5) / 9007199254740992.0;  // 2^53
    return -std::log(-std::log(u));
  }
  void attended(std::int64_t query, bool prefill, const std::vector<std::int32_t>& at,
                const std::vector<double>&) override {
    if (!prefill) ++steps;
    const double tau = 1 + 4 * std::min(1.0, static_cast<double>(steps) / 50.0);
    const TraceTensors t = trace.layer(layer);
    const std::int64_t group = trace.shape().group();
    for (std::int64_t g = 0; g < group; ++g) {
      const auto query_head = static_cast<std::size_t>(head * group + g);
      std::vector<double> y;
      double sum = 0;
      for (const std::int32_t p : at) {
        double logit = 0;
        for (std::int64_t c = 0; c < 16; ++c)
          logit += static_cast<double>(t.q[query_head].at(query, c)) *
                   t.k[static_cast<std::size_t>(head)].at(p, c);
        y.push_back(std::exp((logit * trace.shape().scale + noise(query, g, p)) / tau));
        sum += y.back();
      }
      for (std::size_t i = 0; i < at.size(); ++i)
        sums[at[i]] += y[i] / sum / static_cast<double>(group);
    }
  }
  double score(std::int32_t p, const std::vector<std::int32_t>&) override { return sums[p]; }
};

template <class T, class Set = void (*)(T&)>
MakeLiteral literal(Set set = [](T&) {}) {
  return [set](std::int64_t, std::int64_t) {
    auto score = std::make_unique<T>();
    set(*score);
    return score;
  };
}
const std::string twenty = ", budget: {kind: uniform, tokens: 20}";

// At once, and with a prompt in chunks.
void require_both(const std::string& yaml, const MakeLiteral& make, bool chunks = true) {
  Walk how;
  how.steps = 12;
  require_literal_eviction(yaml, trace, make, how);
  how.chunk = 16;
  if (chunks) require_literal_eviction(yaml, trace, make, how);
}

}  // namespace

TEST_CASE("forgotten attention is a sum that shrinks by a factor with every query (A2SF)") {
  for (const double factor : {0.1, 0.7}) {
    require_both(
        "{score: {kind: decayed_attention, forget: " + std::to_string(factor) + "}" + twenty + "}",
        [factor](std::int64_t, std::int64_t) {
          auto score = std::make_unique<Decayed>();
          score->factor = factor;
          return score;
        });
  }
}

TEST_CASE("nothing forgotten, forgotten attention is accumulated attention") {
  const auto kept = [](const std::string& score) {
    std::vector<std::int32_t> last;
    walk(policy_of("{score: " + score + twenty + "}"), trace, {},
         [&](const PolicyCache& cache, std::int64_t, const auto&) {
           last = cache.head(1, 1).positions();
         });
    return last;
  };
  REQUIRE(kept("{kind: decayed_attention, forget: 1}") == kept("accumulated_attention"));
}

TEST_CASE("tokens go that most of the last queries gave less than an even share (Scissorhands)") {
  require_both(
      "{score: {kind: low_attention_count, window: 20}, protect: {recent: 4}" + twenty + "}",
      literal<LowCount>());
}

TEST_CASE("the recent window is asked anew at every step, by sum or maximum (MorphKV)") {
  for (const bool max : {false, true})
    require_both(std::string("{score: {kind: recent_queries, window: 8, fusion: ") +
                     (max ? "max" : "sum") + "}, protect: {recent: 8}" + twenty + "}",
                 [max](std::int64_t, std::int64_t) {
                   auto score = std::make_unique<Fused>();
                   score->max = max;
                   return score;
                 });
}

TEST_CASE("the newest query alone decides (TOVA, and SCOPE among generated tokens)") {
  require_both("{score: last_query" + twenty + "}", literal<Newest>());
}

TEST_CASE("a token that comes back stays until it is overdue (LazyEviction)") {
  require_both("{score: {kind: recurrence, threshold: 0.02, window: 16}, protect: {recent: 4}" +
                   twenty + "}",
               literal<Waits>(), false);
}

TEST_CASE("least recently and least often attended entries go (Attendre)") {
  for (const bool often : {false, true})
    require_both(std::string("{score: {kind: attended_order, top_k: 6, goes: ") +
                     (often ? "least_often" : "least_recently") + "}" + twenty + "}",
                 [often](std::int64_t, std::int64_t) {
                   auto score = std::make_unique<Uses>();
                   score->often = often;
                   return score;
                 });
}

TEST_CASE("attention and its evenness are weighed, each by its largest (CRITIC)") {
  Walk how;
  how.steps = 4;
  require_literal_eviction(
      "{score: {kind: attention_entropy, entropy: 0.3, window: 20}" + twenty + "}", trace,
      literal<Evenness>(), how);
}

TEST_CASE("key tokens by a softmax with Gumbel noise and a rising temperature (Keyformer)") {
  Walk how;
  how.prompt = 24;
  how.steps = 72;
  for (const bool redraw : {true, false})
    for (const std::int64_t chunk : {0, 8}) {
      how.chunk = chunk;
      require_literal_eviction(
          std::string("{score: {kind: gumbel_softmax, tau_last: 5, steps: 50, redraw: ") +
              (redraw ? "true" : "false") + "}, protect: {recent_share: 0.3}" + twenty + "}",
          trace,
          [redraw](std::int64_t layer, std::int64_t head) {
            auto score = std::make_unique<Gumbel>();
            score->layer = layer;
            score->head = head;
            score->redraw = redraw;
            // The engine's seed of this member: of the cache, then the place, then the stream.
            score->seed = mix_bits(mix_bits(7, static_cast<std::uint64_t>(layer * 2 + head)), 3);
            return score;
          },
          how);
    }
}

}  // namespace terrace
