// Sizes and homes of weights, KV and activations.
#include "workloads/offload/flexgen_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace terrace {
namespace {

// 4 bits a value with a 16-bit minimum and scale for every 64: FlexGen, section 4.3 and
// compression.py.
constexpr double compressed = (4.0 + 2 * 16.0 / 64) / 16;
constexpr std::array<const char*, home_count> home_names = {"GPU", "host", "disk"};

// Where a tensor goes whose middle lies at `percent` of its layer: disk first, then host, then GPU
// (FlexGen, get_choice in flex_opt.py).
Home home_of(double percent, double gpu, double host) {
  const double disk = 100 - gpu - host;
  if (percent < disk) return Home::disk;
  return percent < disk + host ? Home::host : Home::gpu;
}

FlexgenPlan::Layer place(FlexgenPlan::Layer::Kind kind, const std::vector<double>& tensors,
                         const FlexgenParams& p, double factor) {
  FlexgenPlan::Layer layer{kind, {}, 0};
  double total = 0, before = 0;
  for (double t : tensors) total += t;
  for (double t : tensors) {
    const Home home = home_of((before + t / 2) / total * 100, p.weights_gpu, p.weights_host);
    layer.weights[static_cast<std::size_t>(home)] += t * factor;
    before += t;
  }
  layer.plain_bytes = total;
  return layer;
}

// `needed`: why there must be one, or "".
DeviceId device(const Machine& machine, const std::string& name, const std::string& kind,
                const char* key, const std::string& needed) {
  if (!name.empty()) {
    const DeviceId id = machine.find_device(name);
    if (id == none) throw BuildError(key, "the machine has no device \"" + name + "\"");
    return id;
  }
  const std::vector<DeviceId> all = machine.devices_of(kind);
  if (all.empty() && !needed.empty())
    throw BuildError(key, "the machine has no " + kind + ", but " + needed);
  return all.empty() ? none : all.front();
}

EngineId engine(const Machine& machine, DeviceId d, const char* suffix, const char* key) {
  const std::string name = machine.devices().at(static_cast<std::size_t>(d)).name + suffix;
  const EngineId id = machine.find_engine(name);
  if (id == none) throw BuildError(key, "the machine has no engine \"" + name + "\"");
  return id;
}

}  // namespace

void FlexgenParams::fields(Schema<FlexgenParams>& s) {
  s.field("model", &FlexgenParams::model, "shape of the model").required();
  s.field("gpu_batch", &FlexgenParams::gpu_batch, "sequences in one GPU batch").at_least(1);
  s.field("batches", &FlexgenParams::batches,
          "GPU batches in a block, run layer by layer (zig-zag)")
      .at_least(1);
  s.field("prompt_tokens", &FlexgenParams::prompt_tokens, "prompt length of every sequence")
      .at_least(1);
  s.field("output_tokens", &FlexgenParams::output_tokens, "tokens generated for every sequence")
      .at_least(1);
  s.field("weights_gpu", &FlexgenParams::weights_gpu, "percent of the weights in GPU memory")
      .between(0, 100);
  s.field("weights_host", &FlexgenParams::weights_host,
          "percent of the weights in host memory; the rest is on disk")
      .between(0, 100);
  s.field("cache_gpu", &FlexgenParams::cache_gpu, "percent of the KV cache in GPU memory")
      .between(0, 100);
  s.field("cache_host", &FlexgenParams::cache_host, "percent of the KV cache in host memory")
      .between(0, 100);
  s.field("hidden_gpu", &FlexgenParams::hidden_gpu,
          "percent of the activations in GPU memory: 0 or 100")
      .one_of({0.0, 100.0});
  s.field("hidden_host", &FlexgenParams::hidden_host,
          "percent of the activations in host memory: 0 or 100")
      .one_of({0.0, 100.0});
  s.field("host_attention", &FlexgenParams::host_attention,
          "decode attention on the CPU, so that KV does not cross PCIe");
  s.field("compress_weights", &FlexgenParams::compress_weights, "4-bit weights, group 64");
  s.field("compress_cache", &FlexgenParams::compress_cache, "4-bit KV cache, group 64");
  s.field("spread_weights", &FlexgenParams::spread_weights,
          "a layer's weights arrive over all slots of the layer before (the paper's cost model) "
          "instead of in its first slot (the code)");
  s.field("slot_overhead", &FlexgenParams::slot_overhead,
          "host time for dispatching a slot and its barrier");
  s.field("gpu", &FlexgenParams::gpu, "name of the GPU; empty: the first");
  s.field("host", &FlexgenParams::host, "name of the host; empty: the first");
  s.field("disk", &FlexgenParams::disk, "name of the SSD; empty: the first, if any");
}

void FlexgenParams::check(Checker& c) const {
  const auto share = [&](const char* gpu_key, double on_gpu, const char* host_key, double on_host) {
    if (on_gpu + on_host > 100)
      c.fail(host_key, fmt::format("{} and {} add up to more than 100 percent: {} + {} = {}",
                                   gpu_key, host_key, on_gpu, on_host, on_gpu + on_host));
  };
  share("weights_gpu", weights_gpu, "weights_host", weights_host);
  share("cache_gpu", cache_gpu, "cache_host", cache_host);
  if (hidden_gpu + hidden_host > 100) c.fail("hidden_host", "activations live in one place");
  if (compress_cache && host_attention)
    c.fail("host_attention", "attention on the CPU does not work with a compressed cache");
  if (model.moe || model.mla) c.fail("model", "only dense models with plain attention");
}

