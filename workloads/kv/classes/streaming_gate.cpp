// Heads that lose much when they see only sinks and recent tokens are a class; the others stream.
// Source: Xiao et al., "DuoAttention: efficient long-context LLM inference with retrieval and
// streaming heads", arXiv 2410.10819, section 2.2. There a gate per head, trained by
// back-propagation, mixes full and streaming attention until outputs agree; what stands in for it
// is the error itself, of a head's output over sinks and recent tokens on a captured text: heads
// are judged one at a time, with everything else whole.
#include "workloads/kv/classes/head_profile.h"

namespace terrace {
namespace {

class StreamingGate final : public FirstHeads {
 public:
  struct Params {
    double share = 0.5;
    std::int64_t sinks = 64, recent = 256;
    std::string name = "retrieval";
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the heads in the class").between(0.0, 1.0);
      s.field("sinks", &Params::sinks, "first tokens that streaming heads see").at_least(0);
      s.field("recent", &Params::recent, "last tokens that streaming heads see").at_least(1);
      s.field("name", &Params::name, "of the class").not_empty();
    }
  };
  StreamingGate(const Params& p, const Context& context)
      : FirstHeads(p.name, measure(p, context), p.share, context.shape.kv_heads) {}

 private:
  static std::vector<double> measure(const Params& p, const Context& context) {
    std::vector<double> error;
    for (const HeadProfile& h : profile_heads(calibration_of(context), p.sinks, p.recent, 0))
      error.push_back(h.error);
    return error;
  }
};
TERRACE_REGISTER(KvClasses, StreamingGate, "streaming_gate",
                 "heads that lose most with sinks and recent tokens only (DuoAttention)");

}  // namespace
}  // namespace terrace
