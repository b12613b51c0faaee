// N users, each of whom waits for the answer, thinks, and asks again: the load follows the machine.
// Source: the interactive system of queueing theory (Denning and Buzen, ACM Computing Surveys
// 10(3), 1978): throughput = N / (response time + think time). State: whose turn is next and who
// waits for an answer.
#include <queue>
#include <unordered_map>

#include "workloads/requests/generated_lengths.h"
#include "workloads/requests/request_source.h"
#include "workloads/requests/think_time.h"

namespace terrace {
namespace {

class ClosedLoop final : public RequestSource {
 public:
  struct Params : GeneratorParams {
    std::int32_t users = 0;
    std::int64_t count = 0;
    ThinkTime think;
    Seconds ramp{0};
    static void fields(Schema<Params>& s) {
      s.field("users", &Params::users, "users, each with one request at a time")
          .required()
          .between(1, 10'000'000);
      s.field("count", &Params::count, "requests in all").required().between(1, 100'000'000);
      s.field("think", &Params::think, "what a user does between an answer and the next question");
      s.field("ramp", &Params::ramp, "the users start evenly over this time; 0s: all at once")
          .at_most(Seconds(1e6));
      GeneratorParams::fields(s);
    }
  };
  ClosedLoop(const Params& params, const Context& context)
      : params_(params),
        lengths_(params, context.seed),
        thoughts_(context.seed, "requests.think"),
        prefixes_(context.seed, "requests.prefix") {
    pairs_.reserve(static_cast<std::size_t>(params.count));
    for (std::int64_t i = 0; i < params.count; ++i) pairs_.push_back(*lengths_.draw());
    for (std::int32_t user = 0; user < params.users; ++user)
      ready_.push({Time::nearest(params.ramp * (static_cast<double>(user) / params.users)), user});
  }

  std::optional<Request> pop(Time now) override {
    if (now < next_arrival() || exhausted()) return std::nullopt;
    const auto [arrival, user] = ready_.top();
    ready_.pop();
    const auto id = static_cast<std::int64_t>(next_++);
    const auto [input, output] = pairs_[static_cast<std::size_t>(id)];
    Request request{id, arrival, input, output, user, {}};
    if (params_.prefix.tokens > 0)
      request.content = params_.prefix.content(params_.prefix.draw(prefixes_), id, input);
    if (!exhausted()) asking_[id] = user;
    return request;
  }
  Time next_arrival() const override {
    return exhausted() || ready_.empty() ? Time::never() : ready_.top().at;
  }
  void completed(std::int64_t id, Time now) override {
    const auto asked = asking_.find(id);
    if (asked == asking_.end()) return;
    ready_.push({now + params_.think.draw(thoughts_), asked->second});
    asking_.erase(asked);
  }
  bool exhausted() const override { return next_ == pairs_.size(); }
  std::int64_t expected_count() const override { return params_.count; }
  void report(Record& record) const override { lengths_.report(record); }

 private:
  struct Turn {
    Time at;
    std::int32_t user;
    bool operator<(const Turn& o) const {  // the queue's top is the earliest
      return at != o.at ? at > o.at : user > o.user;
    }
  };
  Params params_;
  GeneratedLengths lengths_;
  RandomStream thoughts_, prefixes_;
  std::vector<RequestLengths::Pair> pairs_;
  std::size_t next_ = 0;
  std::priority_queue<Turn> ready_;
  std::unordered_map<std::int64_t, std::int32_t> asking_;
};

}  // namespace
TERRACE_REGISTER(RequestSource, ClosedLoop, "closed_loop",
                 "users who wait for each answer before they ask again");
}  // namespace terrace
