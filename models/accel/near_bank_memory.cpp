// A memory with multiply-adders beside its banks: matrix-vector products and decode attention run
// there, softmax and all else on the logic of the buffer die, over the pins.
// Source: Kwon et al. and Lee et al. (HBM-PIM), ISSCC and ISCA 2021; Park et al. (AttAcc), ASPLOS
// 2024; values in configs/accel. State: none.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/accel/accelerator_kernels.h"
#include "models/accel/near_bank.h"
#include "sim/component.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class NearBankMemory final : public Component {
 public:
  struct Params {
    NearBankParams near_bank;
    FlopsPerSecond buffer_die{1e12};
    JoulesPerFlop buffer_die_energy{0.64e-12};
    DeviceMemory memory;
    Bytes reserved{0};
    bool stands_alone = false;
    Seconds launch{1e-6}, copy_start{1e-6};
    Watts idle_power{20}, power_limit{300};
    DollarsPerSecond price{0};

    static void fields(Schema<Params>& s) {
      s.field("near_bank", &Params::near_bank, "units beside the banks");
      s.field("buffer_die", &Params::buffer_die, "rate of softmax and element-wise work")
          .above(FlopsPerSecond(0));
      s.field("buffer_die_energy", &Params::buffer_die_energy, "of an operation there");
      s.field("memory", &Params::memory, "the stacks, as the host sees them");
      s.field("reserved", &Params::reserved, "memory taken before any workload");
      s.field("stands_alone", &Params::stands_alone,
              "runs whole models, as workloads place them on devices of kind gpu");
      s.field("launch", &Params::launch, "from an op's turn to its first command");
      s.field("copy_start", &Params::copy_start, "a copy engine fetching and decoding its command");
      s.field("idle_power", &Params::idle_power, "drawn while nothing runs");
      s.field("power_limit", &Params::power_limit, "of all stacks").above(Watts(0));
      s.field("price", &Params::price, "rent of one");
    }
    void check(Checker& c) const {
      if (near_bank.pins != memory.peak)
        c.fail("near_bank.pins",
               to_text(near_bank.pins) + " is not the peak of the memory, " + to_text(memory.peak));
      if (reserved > memory.capacity) c.fail("reserved", "is more than the memory");
    }
  };

  class Kernels final : public AcceleratorKernels {
   public:
    explicit Kernels(const Params& params) : p_(params) {}

    KernelTime time(const Op& op, TierId local) const override {
      const Traffic traffic = local_traffic(op, local, p_.memory, Bytes(0));
      KernelTime t;
      switch (op.kind) {
        case OpKind::gemm:
          gemm(op, t);
          break;
        case OpKind::attention_prefill:
        case OpKind::attention_decode:
          attention(op, t);
          break;
        case OpKind::elementwise:
        case OpKind::gather:
        case OpKind::topk:
        case OpKind::codec:
        case OpKind::copy:
          t.work_of(Station::vector) = op.flops;
          t.busy_of(Station::vector) = op.flops / p_.buffer_die.value();
          t.work_of(Station::memory) = traffic.missed;
          t.busy_of(Station::memory) = traffic.missed_seconds;
          break;
        default:
          throw std::logic_error(std::string("near-bank units have no way to do ") +
                                 name_of(op.kind) + " (" + op.label + ")");
      }
      settle(t, t.busy_of(Station::l2) + t.busy_of(Station::memory));
      t.latency += p_.launch.value();
      t.mix = traffic.mix;
      return t;
    }

   private:
    void add(const NearBankRun& run, double work, KernelTime& t) const {
      const NearBankParams& n = p_.near_bank;
      t.work_of(Station::tensor) += 2 * work;
      t.busy_of(Station::tensor) += 2 * work / n.flops().value();
      t.work_of(Station::l2) += run.matrix_bytes;
      t.busy_of(Station::l2) += run.matrix_bytes / n.streaming().value();
      t.work_of(Station::memory) += run.vector_bytes;
      t.busy_of(Station::memory) += (run.vectors_in + run.results_out).value();
    }
    void gemm(const Op& op, KernelTime& t) const {
      const GemmShape& g = op.gemm;
      const NearBankRun run = near_bank_product(p_.near_bank, g.m, g.n * g.count, g.k,
                                                bytes_of(g.weights), p_.memory.energy);
      add(run, g.m * g.n * g.k * g.count, t);
    }
    // Scores against K and the weighted sum of V are products whose matrices are the cache; each
    // head's vectors go only to the pseudo-channels that hold it.
    void attention(const Op& op, KernelTime& t) const {
      const AttentionProblem a = problem_of(op.attention);
      NearBankRun run =
          near_bank_product(p_.near_bank, a.queries * a.scored, a.heads * a.keys,
                            a.head_dim + a.value_dim, a.element_bytes, p_.memory.energy);
      run.vector_bytes = a.heads * a.queries * (a.head_dim + a.value_dim) * a.element_bytes;
      run.vectors_in = Seconds(run.vector_bytes / p_.near_bank.pins.value());
      run.results_out = Seconds(0);
      const double scores = a.heads * a.queries * a.keys * a.scored;
      add(run, scores * (a.head_dim + a.value_dim), t);
      // Maximum, subtraction and exponential, sum, division.
      t.work_of(Station::vector) += 5 * scores;
      t.busy_of(Station::vector) += 5 * scores / p_.buffer_die.value();
    }
    Params p_;
  };

  NearBankMemory(const Params& params, const Context& context)
      : params_(params), name_(context.name) {}

  void build(Machine& machine) const override {
    Params p = params_;
    p.memory.connect(name_ + ".hbm", machine.fidelity(name_ + ".hbm"));
    const NearBankParams& n = p.near_bank;
    AcceleratorParts parts;
    parts.name = name_;
    parts.kind = p.stands_alone ? "gpu" : "near_bank_memory";
    parts.stations = {{{".units", "FLOP", n.flops().value(), n.multiply_add.value() / 2,
                        ResourceClass::compute, "multiply-adders beside the banks"},
                       {".buffer_die", "FLOP", p.buffer_die.value(), p.buffer_die_energy.value(),
                        ResourceClass::compute, "softmax and element-wise work"},
                       {".banks", "B", n.streaming().value(), n.cell_energy.value(),
                        ResourceClass::memory, "bytes from the banks to their units"},
                       {".hbm", "B", p.memory.peak.value(), p.memory.energy.value(),
                        ResourceClass::memory, "bytes over the pins"}}};
    parts.memory = p.memory;
    parts.reserved = p.reserved;
    parts.copy_start = p.copy_start;
    parts.idle_power = p.idle_power;
    parts.price = p.price;
    parts.facts = {{"sm_count", double(n.stacks) * n.pseudo_channels},
                   {"max_threads_per_sm", n.units},
                   {"capability", 0},
                   {"l2_capacity", 0},
                   {"power_limit", p.power_limit.value()},
                   {"near_bank_bandwidth", n.streaming().value()},
                   {"total_flops.bf16", n.flops().value()},
                   {"total_flops.fp16", n.flops().value()}};
    add_accelerator(machine, parts, std::make_shared<const Kernels>(p));
  }

 private:
  Params params_;
  std::string name_;
};
TERRACE_REGISTER(Component, NearBankMemory, "near_bank_memory",
                 "memory with multiply-adders beside its banks");

}  // namespace
}  // namespace terrace
