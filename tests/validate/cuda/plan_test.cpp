// Plans of steps: every op done or named, the graph's order kept, memory never used twice at a
// time, and every call run on the host for a small model.
#include "validate/cuda/execute/plan.h"

#include <algorithm>
#include <set>

#include "tests/validate/cuda/places.h"
#include "tests/workloads/kv/harness.h"
#include "tests/workloads/llm/llm_machine.h"
#include "workloads/kv/profile/measure_profile.h"
#include "workloads/llm/step_builder.h"

namespace terrace::cuda {
namespace {

struct Bench {
  explicit Bench(ModelShape model, const std::string& policy = "", WeightPlacement weights = {})
      : shape(std::move(model)),
        machine(test::machine_of(1)),
        placement({}, shape, machine),
        builder(shape, placement, machine, params(), std::move(weights),
                policy.empty() ? std::nullopt
                               : std::optional<KvTiming>(
                                     {arithmetic_profile(policy_of(policy), 2, 8, shape.head_dim),
                                      machine.find_tier("host0.dram")})) {}
  static StepParams params() {
    StepParams p;
    p.greedy = true;
    return p;
  }
  Step step(int sequences, std::int64_t context, std::int64_t tokens = 1) {
    Batch batch = builder.batch();
    for (int i = 0; i < sequences; ++i) batch.add({context, tokens, true});
    return builder.build(batch);
  }
  ModelShape shape;
  Machine machine;
  Placement placement;
  StepBuilder builder;
};

ModelShape tiny() {
  ModelShape m = test::shipped("llama-3.1-8b");
  m.layers = 2;
  m.hidden = 64;
  m.heads = 2;
  m.kv_heads = 1;
  m.head_dim = 64;
  m.intermediate = 64;
  m.vocab = 128;
  m.max_positions = 512;
  return m;
}

// Which launches must have ended before each: by the order of streams and by waits.
class Order {
 public:
  explicit Order(const Plan& plan) : before_(plan.launches.size()) {
    std::vector<int> last(plan.streams.size(), -1);
    for (std::size_t i = 0; i < before_.size(); ++i) {
      before_[i].assign(i, 0);
      std::vector<int> direct = plan.launches[i].waits;
      int& own = last[static_cast<std::size_t>(plan.launches[i].stream)];
      if (own >= 0) direct.push_back(own);
      own = static_cast<int>(i);
      for (const int d : direct) {
        const auto& theirs = before_[static_cast<std::size_t>(d)];
        for (std::size_t k = 0; k < theirs.size(); ++k) before_[i][k] |= theirs[k];
        before_[i][static_cast<std::size_t>(d)] = 1;
      }
    }
  }
  bool before(std::size_t a, std::size_t b) const { return a < b && before_[b][a] != 0; }

