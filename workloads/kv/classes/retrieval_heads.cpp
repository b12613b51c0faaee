// Heads that look for what was said before are a class.
// Source: Tang et al., "RazorAttention: efficient KV cache compression through retrieval heads",
// arXiv 2407.15891, section 3.2: on a random text that repeats, echo heads attend to the same
// token a period before, induction heads to the one after it; the heads that do so most need the
// whole cache. On a text that does not repeat (period 0), attention on far tokens stands in.
#include "workloads/kv/classes/head_profile.h"

namespace terrace {
namespace {

class RetrievalHeads final : public FirstHeads {
 public:
  struct Params {
    double share = 0.15;
    std::int64_t period = 0, sinks = 4, recent = 64;
    std::string name = "retrieval";
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the heads in the class").between(0.0, 1.0);
      s.field("period", &Params::period,
              "tokens after which the calibration text repeats; 0: never")
          .at_least(0);
      s.field("sinks", &Params::sinks, "first tokens that are not far").at_least(0);
      s.field("recent", &Params::recent, "last tokens that are not far").at_least(1);
      s.field("name", &Params::name, "of the class").not_empty();
    }
  };
  RetrievalHeads(const Params& p, const Context& context)
      : FirstHeads(p.name, measure(p, context), p.share, context.shape.kv_heads) {}

 private:
  static std::vector<double> measure(const Params& p, const Context& context) {
    const AttentionTrace& trace = calibration_of(context);
    if (2 * p.period > trace.tokens())
      throw BuildError("period", "the calibration text does not hold two periods");
    std::vector<double> measure;
    for (const HeadProfile& h : profile_heads(trace, p.sinks, p.recent, p.period))
      measure.push_back(p.period > 0 ? h.echo : h.far);
    return measure;
  }
};
TERRACE_REGISTER(KvClasses, RetrievalHeads, "retrieval_heads",
                 "heads that look for what was said before (RazorAttention)");

}  // namespace
}  // namespace terrace
