// Steps of ops written down one by one: how an architect asks one question of a machine, and how
// both fidelities are held together. Each step starts when the one before has ended.
// State: which step is next, and when each ended.
#include <deque>
#include <map>
#include <vector>

#include "sim/format_names.h"
#include "sim/machine.h"
#include "sim/registry.h"
#include "sim/workload.h"

namespace terrace {

template <>
struct EnumNames<OpKind> {  // those that need no shape but a matrix's
  static constexpr std::pair<const char*, OpKind> values[] = {
      {"gemm", OpKind::gemm},        {"elementwise", OpKind::elementwise},
      {"gather", OpKind::gather},    {"topk", OpKind::topk},
      {"codec", OpKind::codec},      {"copy", OpKind::copy},
      {"host", OpKind::host_compute}};
};

namespace {

struct OpAccess {
  std::string tier;
  Bytes bytes, run;
  static void fields(Schema<OpAccess>& s) {
    s.field("tier", &OpAccess::tier, "memory").required();
    s.field("bytes", &OpAccess::bytes, "useful bytes").required().above(Bytes(0));
    s.field("run", &OpAccess::run, "contiguous bytes at random places; 0: one stream");
  }
};

struct OpMatrix {
  int m = 1, n = 1, k = 1;
  static void fields(Schema<OpMatrix>& s) {
    s.field("m", &OpMatrix::m, "rows of the activations").between(1, 1 << 30);
    s.field("n", &OpMatrix::n, "columns of the weights").between(1, 1 << 30);
    s.field("k", &OpMatrix::k, "what is summed over").between(1, 1 << 30);
  }
};

struct OpParams {
  std::string name, engine;
  OpKind kind = OpKind::elementwise;
  std::vector<OpAccess> reads, writes;
  std::optional<OpMatrix> matrix;
  Flops flops;
  Format format = Format::bf16;
  Seconds time;
  int pieces = 1;
  std::vector<std::string> after;

  static void fields(Schema<OpParams>& s) {
    s.field("name", &OpParams::name, "what tables and traces call it").required().not_empty();
    s.field("op", &OpParams::kind, "what it does");
    s.field("engine", &OpParams::engine, "who does it, as `terrace explain` names engines")
        .required();
    s.field("reads", &OpParams::reads, "what it reads");
    s.field("writes", &OpParams::writes, "what it writes");
    s.field("matrix", &OpParams::matrix, "shape of a gemm");
    s.field("flops", &OpParams::flops, "arithmetic, where there is no matrix");
    s.field("format", &OpParams::format, "number format of the arithmetic");
    s.field("time", &OpParams::time, "of work on the host");
    s.field("pieces", &OpParams::pieces, "transfers of a copy, or kernels in one launch")
        .between(1, 1 << 30);
    s.field("after", &OpParams::after, "ops listed before that must have ended");
  }
  void check(Checker& c) const {
    if ((kind == OpKind::gemm) != matrix.has_value())
      c.fail("matrix", matrix ? "means nothing without op: gemm" : "is missing: a gemm needs it");
    if (kind == OpKind::copy && (reads.size() != 1 || writes.size() != 1))
      c.fail("op", "a copy has one read and one write");
    if (kind == OpKind::copy && reads.size() == 1 && writes.size() == 1 &&
        reads[0].bytes != writes[0].bytes)
      c.fail("writes[0].bytes",
             to_text(writes[0].bytes) + " are written of " + to_text(reads[0].bytes) + " read");
    if ((kind == OpKind::host_compute) != (time > Seconds(0)))
      c.fail("time", kind == OpKind::host_compute ? "is missing: op: host needs it"
                                                  : "means nothing without op: host");
    if (matrix && flops.value() > 0) c.fail("flops", "follow from the matrix");
  }
};

class OpList final : public Workload {
 public:
  struct Params {
    std::int64_t steps = 1;
    std::vector<OpParams> ops;
    static void fields(Schema<Params>& s) {
      s.field("steps", &Params::steps, "times that all ops are done, one after another")
          .between(1, std::int64_t{1} << 40);
      s.field("ops", &Params::ops, "ops of a step").required().not_empty();
    }
    void check(Checker& c) const {
      std::map<std::string, std::size_t> known;
      for (std::size_t i = 0; i < ops.size(); ++i) {
        const std::string at = "ops[" + std::to_string(i) + "]";
        for (std::size_t j = 0; j < ops[i].after.size(); ++j)
          if (known.count(ops[i].after[j]) == 0)
            c.fail(at + ".after[" + std::to_string(j) + "]",
                   "no op before this one is named \"" + ops[i].after[j] + "\"");
        if (!known.emplace(ops[i].name, i).second)
          c.fail(at + ".name", "\"" + ops[i].name + "\" is taken");
      }
    }
  };

