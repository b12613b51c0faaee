// Bursts: Poisson arrivals while on, none while off, in turns. `rate` is the mean over both.
// Source: the interrupted Poisson process, Kuczura, Bell System Technical Journal 52(3), 1973: with
// exponential periods the gaps have CV² = 1 + 2 r a / (a + b)², r the rate while on, a and b the
// inverses of the mean on and off periods.
// State: what is left of the present on period.
#include "sim/registry.h"
#include "workloads/requests/arrival/arrival_process.h"

namespace terrace {

enum class Periods : std::uint8_t { exponential, constant };
template <>
struct EnumNames<Periods> {
  static constexpr std::pair<const char*, Periods> values[] = {
      {"exponential", Periods::exponential}, {"constant", Periods::constant}};
};

namespace {

class OnOff final : public ArrivalProcess {
 public:
  struct Params {
    PerSecond rate;
    Seconds on, off;
    Periods periods = Periods::exponential;
    static void fields(Schema<Params>& s) {
      s.field("rate", &Params::rate, "mean arrival rate over on and off periods")
          .required()
          .above(PerSecond(0));
      s.field("on", &Params::on, "mean length of a burst").required().above(Seconds(0));
      s.field("off", &Params::off, "mean silence between bursts").required().above(Seconds(0));
      s.field("periods", &Params::periods, "how the lengths of both are spread");
    }
  };
  OnOff(const Params& params, const Context&)
      : params_(params),
        gap_(1 / (params.rate.value() * (params.on + params.off).value() / params.on.value())) {}

  Seconds gap(RandomStream& random) override {
    if (!started_) left_ = period(params_.on, random);
    started_ = true;
    double silence = 0, next = random.exponential(gap_);
    while (next >= left_) {  // on time without an arrival: the rest of the gap lies behind an off
      silence += left_ + period(params_.off, random);
      next -= left_;
      left_ = period(params_.on, random);
    }
    left_ -= next;
    return Seconds(silence + next);
  }

 private:
  double period(Seconds mean, RandomStream& random) const {
    return params_.periods == Periods::constant ? mean.value() : random.exponential(mean.value());
  }

  Params params_;
  double gap_;  // mean, while on
  double left_ = 0;
  bool started_ = false;
};

}  // namespace
TERRACE_REGISTER(ArrivalProcess, OnOff, "on_off", "Poisson bursts with silence between them");
}  // namespace terrace
