// A batch that is there at time 0, and nothing after it: what offline throughput tests ask.
// Source: the offline mode of serving benchmarks, and FlexGen (Sheng et al., ICML 2023).
// State: the requests left.
#include "workloads/requests/generated_lengths.h"
#include "workloads/requests/request_source.h"

namespace terrace {
namespace {

class StaticBatch final : public RequestSource {
 public:
  struct Params : GeneratorParams {
    std::int64_t batch = 0;
    static void fields(Schema<Params>& s) {
      s.field("batch", &Params::batch, "requests").required().between(1, 100'000'000);
      GeneratorParams::fields(s);
    }
  };
  StaticBatch(const Params& params, const Context& context)
      : prefix_(params.prefix),
        lengths_(params, context.seed),
        prefixes_(context.seed, "requests.prefix") {
    pairs_.reserve(static_cast<std::size_t>(params.batch));
    for (std::int64_t i = 0; i < params.batch; ++i) pairs_.push_back(*lengths_.draw());
  }

  std::optional<Request> pop(Time now) override {
    if (exhausted() || now < Time()) return std::nullopt;
    const auto [input, output] = pairs_[next_];
    const auto id = static_cast<std::int64_t>(next_++);
    Request request{id, Time(), input, output, no_session, {}};
    if (prefix_.tokens > 0) request.content = prefix_.content(prefix_.draw(prefixes_), id, input);
    return request;
  }
  Time next_arrival() const override { return exhausted() ? Time::never() : Time(); }
  void completed(std::int64_t, Time) override {}
  bool exhausted() const override { return next_ == pairs_.size(); }
  std::int64_t expected_count() const override { return static_cast<std::int64_t>(pairs_.size()); }
  void report(Record& record) const override { lengths_.report(record); }
  std::optional<Request> longer_than(std::int64_t tokens) const override {
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      if (pairs_[i].input + pairs_[i].output > tokens)
        return Request{static_cast<std::int64_t>(i),
                       Time(),
                       pairs_[i].input,
                       pairs_[i].output,
                       no_session,
                       {}};
    return std::nullopt;
  }

 private:
  PromptPrefix prefix_;
  GeneratedLengths lengths_;
  RandomStream prefixes_;
  std::vector<RequestLengths::Pair> pairs_;
  std::size_t next_ = 0;
};

}  // namespace
TERRACE_REGISTER(RequestSource, StaticBatch, "static_batch", "a batch that is there at time 0");
}  // namespace terrace
