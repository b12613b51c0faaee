// Conversations that start by an arrival process, with drawn lengths, turns and thinking in
// between: open loop in the first turns, closed in the rest. Each turn brings all that was said
// before. Source: the usual generator of serving benchmarks; turns as in ServeGen (Xiang et al.,
// arXiv 2505.09999), whose conversations follow an answer after a think time. State: who starts
// next, and who waits for an answer or thinks.
#include <fmt/format.h>

#include <queue>
#include <unordered_map>

#include "sim/record.h"
#include "workloads/requests/arrival/arrival_process.h"
#include "workloads/requests/generated_lengths.h"
#include "workloads/requests/lengths/length_distribution.h"
#include "workloads/requests/request_source.h"
#include "workloads/requests/think_time.h"

namespace terrace {
namespace {

constexpr std::int64_t max_count = 20'000'000;
constexpr double max_seconds = 4e6;  // 46 days: well inside what a Time can hold

class Synthetic final : public RequestSource {
 public:
  struct Params : GeneratorParams {
    Choice<ArrivalProcess> arrival;
    std::optional<std::int64_t> count;
    std::optional<Seconds> duration;
    Choice<LengthDistribution> turns;
    ThinkTime think;
    static void fields(Schema<Params>& s) {
      s.field("arrival", &Params::arrival, "when requests, or conversations, start")
          .required()
          .not_empty();
      s.field("count", &Params::count, "conversations in all: requests, where they have one turn")
          .between(1, max_count);
      s.field("duration", &Params::duration, "no conversation starts at or after this")
          .above(Seconds(0))
          .at_most(Seconds(max_seconds));
      s.field("turns", &Params::turns, "requests of a conversation; none: one");
      s.field("think", &Params::think, "from an answer to the next turn");
      GeneratorParams::fields(s);
    }
    void check(Checker& c) const {
      if (!count && !duration) c.fail("", "needs a count, a duration, or both");
    }
  };

  Synthetic(const Params& params, const Context& context)
      : prefix_(params.prefix),
        think_(params.think),
        multi_turn_(!params.turns.empty()),
        lengths_(params, context.seed),
        thoughts_(context.seed, "requests.think"),
        prefixes_(context.seed, "requests.prefix") {
    const auto arrival = params.arrival.make({});
    const auto turns = multi_turn_ ? params.turns.make({}) : nullptr;
    RandomStream gaps(context.seed, "requests.arrival");
    RandomStream turn_counts(context.seed, "requests.turns");
    double now = 0;
    for (std::int64_t n = 0; !params.count || n < *params.count; ++n) {
      now += arrival->gap(gaps).value();
      if (params.duration && now >= params.duration->value()) break;
      if (now > max_seconds)
        throw BuildError("arrival",
                         fmt::format("conversation {} starts after {} s, 46 days", n, now));
      start(now, turns ? turns->quantile(turn_counts.uniform()) : 1);
    }
    if (starts_.empty()) throw BuildError("duration", "no request arrives in so short a time");
    starts_.push_back({Time::never(), turns_.size()});
  }

  std::optional<Request> pop(Time now) override {
    const Time fresh = starts_[next_].at,
               again = thinking_.empty() ? Time::never() : thinking_.top().at;
    const Time arrival = std::min(fresh, again);
    if (arrival == Time::never() || now < arrival) return std::nullopt;
    Turn turn{fresh, next_, starts_[next_].first_turn};
    if (again <= fresh) {
      turn = thinking_.top();
      thinking_.pop();
    } else {
      ++next_;
    }
    const auto [input, output] = turns_[turn.index];
    const auto conversation = static_cast<std::int64_t>(turn.conversation);
    Request request{popped_++, arrival, input, output, no_session, {}};
    if (multi_turn_) request.session = static_cast<std::int32_t>(conversation);
    if (multi_turn_ || prefix_.tokens > 0)
      request.content = prefix_.content(variants_[turn.conversation], conversation, input);
    if (++turn.index < starts_[turn.conversation + 1].first_turn) asking_[request.id] = turn;
    return request;
  }
  Time next_arrival() const override {
    return thinking_.empty() ? starts_[next_].at : std::min(starts_[next_].at, thinking_.top().at);
  }
  void completed(std::int64_t id, Time now) override {
    const auto asked = asking_.find(id);
    if (asked == asking_.end()) return;
    asked->second.at = now + think_.draw(thoughts_);
    thinking_.push(asked->second);
    asking_.erase(asked);
  }
  bool exhausted() const override {
    return next_ + 1 == starts_.size() && thinking_.empty() && asking_.empty();
  }
  std::int64_t expected_count() const override { return static_cast<std::int64_t>(turns_.size()); }
  void report(Record& record) const override {
    lengths_.report(record);
    if (!multi_turn_) return;
    record.stat("requests.conversations", static_cast<double>(starts_.size() - 1), "1",
                "conversations started");
    record.stat("requests.conversations_ended", static_cast<double>(ended_), "1",
                "conversations that ended before their last turn, being as long as a limit allows");
  }

 private:
  struct Start {
    Time at;
    std::size_t first_turn;
  };
  struct Turn {
    Time at;
    std::size_t conversation, index;
    bool operator<(const Turn& o) const {  // the queue's top is the earliest
      return at != o.at ? at > o.at : conversation > o.conversation;
    }
  };

  void start(double seconds, std::int64_t turns) {
    starts_.push_back({Time::nearest(Seconds(seconds)), turns_.size()});
    variants_.push_back(static_cast<std::uint32_t>(prefix_.draw(prefixes_)));
    std::int64_t said = 0;
    for (std::int64_t n = 0; n < turns; ++n) {
      if (static_cast<std::int64_t>(turns_.size()) == max_count)
        throw BuildError("", fmt::format("more than {} requests", max_count));
      const auto turn = lengths_.draw(said);
      if (!turn) {
        ++ended_;
        return;
      }
      turns_.push_back(*turn);
      said = turn->input - prefix_.tokens + turn->output;
    }
  }

  PromptPrefix prefix_;
  ThinkTime think_;
  bool multi_turn_;
  GeneratedLengths lengths_;
  RandomStream thoughts_, prefixes_;
  std::vector<Start> starts_;  // of conversations, and an end
  std::vector<std::uint32_t> variants_;
  std::vector<RequestLengths::Pair> turns_;  // of all conversations, one after another
  std::int64_t ended_ = 0, popped_ = 0;
  std::size_t next_ = 0;
  std::priority_queue<Turn> thinking_;
  std::unordered_map<std::int64_t, Turn> asking_;
};

}  // namespace
TERRACE_REGISTER(RequestSource, Synthetic, "synthetic",
                 "generated conversations: an arrival process, lengths, turns and think times");
}  // namespace terrace