 private:
  std::vector<std::vector<char>> before_;  // of each launch, of those before it
};

// Every edge of the unrolled graph, and every round after the one before.
void check_order(const Step& step, const Plan& plan, const Order& order) {
  std::map<std::pair<OpVertex, std::int64_t>, std::vector<std::size_t>> of;
  for (std::size_t i = 0; i < plan.launches.size(); ++i)
    of[{plan.launches[i].op, plan.launches[i].round}].push_back(i);
  const auto times = [&](OpVertex v) -> const Repeat* {
    for (const Repeat& r : step.repeats)
      if (v >= r.first && v < r.last) return &r;
    return nullptr;
  };
  const auto check = [&](std::pair<OpVertex, std::int64_t> a, std::pair<OpVertex, std::int64_t> b) {
    if (of.count(a) == 0 || of.count(b) == 0) return;
    CHECK(order.before(of[a].back(), of[b].front()));
  };
  for (auto [e, end] = boost::edges(step.graph); e != end; ++e) {
    const OpVertex a = boost::source(*e, step.graph), b = boost::target(*e, step.graph);
    const Repeat *ra = times(a), *rb = times(b);
    if (ra != nullptr && ra == rb)
      for (std::int64_t i = 0; i < ra->times; ++i) check({a, i}, {b, i});
    else
      check({a, ra != nullptr ? ra->times - 1 : 0}, {b, 0});
  }
  for (const Repeat& r : step.repeats)
    for (std::int64_t i = 1; i < r.times; ++i) check({r.last - 1, i - 1}, {r.first, i});
}

// Two uses of the same bytes, one of them writing, are in an order.
void check_memory(const Plan& plan, const Order& order) {
  struct Span {
    std::size_t launch, from, to;
    bool writes;
  };
  std::map<Space, std::vector<Span>> spans;
  for (std::size_t i = 0; i < plan.launches.size(); ++i)
    for (const OperandUse& u : plan.launches[i].uses) {
      const PlanBuffer& b = plan.buffers[static_cast<std::size_t>(u.operand.buffer)];
      if (u.operand.offset + u.operand.bytes > b.bytes) FAIL(b.name << " is too small");
      const std::size_t from = b.offset + u.operand.offset;
      spans[b.space].push_back({i, from, from + u.operand.bytes, u.use != Use::read});
    }
  std::size_t races = 0;
  for (auto& [space, all] : spans) {
    std::sort(all.begin(), all.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = i + 1; j < all.size() && all[j].from < all[i].to; ++j) {
        const std::size_t a = std::min(all[i].launch, all[j].launch);
        const std::size_t b = std::max(all[i].launch, all[j].launch);
        if ((all[i].writes || all[j].writes) && a != b && !order.before(a, b)) ++races;
      }
  }
  CHECK(races == 0);
  // Buffers that are alive at the same time lie apart, whoever uses them.
  std::size_t overlaps = 0;
  for (const PlanBuffer& a : plan.buffers)
    for (const PlanBuffer& b : plan.buffers) {
      const bool together = !a.shared || !b.shared || (a.first <= b.last && b.first <= a.last);
      if (&a < &b && a.space == b.space && together && a.offset < b.offset + b.bytes &&
          b.offset < a.offset + a.bytes)
        ++overlaps;
    }
  CHECK(overlaps == 0);
}

Plan checked(const Step& step, const Machine& machine) {
  const Plan plan = plan_step(step, machine);
  const Order order(plan);
  check_order(step, plan, order);
  check_memory(plan, order);
  std::set<OpVertex> launched;
  for (const PlannedLaunch& l : plan.launches) launched.insert(l.op);
  for (const PlannedOp& op : plan.ops) {
    INFO(step.graph[op.op].label);
    CHECK((launched.count(op.op) != 0 || op.fate == Fate::left_out));
    CHECK((op.fate == Fate::kernel || !op.why.empty()));
  }
  return plan;
}

std::vector<std::string> kinds(const Plan& plan, const Step& step) {
  std::vector<std::string> out;
  for (const PlannedOp& op : plan.ops)
    if (op.fate != Fate::kernel) out.push_back(step.graph[op.op].label);
  return out;
}

TEST_CASE("a decode step of Llama-3.1-8B is kernels only, and its memory the model's and cache's",
          "[cuda]") {
  Bench b(test::shipped("llama-3.1-8b"));
  const Step step = b.step(4, 2047);
  const Plan plan = checked(step, b.machine);
  CHECK(kinds(plan, step) == std::vector<std::string>{"logits_to_fp32"});
  // 8.03e9 parameters in bf16, less the embedding, which a gather reads from 256 MiB; 2 x 32 layers
  // x 4 sequences x 2048 tokens x 8 heads x 128 numbers of cache.
  const double weights = 2.0 * (8.03026e9 - 128256.0 * 4096) + 256.0 * (1 << 20);
  const double cache = 2.0 * 2 * 32 * 4 * 2048 * 8 * 128;
  CHECK(static_cast<double>(plan.device_bytes) == Approx(weights + cache).epsilon(0.01));
  CHECK(plan.pinned_bytes == 0);
  CHECK(plan.streams.size() == 1);
}

TEST_CASE("a prompt of Llama-3.1-8B is planned with its causal tiles", "[cuda]") {
  Bench b(test::shipped("llama-3.1-8b"));
  const Step step = b.step(2, 100, 300);
  const Plan plan = checked(step, b.machine);
  CHECK(kinds(plan, step) == std::vector<std::string>{"logits_to_fp32"});
  const Addresses at(plan, {});
  int prefills = 0;
  for (const PlannedLaunch& l : plan.launches) {
    const Call call = l.call(at);
    if (const auto* a = std::get_if<PrefillAttentionArgs>(&call)) {
      ++prefills;
      CHECK(a->tile_count == 2 * 5);  // 300 rows in tiles of 64, twice
    }
  }
  CHECK(prefills == 32);
}

template <class Args>
std::vector<Args> calls_of(const Plan& plan) {
  std::vector<Args> out;
  const Addresses at(plan, {});
  for (const PlannedLaunch& l : plan.launches) {
    const Call call = l.call(at);
    if (const auto* a = std::get_if<Args>(&call)) out.push_back(*a);
  }
  return out;
}

TEST_CASE("a policy's steps read what it leaves, decode its codes and fetch from the host",
          "[cuda]") {
  const std::int64_t context = 8191;
  const auto plan_of = [&](const char* policy) {
    Bench b(test::shipped("llama-3.1-8b"), policy);
    const Step step = b.step(2, context);
    return checked(step, b.machine);
  };
  SECTION("evicted: a cache as small as the budget") {
    const Plan full = plan_of("{}");
    const Plan plan = plan_of("{score: {kind: recency}, budget: {kind: uniform, tokens: 1024}}");
    const auto cache_bytes = [](const Plan& p) {
      std::size_t sum = 0;
      for (const PlanBuffer& x : p.buffers)
        if (x.name.rfind("keys of attention", 0) == 0 ||
            x.name.rfind("values of attention", 0) == 0)
          sum += x.bytes;
      return static_cast<double>(sum);
    };
    CHECK(cache_bytes(full) == 2.0 * 2 * 32 * 2 * 8192 * 1024);
    CHECK(cache_bytes(plan) == Approx(cache_bytes(full) / 8).epsilon(0.02));
  }
  SECTION("attention decodes codes by itself, keys by channel, and reads the newest as they are") {
    const Plan plan = plan_of(
        "{codec: {keys: {kind: rtn, bits: 2, per: channel, group: 32}, values: {kind: rtn, bits: "
        "2, per: token, group: 32}}}");
    const auto coded = calls_of<CodedAttentionArgs>(plan);
    REQUIRE(coded.size() == 32);
    CHECK(calls_of<DequantizeArgs>(plan).empty());
    CHECK(coded[0].shape[0].by_channel);
    CHECK(!coded[0].shape[1].by_channel);
    CHECK(coded[0].shape[1].bits == 2);
    const auto newest = calls_of<DecodeAttentionArgs>(plan);
    REQUIRE(newest.size() == 32);
    CHECK(newest[0].part_count == 2);  // one a sequence
    CHECK(calls_of<MergePartsArgs>(plan).size() == 32);
  }
  SECTION("pages are scored and chosen, then read") {
    const Plan plan = plan_of("{place: {kind: pages, page: 16, share: 0.25}}");
    const auto chosen = calls_of<TopKArgs>(plan);
    REQUIRE(chosen.size() == 32);
    CHECK(chosen[0].rows == 2 * 8);
    CHECK(chosen[0].n == Approx(512).margin(1));
    CHECK(chosen[0].k == Approx(128).margin(1));
    CHECK(calls_of<DecodeAttentionArgs>(plan).front().kv.table_head > 0);
  }
  SECTION("heads come from the host") {
    const Plan plan = plan_of("{place: {kind: by_head, buffers: 2}}");
    double copied = 0;
    for (const CopyArgs& c : calls_of<CopyArgs>(plan)) copied += static_cast<double>(c.bytes);
    for (const GatherArgs& g : calls_of<GatherArgs>(plan))
      copied += static_cast<double>(g.rows * g.row_bytes);
    CHECK(copied > 0.9 * 2 * 2 * 32 * 2 * 8192 * 1024);
    CHECK(static_cast<double>(plan.pinned_bytes) > 0.9 * 2 * 2 * 32 * 2 * 8192 * 1024);
    CHECK(plan.streams.size() >= 2);
  }
}

TEST_CASE("streamed weights arrive in slots before their layer and leave none too early",
          "[cuda]") {
  for (const std::int64_t ahead : {1, 2}) {
    WeightPlacement weights;
    weights.outside = {{"host0.dram", 1.0}};
    weights.prefetch_layers = ahead;
    Bench b(test::shipped("llama-3.1-8b"), "", weights);
    for (int i = 0; i < 2; ++i) {  // the second finds its first layers there
      const Step step = b.step(1, 100);
      const Plan plan = checked(step, b.machine);
      std::set<int> slots;
      for (const PlanBuffer& x : plan.buffers)
        if (x.name.rfind("slot ", 0) == 0) {
          slots.insert(static_cast<int>(slots.size()));
          CHECK(static_cast<double>(x.bytes) == Approx(2.0 * 218.1e6).epsilon(0.01));
        }
      CHECK(static_cast<std::int64_t>(slots.size()) == ahead + 1);
      CHECK(static_cast<double>(plan.pinned_bytes) >= 2.0 * 32 * 218.1e6);
    }
  }
}

TEST_CASE("what one GPU cannot do is named", "[cuda]") {
  const auto why = [](const ModelShape& m) {
    Bench b(m);
    const Step step = b.step(1, 100);
    try {
      plan_step(step, b.machine);
    } catch (const NotExecutable& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(why(test::shipped("deepseek-v2-lite")).find("latent") != std::string::npos);
  CHECK(why(test::shipped("mixtral-8x7b")).find("matrices at a time") != std::string::npos);
  CHECK(why(test::shipped("phi-3-mini")).find("heads of 96") != std::string::npos);
  CHECK(why(test::shipped("llama-3.1-8b", {"weight_format=int4"})).find("weights in int4") !=
        std::string::npos);
}

TEST_CASE("what does not fit is named, and how much is missing", "[cuda]") {
  Bench b(test::shipped("llama-3.1-8b"));
  const Plan plan = plan_step(b.step(1, 100), b.machine);
  const std::size_t gib = std::size_t{1} << 30;
  CHECK(what_does_not_fit(plan, 80 * gib, gib).empty());
  const std::string said = what_does_not_fit(plan, 12 * gib, gib);
  CHECK(said.find("\"weights of lm_head\" the largest with 0.98 GiB") != std::string::npos);
  CHECK(said.find("12.00 GiB are free") != std::string::npos);
}

// Runs a plan's calls one after the other in host memory, which the sanitizers watch.
void run_on_host(const Plan& plan) {
  const auto space = [](std::size_t bytes) {
    return std::unique_ptr<std::byte, void (*)(void*)>(
        static_cast<std::byte*>(std::aligned_alloc(256, bytes + 256)), &std::free);
  };
  const auto device = space(plan.device_bytes), pinned = space(plan.pinned_bytes);
  for (std::size_t i = 0; i < plan.device_bytes / 2; ++i)  // small bfloat16 numbers
    reinterpret_cast<std::uint16_t*>(device.get())[i] =
        static_cast<std::uint16_t>(0x3C00U + i % 251);
  std::memset(pinned.get(), 0, plan.pinned_bytes);
  for (const PlanBuffer& b : plan.buffers)
    if (!b.contents.empty())
      std::memcpy(device.get() + b.offset, b.contents.data(), b.contents.size());
  const Addresses at(plan, {device.get(), pinned.get()});
  HostCalls calls;
  for (const PlannedLaunch& l : plan.launches) calls.call(l.call(at));
  int finite = 0;
  for (const PlannedLaunch& l : plan.launches) {
    const Call call = l.call(at);
    if (const auto* a = std::get_if<DecodeAttentionArgs>(&call)) {
      CHECK(std::isfinite(to_float(*static_cast<const Bf16*>(a->out))));
      ++finite;
    }
  }
  CHECK(finite >= 0);
}

TEST_CASE("the calls of a small model's steps run on the host within their memory", "[cuda]") {
  const auto run = [](const std::string& policy, int sequences, std::int64_t context,
                      std::int64_t tokens) {
    INFO("policy " << policy);
    Bench b(tiny(), policy);
    const Step step = b.step(sequences, context, tokens);
    run_on_host(checked(step, b.machine));
  };
  run("", 2, 69, 1);
  run("", 1, 5, 40);
  run("{codec: {keys: {kind: rtn, bits: 4, per: channel, group: 32}, values: {kind: rtn, bits: 4, "
      "per: token, group: 32}}}",
      2, 69, 1);
  run("{place: {kind: pages, page: 16, share: 0.25}}", 2, 199, 1);
  run("{place: {kind: by_head, buffers: 2}}", 2, 69, 1);
  WeightPlacement weights;
  weights.outside = {{"host0.dram", 1.0}};
  Bench b(tiny(), "", weights);
  run_on_host(checked(b.step(1, 20), b.machine));
}

}  // namespace
}  // namespace terrace::cuda
