// Heads that lose much when they see only sinks and recent tokens are a class; the others stream.
// Source: Xiao et al., "DuoAttention: efficient long-context LLM inference with retrieval and
// streaming heads", arXiv 2410.10819, section 2.2. There a gate per head, trained by
// back-propagation, mixes full and streaming attention until outputs agree; what stands in for it
// is the error itself, of a head's output over sinks and recent tokens on a captured text: heads
// are judged one at a time, with everything else whole. State: the class of each head.
#include "workloads/kv/classes/classes.h"
#include "workloads/kv/classes/head_profile.h"

namespace terrace {
namespace {

class StreamingGate final : public KvClasses {
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
  StreamingGate(const Params& params, const Context& context)
      : p_(params), heads_(context.shape.kv_heads) {
    std::vector<double> error;
    for (const HeadProfile& h : profile_heads(calibration_of(context), p_.sinks, p_.recent, 0))
      error.push_back(h.error);
    in_class_ = first_heads(error, p_.share);
  }
  std::string of(std::int64_t layer, std::int64_t head) override {
    return in_class_[static_cast<std::size_t>(layer * heads_ + head)] != 0 ? p_.name : "";
  }

 private:
  Params p_;
  std::int64_t heads_;
  std::vector<std::uint8_t> in_class_;
};
TERRACE_REGISTER(KvClasses, StreamingGate, "streaming_gate",
                 "heads that lose most with sinks and recent tokens only (DuoAttention)");

}  // namespace
}  // namespace terrace
