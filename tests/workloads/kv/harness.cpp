// Random traces, slow attention, and the properties of policies.
#include "tests/workloads/kv/harness.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include "sim/random.h"

namespace terrace {

KvPolicy policy_of(const std::string& yaml) {
  Mistakes mistakes;
  const Node root = parse_config(yaml, "test.yaml", mistakes);
  Reader reader(mistakes);
  KvPolicy policy = read<KvPolicy>(root, reader);
  mistakes.raise();
  return policy;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(TERRACE_CONFIG_DIR) + "/kv"))
    if (file.path().extension() == ".yaml") names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

KvPolicy preset(const std::string& name) {
  return read_config<KvPolicy>(std::string(TERRACE_CONFIG_DIR) + "/kv/" + name + ".yaml");
}

std::vector<double> slow_attention(const AttentionTrace& trace, std::int64_t layer,
                                   std::int64_t head, std::int64_t position,
                                   const std::vector<std::int32_t>& over) {
  const TraceTensors t = trace.layer(layer);
  const KvShape& s = trace.shape();
  const float* q = t.q[static_cast<std::size_t>(head)].row(position);
  const RowsView& k = t.k[static_cast<std::size_t>(s.kv_head(head))];
  std::vector<double> p;
  double most = -1e300, sum = 0;
  for (const std::int32_t j : over) {
    double logit = 0;
    for (std::int64_t c = 0; c < s.head_dim; ++c) logit += static_cast<double>(q[c]) * k.at(j, c);
    p.push_back(logit * s.scale);
    most = std::max(most, p.back());
  }
  for (double& x : p) sum += x = std::exp(x - most);
  for (double& x : p) x /= sum;
  return p;
}

std::vector<double> slow_output(const AttentionTrace& trace, std::int64_t layer, std::int64_t head,
                                std::int64_t position, const std::vector<std::int32_t>& over) {
  const std::vector<double> p = slow_attention(trace, layer, head, position, over);
  const KvShape& s = trace.shape();
  const TraceTensors t = trace.layer(layer);
  const RowsView& v = t.v[static_cast<std::size_t>(s.kv_head(head))];
  std::vector<double> out(static_cast<std::size_t>(s.head_dim), 0.0);
  for (std::size_t i = 0; i < over.size(); ++i)
    for (std::int64_t c = 0; c < s.head_dim; ++c)
      out[static_cast<std::size_t>(c)] += p[i] * v.at(over[i], c);
  return out;
}

void walk(const KvPolicy& policy, const AttentionTrace& trace, const Walk& how,
          const AfterStep& after) {
  const KvShape& s = trace.shape();
  CacheSetup setup;
  setup.shape = s;
  setup.seed = how.seed;
  setup.calibration = how.calibration;
  setup.tags = trace.tags();
  setup.plans = true;
  std::vector<TraceTensors> layers;
  for (std::int64_t l = 0; l < s.layers; ++l) {
    layers.push_back(trace.layer(l));
    setup.weights.push_back(layers.back().weights);
    for (std::int64_t h = 0; h < s.heads && how.guide > 0; ++h)
      setup.guide.push_back(
          layers.back().q[static_cast<std::size_t>(h)].from(how.prompt - how.guide, how.guide));
  }
  PolicyCache cache(policy, setup);
  TraceTokens tokens;
  const std::int64_t chunk = how.chunk > 0 ? how.chunk : how.prompt;
  std::vector<std::vector<float>> outputs(static_cast<std::size_t>(s.layers));
  for (std::int64_t first = 0; first < how.prompt; first += chunk) {
    const std::int64_t count = std::min(chunk, how.prompt - first);
    for (std::int64_t l = 0; l < s.layers; ++l)
      cache.attend(tokens.at(trace, layers[static_cast<std::size_t>(l)], l, first, count),
                   Phase::prefill, first + count == how.prompt, nullptr);
    after(cache, first + count, {});
  }
  for (std::int64_t t = how.prompt; t < how.prompt + how.steps; ++t) {
    for (std::int64_t l = 0; l < s.layers; ++l) {
      std::vector<float>& out = outputs[static_cast<std::size_t>(l)];
      out.assign(static_cast<std::size_t>(s.heads * s.head_dim), 0.0F);
      cache.attend(tokens.at(trace, layers[static_cast<std::size_t>(l)], l, t, 1), Phase::decode,
                   false, out.data());
    }
    after(cache, t + 1, outputs);
  }
}