  OpList(const Params& params, const Context& context) : params_(params) {
    std::map<std::string, OpVertex> known;
    for (std::size_t i = 0; i < params.ops.size(); ++i) {
      const OpParams& p = params.ops[i];
      const OpVertex v = boost::add_vertex(
          op_of(p, "ops[" + std::to_string(i) + "]", context.machine), step_.graph);
      for (const std::string& earlier : p.after) boost::add_edge(known.at(earlier), v, step_.graph);
      known.emplace(p.name, v);
    }
  }

  std::optional<Step> next(Time) override {
    if (running_ || done_ == params_.steps) return std::nullopt;
    running_ = true;
    Step step = step_;
    step.id = done_;
    return step;
  }
  Time wake() const override { return Time::never(); }
  bool finished() const override { return !running_ && done_ == params_.steps; }
  void completed(std::int64_t, Time) override {
    running_ = false;
    ++done_;
  }
  double progress() const override {
    return static_cast<double>(done_) / static_cast<double>(params_.steps);
  }
  void report(Record& record, Time end) const override {
    record.stat("steps.mean", end.seconds() / static_cast<double>(done_), "s",
                "from the start of a step to its end");
  }
  std::vector<Sample> samples() override { return {{"a step", step_}}; }

 private:
  Op op_of(const OpParams& p, const std::string& path, const Machine& machine) {
    Op op;
    op.kind = p.kind;
    op.label = names_.emplace_back(p.name).c_str();
    op.engine = machine.find_engine(p.engine);
    if (op.engine == none) {
      std::vector<std::string> all;
      for (const EngineInfo& e : machine.engines()) all.push_back(e.name);
      throw BuildError(path + ".engine",
                       "there is no engine \"" + p.engine + "\"" + did_you_mean(p.engine, all));
    }
    op.format = p.format;
    op.flops = p.flops.value();
    op.pieces = p.pieces;
    op.host_time = Time::nearest(p.time);
    if (p.matrix) {
      op.gemm = {double(p.matrix->m), double(p.matrix->n), double(p.matrix->k), 1, p.format};
      op.flops = 2 * op.gemm.m * op.gemm.n * op.gemm.k;
    }
    const auto add = [&](const OpAccess& a, Direction d, const std::string& at) {
      const TierId tier = machine.find_tier(a.tier);
      if (tier == none) {
        std::vector<std::string> all;
        for (const Tier& t : machine.tiers()) all.push_back(t.name);
        throw BuildError(at + ".tier",
                         "there is no memory \"" + a.tier + "\"" + did_you_mean(a.tier, all));
      }
      Access access;
      access.tier = tier;
      access.direction = d;
      access.bytes = a.bytes.value();
      if (a.run > Bytes(0)) access.run_length = a.run.value();
      op.accesses.push_back(access);
    };
    for (std::size_t i = 0; i < p.reads.size(); ++i)
      add(p.reads[i], Direction::read, path + ".reads[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < p.writes.size(); ++i)
      add(p.writes[i], Direction::write, path + ".writes[" + std::to_string(i) + "]");
    return op;
  }

  Params params_;
  std::deque<std::string> names_;  // ops point into it
  Step step_;
  std::int64_t done_ = 0;
  bool running_ = false;
};

TERRACE_REGISTER(Workload, OpList, "ops", "steps of ops written down one by one");

}  // namespace
}  // namespace terrace
