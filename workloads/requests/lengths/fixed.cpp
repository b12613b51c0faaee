// Every request alike: so many tokens in, so many out.
// Source: none needed; what throughput benchmarks do.
// State: none.
#include "sim/registry.h"
#include "workloads/requests/lengths/request_lengths.h"

namespace terrace {
namespace {

class FixedLengths final : public RequestLengths {
 public:
  struct Params {
    std::int64_t input = 0, output = 0;
    static void fields(Schema<Params>& s) {
      s.field("input", &Params::input, "tokens of every prompt")
          .required()
          .between(1, 1'000'000'000);
      s.field("output", &Params::output, "tokens of every answer")
          .required()
          .between(1, 1'000'000'000);
    }
  };
  FixedLengths(const Params& params, const Context&) : params_(params) {}
  Pair draw(RandomStream&) const override { return {params_.input, params_.output}; }

 private:
  Params params_;
};

}  // namespace
TERRACE_REGISTER(RequestLengths, FixedLengths, "fixed", "every request alike");
}  // namespace terrace