namespace {

// Eviction by a sort, position by position.
class LiteralHead {
 public:
  LiteralHead(const AttentionTrace& trace, std::int64_t layer, std::int64_t head,
              std::unique_ptr<LiteralScore> score, const ProtectParams& protect)
      : trace_(trace), layer_(layer), head_(head), score_(std::move(score)), p_(protect) {}

  void step(std::int64_t first, std::int64_t count, bool prefill, std::int64_t budget) {
    const std::int64_t g = trace_.shape().group();
    for (std::int64_t t = first; t < first + count; ++t) {
      kept_.push_back(static_cast<std::int32_t>(t));
      std::vector<double> mean(kept_.size(), 0.0);
      for (std::int64_t i = 0; i < g; ++i) {
        const auto p = slow_attention(trace_, layer_, head_ * g + i, t, kept_);
        for (std::size_t j = 0; j < p.size(); ++j) mean[j] += p[j] / static_cast<double>(g);
      }
      score_->attended(t, prefill, kept_, mean);
    }
    const std::int64_t seen = first + count;
    const auto recent = std::max<std::int64_t>(
        p_.recent, static_cast<std::int64_t>(p_.recent_share * static_cast<double>(budget) + 1e-9));
    while (static_cast<std::int64_t>(kept_.size()) > budget) {
      std::size_t worst = kept_.size();
      double least = 0;
      const std::vector<std::int32_t> before = at_start_.empty() ? kept_ : at_start_;
      for (std::size_t i = 0; i < kept_.size(); ++i) {
        if (kept_[i] < p_.sinks || kept_[i] >= seen - recent) continue;
        const double value = score_->score(kept_[i], before);
        if (worst < kept_.size() && value >= least) continue;
        worst = i;
        least = value;
      }
      if (worst == kept_.size()) break;
      at_start_ = before;
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(worst));
    }
    at_start_.clear();
  }
  const std::vector<std::int32_t>& kept() const { return kept_; }

 private:
  const AttentionTrace& trace_;
  std::int64_t layer_, head_;
  std::unique_ptr<LiteralScore> score_;
  ProtectParams p_;
  std::vector<std::int32_t> kept_, at_start_;
};

}  // namespace

void require_literal_eviction(const std::string& yaml, const AttentionTrace& trace,
                              const MakeLiteral& literal, const Walk& how) {
  const KvPolicy policy = policy_of(yaml);
  const KvShape& s = trace.shape();
  std::vector<LiteralHead> heads;
  for (std::int64_t l = 0; l < s.layers; ++l)
    for (std::int64_t h = 0; h < s.kv_heads; ++h)
      heads.emplace_back(trace, l, h, literal(l, h), policy.protect);
  std::int64_t done = 0, evicted = 0;
  walk(policy, trace, how, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    for (std::int64_t l = 0; l < s.layers; ++l)
      for (std::int64_t h = 0; h < s.kv_heads; ++h) {
        LiteralHead& head = heads[static_cast<std::size_t>(l * s.kv_heads + h)];
        head.step(done, seen - done, seen <= how.prompt, cache.budget(l, h));
        INFO("layer " << l << " head " << h << " after token " << seen - 1);
        REQUIRE(cache.head(l, h).positions() == head.kept());
        evicted += seen - cache.head(l, h).size();
      }
    done = seen;
  });
  REQUIRE(evicted > 0);
}

