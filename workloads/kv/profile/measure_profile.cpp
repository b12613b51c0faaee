// Two prompts, a few decode steps behind each, and curves through both.
#include "workloads/kv/profile/measure_profile.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "workloads/kv/policy_cache.h"
#include "workloads/kv/quality.h"

namespace terrace {
namespace {

constexpr std::size_t flow_kinds = kv_work_count * 4;

struct Point {
  double vectors = 0, runs = 0, flops = 0;
};
using Points = std::array<Point, flow_kinds>;

// What one prompt did, by band: means over heads of a layer, and over decode steps.
struct Run {
  double prompt = 0, context = 0;  // mean entries seen over the decode steps
  struct Band {
    Points prefill{}, decode{};
    double kept = 0, held = 0, lower = 0;
  };
  std::vector<Band> bands;
};

std::size_t kind_of(const PlanItem& i) {
  return (static_cast<std::size_t>(i.work) * 2 + (i.writes ? 1 : 0)) * 2 +
         static_cast<std::size_t>(i.tier);
}

Run run_prompt(const KvPolicy& policy, const AttentionTrace& trace, std::int64_t prompt,
               const ProfileOptions& o, std::int64_t bands) {
  const KvShape& s = trace.shape();
  CacheSetup setup;
  setup.shape = s;
  setup.seed = o.seed;
  setup.calibration = o.calibration != nullptr ? o.calibration : &trace;
  setup.tags = trace.tags();
  setup.plans = true;
  std::vector<TraceTensors> layers;
  for (std::int64_t l = 0; l < s.layers; ++l) {
    layers.push_back(trace.layer(l));
    setup.weights.push_back(layers.back().weights);
  }
  PolicyCache cache(policy, std::move(setup));
  TraceTokens tokens;
  Run run;
  run.prompt = static_cast<double>(prompt);
  run.bands.resize(static_cast<std::size_t>(bands));
  std::vector<double> heads(run.bands.size(), 0.0);
  const auto band = [&](std::int64_t l) { return static_cast<std::size_t>(l * bands / s.layers); };
  for (std::int64_t l = 0; l < s.layers; ++l) heads[band(l)] += static_cast<double>(s.kv_heads);
  const double vector = static_cast<double>(s.head_dim) * 2;  // bytes, fp16
  const auto collect = [&](bool decode) {
    for (const PlanItem& i : cache.plan()) {
      const std::size_t b = band(i.layer);
      const double share = 1 / heads[b] / (decode ? static_cast<double>(o.steps) : 1);
      Point& p = (decode ? run.bands[b].decode : run.bands[b].prefill)[kind_of(i)];
      const double queries = by_query_head(i.work) ? static_cast<double>(s.group()) : 1;
      p.vectors += share * i.bytes / vector;
      p.runs += share * i.runs;
      p.flops += share * i.flops / static_cast<double>(s.head_dim) / queries;
    }
    cache.clear_plan();
  };
  for (std::int64_t l = 0; l < s.layers; ++l)
    cache.attend(tokens.at(trace, layers[static_cast<std::size_t>(l)], l, 0, prompt),
                 Phase::prefill, true, nullptr);
  collect(false);
  std::vector<float> out(static_cast<std::size_t>(s.heads * s.head_dim));
  for (std::int64_t t = prompt; t < prompt + o.steps; ++t) {
    for (std::int64_t l = 0; l < s.layers; ++l)
      cache.attend(tokens.at(trace, layers[static_cast<std::size_t>(l)], l, t, 1), Phase::decode,
                   false, out.data());
    collect(true);
    run.context += static_cast<double>(t + 1) / static_cast<double>(o.steps);
  }
  // What is held at the end, beside keys and values, is the same for every head.
  const CacheBits bits = cache.bits();
  const double all = static_cast<double>(s.layers * s.kv_heads);
  const double beside = (bits.sequence() - bits.keys - bits.values) / all;
  const double below = bits.lower / std::max(1.0, bits.keys + bits.values);
  for (std::int64_t l = 0; l < s.layers; ++l)
    for (std::int64_t h = 0; h < s.kv_heads; ++h) {
      const HeadCache& c = cache.head(l, h);
      Run::Band& b = run.bands[band(l)];
      const double entries = c.bits(HeadCache::key) + c.bits(HeadCache::value);
      const double share = 1 / heads[band(l)];
      b.kept += share * static_cast<double>(c.size());
      b.held += share * (entries * (1 - below) + beside) / 8 / vector;
      b.lower += share * entries * below / 8 / vector;
    }
  return run;
}

// Through (x1, y1) and (x2, y2); no slope below zero.
KvCurve line(double x1, double y1, double x2, double y2) {
  KvCurve c;
  c.slope = std::max(0.0, (y2 - y1) / (x2 - x1));
  c.constant = y2 - c.slope * x2;
  if (std::fabs(c.constant) < 1e-9 * std::fabs(y2)) c = {0, y2 / x2, 0};
  if (c.slope * x2 < 1e-9 * y2) c = {y2, 0, 0};
  return c;
}

// For prompts of n1 and n2: by token and by pair of tokens.
KvCurve by_pair(double n1, double y1, double n2, double y2) {
  const double a = (n1 + 1) / 2, b = (n2 + 1) / 2;
  KvCurve c;
  c.pair = std::max(0.0, (y2 / n2 - y1 / n1) / (b - a));
  c.slope = y2 / n2 - c.pair * b;
  if (c.slope < 1e-9 * y2 / n2) c = {0, 0, y2 / (n2 * b)};
  if (c.pair * b < 1e-9 * y2 / n2) c = {0, y2 / n2, 0};
  return c;
}

template <class Fit>
std::vector<KvFlow> flows(const Points& first, const Points& second, const Fit& fit) {
  std::vector<KvFlow> out;
  for (std::size_t i = 0; i < flow_kinds; ++i) {
    const Point &a = first[i], &b = second[i];
    if (b.vectors <= 0 && b.flops <= 0) continue;
    KvFlow f;
    f.work = static_cast<KvWork>(i / 4);
    f.writes = i / 2 % 2 != 0;
    f.tier = static_cast<KvTier>(i % 2);
    f.vectors = fit(a.vectors, b.vectors);
    f.runs = fit(a.runs, b.runs);
    f.flops = fit(a.flops, b.flops);
    out.push_back(f);
  }
  return out;
}

// The largest number of tokens that the policy names anywhere: below it nothing is given up.
std::int64_t most_tokens(const Node& node) {
  std::int64_t most = 0;
  for (const Node::Member& m : node.members()) {
    const bool count = m.key == "tokens" || m.key == "hot_tokens" || m.key == "recent" ||
                       m.key == "window" || m.key == "batch" || m.key == "key_batch" ||
                       m.key == "key_residual" || m.key == "value_residual";
    if (m.value.is_mapping()) most = std::max(most, most_tokens(m.value));
    if (count && m.value.is_scalar())
      most = std::max<std::int64_t>(most, std::atoll(m.value.text().c_str()));
  }
  return most;
}

}  // namespace

std::int64_t tokens_to_see(const KvPolicy& policy, const ProfileOptions& o) {
  return o.steps + 2 * std::max<std::int64_t>(8, most_tokens(write_node(policy)) + o.steps);
}

KvProfile measure_profile(const KvPolicy& policy, const AttentionTrace& trace,
                          const std::string& source, const ProfileOptions& o) {
  const std::int64_t least = tokens_to_see(policy, o);
  const std::int64_t longest =
      std::min(trace.tokens() - o.steps, std::max(o.tokens, least - o.steps));
  const std::int64_t half = longest / 2;
  if (trace.tokens() < least)
    throw BuildError("trace", "has " + std::to_string(trace.tokens()) +
                                  " tokens; this policy shows " + "what it does from " +
                                  std::to_string(least) + " on");
  const std::int64_t bands = std::min(o.bands, trace.shape().layers);
  const Run a = run_prompt(policy, trace, half, o, bands);
  const Run b = run_prompt(policy, trace, longest, o, bands);
  KvProfile profile;
  profile.policy = one_line(write_node(policy));
  profile.source = source;
  const double steps = static_cast<double>(o.steps);
  for (std::size_t i = 0; i < a.bands.size(); ++i) {
    const Run::Band &x = a.bands[i], &y = b.bands[i];
    KvBand band;
    const auto at_end = [&](double u, double v) {
      return line(a.prompt + steps, u, b.prompt + steps, v);
    };
    band.kept = at_end(x.kept, y.kept);
    band.held = at_end(x.held, y.held);
    band.lower = at_end(x.lower, y.lower);
    band.decode = flows(x.decode, y.decode,
                        [&](double u, double v) { return line(a.context, u, b.context, v); });
    band.prefill = flows(x.prefill, y.prefill,
                         [&](double u, double v) { return by_pair(a.prompt, u, b.prompt, v); });
    profile.bands.push_back(std::move(band));
  }
  return profile;
}

}  // namespace terrace