FlexgenPlan::FlexgenPlan(const FlexgenParams& p, const Machine& machine) {
  const ModelShape& m = p.model;
  const double element = bytes_of(m.dtype);
  const auto h = static_cast<double>(m.hidden), q = static_cast<double>(m.heads * m.head_dim),
             kv = static_cast<double>(m.kv_heads * m.head_dim),
             ffn = static_cast<double>(m.intermediate);
  weight_factor = p.compress_weights ? compressed : 1;
  cache_factor = p.compress_cache ? compressed : 1;

  using Kind = Layer::Kind;
  const auto add = [&](Kind kind, std::vector<double> elements) {
    for (double& e : elements) e *= element;
    layers.push_back(place(kind, elements, p, weight_factor));
  };
  const double table = static_cast<double>(m.vocab) * h;
  add(Kind::input_embedding, {table, static_cast<double>(m.learned_positions) * h});
  for (std::int64_t l = 0; l < m.layers; ++l) {
    add(Kind::attention, {h * q, q, h * kv, kv, h * kv, kv, q * h, h, 2 * h});
    add(Kind::mlp, m.gated ? std::vector<double>{h * ffn, h * ffn, ffn * h, h}
                           : std::vector<double>{h * ffn, ffn, ffn * h, h, 2 * h});
  }
  add(Kind::output_embedding, {2 * h, table});

  cache = {p.cache_gpu / 100, p.cache_host / 100, (100 - p.cache_gpu - p.cache_host) / 100};
  hidden = p.hidden_gpu > 0 ? Home::gpu : p.hidden_host > 0 ? Home::host : Home::disk;

  const double weights_disk = 100 - p.weights_gpu - p.weights_host;
  const std::string on_disk =
      weights_disk > 0       ? fmt::format("{} percent of the weights are on disk", weights_disk)
      : cache[2] > 0         ? fmt::format("{} percent of the KV cache are on disk", 100 * cache[2])
      : hidden == Home::disk ? std::string("the activations are on disk")
                             : std::string();
  const DeviceId gpu = device(machine, p.gpu, "gpu", "gpu", "FlexGen runs on one"),
                 host = device(machine, p.host, "host", "host", "FlexGen offloads to one"),
                 disk = device(machine, p.disk, "nvme_ssd", "disk", on_disk);
  const auto tier_of = [&](DeviceId d) {
    return d == none ? none : machine.devices()[static_cast<std::size_t>(d)].tiers.at(0);
  };
  tier = {tier_of(gpu), tier_of(host), tier_of(disk)};
  engines = {engine(machine, gpu, ".compute", "gpu"),
             engine(machine, gpu, ".copy_in", "gpu"),
             engine(machine, gpu, ".copy_out", "gpu"),
             engine(machine, gpu, ".driver", "gpu"),
             engine(machine, host, ".cpu", "host"),
             disk == none ? none : engine(machine, disk, ".dma", "disk")};

  const double sequences = static_cast<double>(p.gpu_batch * p.batches);
  const double tokens = static_cast<double>(p.prompt_tokens + p.output_tokens);
  const double cache_bytes =
      sequences * tokens * 2 * kv * element * static_cast<double>(m.layers) * cache_factor;
  double largest_layer = 0;
  std::array<double, home_count> weights{};
  for (const Layer& layer : layers) {
    for (std::size_t i = 0; i < home_count; ++i) weights[i] += layer.weights[i];
    largest_layer = std::max(largest_layer, layer.plain_bytes);
  }
  for (std::size_t i = 0; i < home_count; ++i) bytes[i] = weights[i] + cache_bytes * cache[i];
  bytes[static_cast<std::size_t>(hidden)] +=
      sequences * static_cast<double>(p.prompt_tokens) * h * element;
  // On the GPU besides: the layer at work and the one arriving, and what one GPU batch needs in
  // prefill.
  const double batch_tokens = static_cast<double>(p.gpu_batch * p.prompt_tokens);
  bytes[0] += 2 * largest_layer + batch_tokens * (2 * h + std::max(ffn, 3 * q)) * element;
  const auto gib = [](double n) { return fmt::format("{:.2f} GiB", n / (1 << 30)); };
  for (std::size_t i = 0; i < home_count; ++i) {
    if (tier[i] == none) continue;
    const Tier& t = machine.tier(tier[i]);
    const double room = (t.capacity - t.reserved).value(), kv_bytes = cache_bytes * cache[i],
                 rest = bytes[i] - weights[i] - kv_bytes;
    if (bytes[i] <= room) continue;
    // The largest part is to blame; what is on disk is what the other two leave.
    const char* key = weights[i] > std::max(kv_bytes, rest)
                          ? i == 0 ? "weights_gpu" : "weights_host"
                      : kv_bytes > rest ? i == 0 ? "cache_gpu" : "cache_host"
                      : i == 0          ? "gpu_batch"
                                        : "batches";
    throw BuildError(
        key, fmt::format("does not fit: {} memory {} has room for {}, but weights take {}, the KV "
                         "cache {}, activations and buffers {}: {} are missing. place less on the "
                         "{}, or use smaller or fewer batches",
                         home_names[i], t.name, gib(room), gib(weights[i]), gib(kv_bytes),
                         gib(rest), gib(bytes[i] - room), home_names[i]));
  }
}

}  // namespace terrace
