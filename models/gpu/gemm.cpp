// Matrix multiplication: the best of a menu of tiles and splits along k, each timed in whole waves
// of blocks against tensor cores, L2 and memory.
// Source: CUTLASS's hierarchy (tiles, multistage pipeline, split-k, swizzled raster); constants in
// configs/gpu/arch, fitted to the GEMM tables of aiconfigurator where they say so.
// State: the answers so far, by shape and traffic; the same question gives the same answer.
#include "models/gpu/gemm.h"

#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "models/gpu/waves.h"

namespace terrace {
namespace {

constexpr double splits[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
constexpr double registers = 65536;  // of a multiprocessor, 32-bit (CUDA C guide, all parts here)
constexpr double block_registers = 8192;  // beside the accumulators
constexpr double most_blocks = 4;         // resident a multiprocessor
constexpr double big_tile = 8192;         // outputs from which on tiles use multicast
constexpr double output_bytes = 2;

struct Reads {  // times that each operand passes the memory bus
  double a = 1, b = 1;
};

// Blocks of a wave cover gm x gn tiles, shaped to fetch least. An operand larger than half the L2
// is read again by each column or row of waves; the raster spares the more costly one.
Reads reads_of(const GpuParams& gpu, const GemmProblem& p, double slots, double x, double y,
               double tm, double tn) {
  const double half = gpu.l2.capacity.value() / 2;
  const double a = p.m * p.k * p.a_bytes, b = p.n * p.k * p.b_bytes;
  if (a < half && b < half) return {};
  const double gm = std::clamp(whole_below(std::sqrt(slots * y / x) + 0.5), 1.0, tm);
  const double gn = std::clamp(whole_below(slots / gm), 1.0, tn);
  const double ra = a < half ? 1 : whole_above(tn / gn);
  const double rb = b < half ? 1 : whole_above(tm / gm);
  return ra * a + b < a + rb * b ? Reads{ra, 1} : Reads{1, rb};
}

}  // namespace

TiledGemm time_tile(const GpuParams& gpu, const GemmProblem& p, const Tile& tile, double split,
                    double best) {
  const GemmConstants& c = gpu.kernels.gemm;
  const double sm = gpu.multiprocessors, l2 = gpu.l2.bandwidth.value();
  const double tm = whole_above(p.m / tile.m), tn = whole_above(p.n / tile.n);
  const double tiles = tm * tn * p.count, blocks = tiles * split;
  const double slice = whole_above(p.k / split);
  const double x = tile.m * p.a_bytes, y = tile.n * p.b_bytes, outputs = double(tile.m) * tile.n;
  const double fetch = std::min(x, y) + std::max(x, y) / (outputs >= big_tile ? c.multicast : 1);

  TiledGemm t;
  const double tensor = 2 * outputs * sm / p.rate, cache = fetch * sm / l2;
  t.main = whole_above(blocks / sm) * slice * std::max(tensor, cache);
  t.l2_bytes = tiles * p.k * fetch + p.m * p.n * p.count * output_bytes;
  const double reduce = split > 1 ? 8 * split * p.m * p.n * p.count / l2 + c.reduction.value() : 0;
  const Seconds unloaded = p.traffic.missed > 0 ? gpu.memory.latency : gpu.l2.latency;
  const double latency = unloaded.value() * c.latency_factor;
  const double block =
      c.prologue.value() + latency + c.epilogue.value() + outputs * output_bytes * sm / l2;
  t.latency = gpu.kernels.launch.value() + block + reduce;
  t.seconds = std::numeric_limits<double>::infinity();
  const double least = p.traffic.missed_seconds / c.memory_efficiency;
  if (t.latency + std::max({t.main, t.l2_bytes / l2, least}) >= best) return t;

  const double stage = (x + y) * c.slice / 2;
  const double fit = whole_below(c.shared_memory.value() / (stage * c.stages));
  const double room = whole_below(registers / (outputs + block_registers));
  const double resident = std::clamp(std::min(fit, room), 1.0, most_blocks);
  const double slots = sm * resident;
  t.memory_bytes = p.traffic.missed;
  t.memory_seconds = p.traffic.missed_seconds;
  if (t.memory_bytes > 0) {
    const Reads reads = reads_of(gpu, p, slots, x, y, tm, tn);
    const double again =
        ((reads.a - 1) * p.m * p.a_bytes + (reads.b - 1) * p.n * p.b_bytes) * p.k * p.count;
    t.memory_bytes += again;
    t.memory_seconds += again / gpu.memory.stream.value();
  }

  const double feed = stage * c.stages / latency;
  double memory = 0;
  if (t.memory_bytes > 0) {
    t.memory_seconds /= c.memory_efficiency;
    const double peak = t.memory_bytes / t.memory_seconds;
    memory = t.memory_bytes / drawn_rate(peak, blocks, slots, feed);
  }
  const double through_l2 = t.l2_bytes / drawn_rate(l2, blocks, slots, feed);
  const double fed = std::max(memory, through_l2);

  const double waves = whole_above(blocks / slots);
  const double exposed = c.multicast > 1 ? 1 : 1 + std::max(0.0, waves - 1) / resident;
  const double pipelined = std::max(t.main, fed) * queue_factor(t.main, fed, c.overlap);
  t.seconds = t.latency + std::max(pipelined, t.main + block * (exposed - 1));
  t.bound = t.main >= fed ? (tensor >= cache ? Station::tensor : Station::l2)
                          : (memory >= through_l2 ? Station::memory : Station::l2);
  return t;
}

TiledGemm time_best_tile(const GpuParams& gpu, const GemmProblem& p) {
  TiledGemm best;
  best.seconds = std::numeric_limits<double>::infinity();
  for (const Tile& tile : gpu.kernels.gemm.tiles) {
    for (const double split : splits) {
      if (split > 1 && whole_above(p.k / split) < 2 * gpu.kernels.gemm.slice) break;
      const TiledGemm t = time_tile(gpu, p, tile, split, best.seconds);
      if (t.seconds < best.seconds) best = t;
    }
  }
  return best;
}

namespace {

class Gemm final : public Kernel {
 public:
  explicit Gemm(const GpuParams& gpu) : gpu_(gpu) {}

