// FuseMax over FLAT: published speed-up and energy in the iso-area setting of the paper, Nayak et
// al., MICRO 2024, and the times of its own model. State: none.
//
// Where the setting comes from: the artifact (github.com/FPSG-UIUC/micro24-fusemax-artifact). Same
// 256x256 and 256-lane arrays at 940 MHz and 400 x 2^30 B/s; FLAT has 32 MiB of buffer and
// exponential units, FuseMax 16 MiB and more registers. The paper's averages are arithmetic means
// over the four models and six lengths: its own rows (data/pregenerated/attn-*.csv) give 6.72 and
// 0.787.
#include <fmt/format.h>

#include "validate/comparison.h"
#include "validate/device/attention_machines.h"

namespace terrace::validate {
namespace {

std::string name_of(int model, int length) {
  return fmt::format("{} {:.0f}K", attention_models[model].name, attention_lengths[length] / 1024);
}
AttentionProblem problem_of(int model, int length) {
  return attention_problem(attention_models[model], attention_lengths[length]);
}
// Every score needs its products on 65,536 multiply-adders at 940 MHz.
double least_seconds(const AttentionProblem& p) {
  return p.heads * p.queries * p.keys * 2 * p.head_dim / 65536 / 940e6;
}

Rows means() {
  const AttentionMachine fusemax("accel/fusemax_cloud.yaml"), flat("accel/flat_cloud.yaml");
  double speedup = 0, energy = 0;
  int n = 0;
  for (int m = 0; m < 4; ++m)
    for (int l = 0; l < 6; ++l, ++n) {
      const AttentionRun f = flat.run(problem_of(m, l)), x = fusemax.run(problem_of(m, l));
      speedup += ratio(f.seconds, x.seconds);
      energy += ratio(x.energy(), f.energy());
    }
  return {percent("speed-up of FuseMax over FLAT, mean", speedup / n, 6.7, "x", 20),
          points("energy of FuseMax over FLAT, mean", 100 * energy / n, 79, 10)};
}

Rows times() {
  // data/pregenerated/attn-flat.csv and attn-proposal.csv: seconds, and bytes of FuseMax.
  const struct {
    int model, length;
    double flat, fusemax, bytes;
  } runs[] = {{0, 0, 0.013386076595744681, 0.002013140425531915, 402653184},
              {0, 3, 54.829369736170214, 7.402500357446808, 38654705664},
              {0, 4, 1013.88, 118.2793728, 463856467968},
              {2, 1, 0.1427848170212766, 0.019800238297872343, 1073741824},
              {3, 0, 0.017848102127659575, 0.005194076595744681, 1073741824},
              {3, 2, 4.569114144680851, 1.1958228425531914, 17179869184},
              {3, 5, 22283.52, 4862.10858920851, 35734127902720}};
  const AttentionMachine fusemax("accel/fusemax_cloud.yaml"), flat("accel/flat_cloud.yaml");
  Rows rows;
  for (const auto& r : runs) {
    const AttentionProblem p = problem_of(r.model, r.length);
    const AttentionRun f = flat.run(p), x = fusemax.run(p);
    const std::string name = name_of(r.model, r.length);
    rows.push_back(
        percent("FLAT, " + name, f.seconds.value(), r.flat, "s", 7).at_least(least_seconds(p)));
    rows.push_back(percent("FuseMax, " + name, x.seconds.value(), r.fusemax, "s", 2)
                       .at_least(least_seconds(p)));
    rows.push_back(percent("FuseMax, " + name + ", traffic", x.memory_bytes(), r.bytes, "B", 50));
  }
  rows[0].because(
      "this FLAT keeps the largest block of Q that fits, the paper's at most 1024 "
      "queries: up to 7 % faster");
  rows[2].because(
      "the paper cuts queries into equal blocks, this model fills the buffer: down to "
      "half of the bytes");
  return rows;
}

Rows unfused() {
  AttentionMachine flat("accel/flat_cloud.yaml");
  flat.schedule = Choice<AttentionSchedule>::of("unfused").make({});
  const struct {
    int model, length;
    double seconds;
  } runs[] = {{0, 0, 0.02182357659574468}, {0, 3, 85.60936973617021},    {1, 2, 7.149114144680851},
              {2, 5, 14605.865768306383},  {3, 0, 0.030348102127659576}, {3, 4, 1826.653221038298}};
  Rows rows;
  for (const auto& r : runs) {
    const AttentionProblem p = problem_of(r.model, r.length);
    rows.push_back(percent("unfused, " + name_of(r.model, r.length), flat.run(p).seconds.value(),
                           r.seconds, "s", 5)
                       .at_least(least_seconds(p)));
  }
  return rows;
}

class FusemaxFlat final : public Comparison {
 public:
  using Params = NoParams;
  FusemaxFlat(const Params&, const Context&) {}
  std::string about() const override {
    return "Attention of four models at six lengths, batch 64, on the iso-area arrays of the "
           "paper's artifact: 256 x 256 and 256 lanes, 940 MHz, 400 GiB/s; FLAT with 32 MiB of "
           "buffer, FuseMax with 16 MiB and more registers. Bound: every score's products on "
           "65,536 "
           "multiply-adders.";
  }
  std::vector<Part> parts() const override {
    const std::string artifact = "Nayak et al., MICRO 2024, artifact: data/pregenerated/";
    return {{"means", "FuseMax, Nayak et al., MICRO 2024: 6.7x at 79 % of the energy", means},
            {"times", artifact + "attn-flat.csv, attn-proposal.csv", times},
            {"unfused", artifact + "attn-unfused.csv", unfused}};
  }
};
TERRACE_REGISTER(Comparison, FusemaxFlat, "fusemax_flat",
                 "attention on spatial arrays: FuseMax, FLAT and none");

}  // namespace
}  // namespace terrace::validate