void require_sound(const KvPolicy& policy, const AttentionTrace& trace, const Walk& how) {
  const KvShape& s = trace.shape();
  walk(policy, trace, how,
       [&](const PolicyCache& cache, std::int64_t seen,
           const std::vector<std::vector<float>>& outputs) {
         double bits = 0;
         for (std::int64_t l = 0; l < s.layers; ++l) {
           for (std::int64_t h = 0; h < s.kv_heads; ++h) {
             const HeadCache& c = cache.head(l, h);
             const std::vector<std::int32_t>& at = c.positions();
             INFO("layer " << l << " head " << h << ", " << seen << " seen");
             REQUIRE(std::is_sorted(at.begin(), at.end()));
             REQUIRE(std::adjacent_find(at.begin(), at.end()) == at.end());
             std::int64_t whole = 0;
             for (const std::uint8_t level : c.levels()) whole += level == 0 ? 1 : 0;
             const std::int64_t guarded = policy.protect.sinks + policy.protect.recent;
             const bool plain = policy.classes.empty() && !policy.decode;
             if (plain && cache.budget(l, h) > 0) {
               REQUIRE(whole <= std::max(cache.budget(l, h), guarded) + policy.interval - 1);
               for (std::int32_t p = 0; p < std::min(policy.protect.sinks, seen); ++p)
                 REQUIRE(std::binary_search(at.begin(), at.end(), p));
               for (std::int64_t p = std::max<std::int64_t>(0, seen - policy.protect.recent);
                    p < seen; ++p)
                 REQUIRE(std::binary_search(at.begin(), at.end(), static_cast<std::int32_t>(p)));
             }
             for (const HeadCache::Side side : {HeadCache::key, HeadCache::value}) {
               std::set<std::int32_t> blocks;
               double sum = 0;
               bool split = false;  // a block whose entries are partly gone keeps its bits
               for (std::int64_t i = 0; i < c.size(); ++i) {
                 sum += c.read_bits(side, i);
                 split = split || c.block(side, i) != HeadCache::raw;
               }
               if (!split) REQUIRE(sum == Approx(c.bits(side)));
               REQUIRE(sum <= c.read_bits(side) * (1 + 1e-9));
               bits += c.bits(side);
             }
           }
         }
         REQUIRE(cache.bits().keys + cache.bits().values == Approx(bits));
         for (const std::vector<float>& out : outputs)
           for (const float x : out) REQUIRE(std::isfinite(x));
       });
}

void require_identity(const KvPolicy& policy, const AttentionTrace& trace, const Walk& how) {
  std::vector<std::vector<std::vector<float>>> full;
  walk(policy_of("{}"), trace, how,
       [&](const PolicyCache&, std::int64_t, const auto& outputs) { full.push_back(outputs); });
  std::size_t step = 0;
  walk(policy, trace, how, [&](const PolicyCache&, std::int64_t, const auto& outputs) {
    INFO("step " << step);
    REQUIRE(outputs.size() == full[step].size());
    for (std::size_t l = 0; l < outputs.size(); ++l)
      REQUIRE(std::memcmp(outputs[l].data(), full[step][l].data(),
                          outputs[l].size() * sizeof(float)) == 0);
    ++step;
  });
}

std::size_t require_codec_within(const std::string& yaml, std::int64_t tokens,
                                 std::int64_t channels, const Allowed& allowed,
                                 const AttentionTrace* calibration) {
  Mistakes mistakes;
  const Node root = parse_config(yaml, "test.yaml", mistakes);
  Reader reader(mistakes);
  const auto choice = read<Choice<KvCodec>>(root, reader);
  mistakes.raise();
  KvCodec::Context context;
  context.shape.layers = context.shape.heads = context.shape.kv_heads = 1;
  context.shape.head_dim = channels;
  if (calibration != nullptr) context.shape = calibration->shape();
  context.calibration = calibration;
  const auto codec = choice.make(context);
  RandomStream random(3, "codec");
  std::vector<float> x(static_cast<std::size_t>(tokens * channels)), y(x.size());
  for (float& each : x) each = static_cast<float>(random.normal());
  std::vector<std::int32_t> positions;
  for (std::int64_t t = 0; t < tokens; ++t) positions.push_back(static_cast<std::int32_t>(t));
  CodecBlock block;
  block.rows = {x.data(), tokens, channels, channels};
  block.positions = positions.data();
  std::vector<std::uint8_t> bytes;
  codec->encode(block, bytes);
  CodecBlock known = block;
  known.rows.data = nullptr;
  codec->decode(bytes, known, {y.data(), tokens, channels, channels});
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto i = static_cast<std::size_t>(t * channels + c);
      INFO("token " << t << " channel " << c << ": " << x[i] << " became " << y[i]);
      REQUIRE(std::fabs(y[i] - x[i]) <= allowed(t, c, x[i]));
    }
  return bytes.size();
}

}  // namespace terrace