  KernelTime time(const Op& op, const Traffic& traffic) const override {
    const GemmShape& g = op.gemm;
    const Key key{
        {g.m, g.n, g.k, g.count, traffic.missed, traffic.missed_seconds}, op.format, g.weights};
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    if (known_.size() >= most_known) known_.clear();
    return known_.emplace(key, work_out(op, traffic)).first->second;
  }

 private:
  static constexpr std::size_t most_known = 1 << 18;
  struct Key {
    std::array<double, 6> numbers;
    Format format, weights;
    bool operator==(const Key& o) const {
      return numbers == o.numbers && format == o.format && weights == o.weights;
    }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      std::uint64_t h =
          static_cast<std::uint64_t>(key.format) * 16 + static_cast<std::uint64_t>(key.weights);
      for (const double each : key.numbers) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &each, sizeof bits);
        h = (h ^ bits) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 29;
      }
      return h;
    }
  };

  KernelTime work_out(const Op& op, const Traffic& traffic) const {
    const GemmShape& g = op.gemm;
    const TensorRate rate = gpu_.rate(op.format);
    if (!(rate.peak.value() > 0))
      throw std::runtime_error(std::string("this GPU does not multiply in ") +
                               std::string(name_of(op.format)) + " (" + op.label + ")");
    GemmProblem p{
        g.m,    g.n, g.k, g.count, bytes_of(op.format), bytes_of(g.weights), rate.sustained.value(),
        traffic};
    if (bits_of(g.weights) < bits_of(op.format)) {
      const auto& slower = gpu_.kernels.gemm.weight_only;
      const auto found = slower.find(std::string(name_of(g.weights)));
      if (found != slower.end()) p.rate *= found->second;
    }
    KernelTime t;
    if (!(g.m > 0 && g.n > 0 && g.k > 0 && g.count > 0)) return t;
    const TiledGemm best = time_best_tile(gpu_, p);
    const double flops = 2 * g.m * g.n * g.k * g.count;
    t.latency = best.latency;
    t.body = best.seconds - best.latency;
    t.work_of(Station::tensor) = flops * ratio(gpu_.rate(Format::bf16).peak, rate.peak);
    t.busy_of(Station::tensor) = flops / p.rate;
    t.work_of(Station::l2) = best.l2_bytes;
    t.busy_of(Station::l2) = best.l2_bytes / gpu_.l2.bandwidth.value();
    t.work_of(Station::memory) = best.memory_bytes;
    t.busy_of(Station::memory) = best.memory_seconds;
    t.bound = best.bound;
    return t;
  }

  const GpuParams& gpu_;
  mutable std::unordered_map<Key, KernelTime, Hash> known_;
};

}  // namespace

std::unique_ptr<Kernel> make_gemm(const GpuParams& params) {
  return std::make_unique<Gemm>(params);
}

}  // namespace terrace
