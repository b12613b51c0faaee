// Generated requests: counts, arrivals, turns of conversations, closed loops and batches.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>
#include <unordered_set>

#include "sim/record.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/requests/block_key.h"

namespace terrace {
namespace {

using test::drain;
using test::source;

const std::string fixed = "lengths: {kind: fixed, input: 100, output: 50}";
const std::string spread =
    "lengths: {kind: separate, input: {kind: uniform, low: 10, high: 500}, output: {kind: uniform, "
    "low: 1, high: 90}}";

bool same(const Request& a, const Request& b) {
  return a.id == b.id && a.arrival == b.arrival && a.input_tokens == b.input_tokens &&
         a.output_tokens == b.output_tokens && a.session == b.session;
}

}  // namespace

TEST_CASE("a batch is there at time 0, whole", "[requests]") {
  const auto batch = source("{kind: static_batch, batch: 64, " + fixed + "}");
  CHECK(batch->expected_count() == 64);
  CHECK(batch->next_arrival() == Time());
  std::set<std::int64_t> ids;
  for (int i = 0; i < 64; ++i) {
    const auto request = batch->pop(Time());
    REQUIRE(request);
    CHECK(request->input_tokens == 100);
    CHECK(request->output_tokens == 50);
    ids.insert(request->id);
  }
  CHECK(ids.size() == 64);
  CHECK(batch->exhausted());
  CHECK_FALSE(batch->pop(Time()));
  CHECK(batch->next_arrival() == Time::never());
}

TEST_CASE("nothing is popped before it arrives", "[requests]") {
  const auto s =
      source("{kind: synthetic, arrival: {kind: constant, rate: 10/s}, count: 3, " + fixed + "}");
  CHECK(s->next_arrival() == Time::ps(100'000'000'000));
  CHECK_FALSE(s->pop(Time::ps(99'999'999'999)));
  REQUIRE(s->pop(Time::ps(100'000'000'000)));
  CHECK(s->next_arrival() == Time::ps(200'000'000'000));
  // A late caller gets them one by one, each with its own arrival.
  CHECK(s->pop(Time::ps(1'000'000'000'000))->arrival == Time::ps(200'000'000'000));
  CHECK(s->pop(Time::ps(1'000'000'000'000))->arrival == Time::ps(300'000'000'000));
  CHECK(s->exhausted());
}

TEST_CASE("the same seed gives the same requests and another seed gives others", "[requests]") {
  const std::string yaml =
      "{kind: synthetic, arrival: {kind: gamma, rate: 5/s}, count: 500, " + spread + "}";
  const auto a = drain(*source(yaml, 7)), b = drain(*source(yaml, 7)), c = drain(*source(yaml, 8));
  REQUIRE(a.size() == 500);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(same(a[i], b[i]));
    equal += same(a[i], c[i]) ? 1U : 0U;
  }
  CHECK(equal == 0);
}

TEST_CASE("changing the lengths moves no arrival", "[requests]") {
  const std::string arrivals =
      "{kind: synthetic, arrival: {kind: poisson, rate: 5/s}, count: 200, ";
  const auto a = drain(*source(arrivals + fixed + "}")),
             b = drain(*source(arrivals + spread + "}"));
  for (std::size_t i = 0; i < 200; ++i) CHECK(a[i].arrival == b[i].arrival);
}

TEST_CASE("a duration ends the arrivals, and their number is that of the rate", "[requests]") {
  const auto s = source("{kind: synthetic, arrival: {kind: poisson, rate: 20/s}, duration: 500s, " +
                        fixed + "}");
  const std::int64_t expected = s->expected_count();
  const auto all = drain(*s);
  CHECK(static_cast<std::int64_t>(all.size()) == expected);
  CHECK(all.back().arrival.seconds() < 500);
  INFO("Poisson: " << all.size() << " for 20/s · 500 s = 10,000 ± 4 sqrt(10,000)");
  CHECK(std::abs(static_cast<double>(all.size()) - 10'000) < 400);
  const auto both =
      source("{kind: synthetic, arrival: {kind: constant, rate: 1/s}, duration: 10s, count: 4, " +
             fixed + "}");
  CHECK(both->expected_count() == 4);
}

TEST_CASE("a conversation's turn brings all that was said, and finds it in a prefix cache",
          "[requests]") {
  const auto s = source(
      "{kind: synthetic, arrival: {kind: constant, rate: 1/s}, count: 5, turns: {kind: constant, "
      "tokens: 4}, think: {mean: 3s, spread: constant}, prefix: {tokens: 40}, " +
      fixed + "}");
  CHECK(s->expected_count() == 20);
  const auto all = drain(*s, Time::ps(1'500'000'000'000));  // answers take 1.5 s
  REQUIRE(all.size() == 20);
  std::map<std::int32_t, std::vector<Request>> talks;
  for (const Request& r : all) talks[r.session].push_back(r);
  REQUIRE(talks.size() == 5);
  for (const auto& [session, turns] : talks) {
    REQUIRE(turns.size() == 4);
    for (std::size_t n = 0; n < 4; ++n) {
      INFO("turn " << n << " of conversation " << session);
      // system prompt 40, then 100 asked and 50 answered in each turn before
      CHECK(turns[n].input_tokens == 140 + 150 * static_cast<std::int64_t>(n));
      CHECK(turns[n].arrival.seconds() == Approx(session + 1 + 4.5 * static_cast<double>(n)));
      if (n == 0) continue;
      BlockChain before(16);
      before.extend(turns[n - 1], turns[n - 1].input_tokens + 50);
      const auto now = chained_block_keys(turns[n], 16);
      REQUIRE(now.size() >= before.keys().size());
      CHECK(std::equal(before.keys().begin(), before.keys().end(), now.begin()));
    }
  }
  // Different conversations share the 2 full blocks of 16 in the 40 tokens of the system prompt.
  const auto a = chained_block_keys(talks[0][0], 16), b = chained_block_keys(talks[1][0], 16);
  CHECK(a[1] == b[1]);
  CHECK(a[2] != b[2]);
}

TEST_CASE("a conversation ends where the next turn would be too long, and that is counted",
          "[requests]") {
  const auto s = source(
      "{kind: synthetic, arrival: {kind: constant, rate: 1/s}, count: 5, turns: {kind: constant, "
      "tokens: 9}, max_total: 600, " +
      fixed + "}");
  // Turn n (from 0) brings 100 + 150 n and wants 50: 600 holds up to n = 3.
  CHECK(s->expected_count() == 20);
  for (const Request& r : drain(*s)) CHECK(r.input_tokens + r.output_tokens <= 600);
  Record record;
  s->report(record);
  CHECK(record.find("requests.conversations")->value == 5);
  CHECK(record.find("requests.conversations_ended")->value == 5);
}

TEST_CASE("system prompts come in as many variants as are asked for", "[requests]") {
  const auto s =
      source("{kind: static_batch, batch: 300, prefix: {tokens: 32, variants: 3}, " + fixed + "}");
  std::unordered_set<BlockKey> firsts, thirds;
  for (const Request& r : drain(*s)) {
    CHECK(r.input_tokens == 132);
    const auto keys = chained_block_keys(r, 16);
    firsts.insert(keys[0]);
    thirds.insert(keys[2]);
  }
  CHECK(firsts.size() == 3);
  CHECK(thirds.size() == 300);
}

TEST_CASE("in a closed loop nobody asks before the answer, and throughput obeys N / (R + Z)",
          "[requests]") {
  const auto loop =
      source("{kind: closed_loop, users: 8, count: 4000, think: {mean: 2s}, " + fixed + "}");
  std::map<std::int64_t, std::int32_t> asking;
  std::set<std::int32_t> busy;
  std::multimap<Time, std::int64_t> running;
  const Time answer = Time::ps(500'000'000'000);
  Time now;
  int popped = 0;
  while (!loop->exhausted() || !running.empty()) {
    const Time next = loop->next_arrival();
    if (running.empty() || next <= running.begin()->first) {
      now = next;
      const auto r = loop->pop(now);
      REQUIRE(r);
      ++popped;
      REQUIRE(busy.insert(r->session).second);  // one request of a user at a time
      asking[r->id] = r->session;
      running.emplace(now + answer, r->id);
    } else {
      now = running.begin()->first;
      const std::int64_t id = running.begin()->second;
      busy.erase(asking.at(id));
      loop->completed(id, now);
      running.erase(running.begin());
    }
  }
  CHECK(popped == 4000);
  CHECK(popped == loop->expected_count());
  const double throughput = popped / now.seconds();
  INFO("throughput " << throughput << "/s, formula 8 / (0.5 s + 2 s) = 3.2/s, deviation "
                     << 100 * (throughput / 3.2 - 1) << " %");
  // Think times: relative error of the mean of 4,000 exponentials, 4 · 0.8 / sqrt(4000) = 5 %
  CHECK(throughput == Approx(3.2).epsilon(0.05));
}

TEST_CASE("users of a closed loop start over the ramp", "[requests]") {
  const auto loop = source("{kind: closed_loop, users: 4, count: 4, ramp: 8s, " + fixed + "}");
  const auto all = drain(*loop, Time::ps(100'000'000'000'000));
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(all[i].arrival == Time::ps(static_cast<std::int64_t>(i) * 2'000'000'000'000));
}

TEST_CASE("draws above a limit are a mistake, or are drawn again and counted", "[requests]") {
  const std::string batch = "{kind: static_batch, batch: 1000, max_input: 250, " + spread;
  CHECK_THROWS_WITH(source(batch + "}"),
                    Catch::Contains("exceed max_input 250") && Catch::Contains("too_long: redraw"));
  const auto again = source(batch + ", too_long: redraw}");
  for (const Request& r : drain(*again)) CHECK(r.input_tokens <= 250);
  Record record;
  again->report(record);
  // 241 of 491 lengths fit: 1000 · 250 / 241 = 1037 ± 4 · 46 are drawn again
  INFO(record.find("requests.redrawn")->value << " redrawn");
  CHECK(std::fabs(record.find("requests.redrawn")->value - 1037) < 184);
  REQUIRE(record.remarks.size() == 1);
  CHECK_THROWS_WITH(
      source("{kind: static_batch, batch: 1, max_input: 5, too_long: redraw, " + fixed + "}"),
      Catch::Contains("10000 draws in a row are too long"));
}

TEST_CASE("generators that cannot be are told", "[requests]") {
  const auto says = [](const std::string& yaml, const std::string& what) {
    CHECK_THROWS_WITH(source(yaml), Catch::Contains(what));
  };
  const std::string arrival = "arrival: {kind: poisson, rate: 1/s}, ";
  says("{kind: synthetic, " + arrival + fixed + "}", "needs a count, a duration, or both");
  says("{kind: synthetic, count: 1, " + fixed + "}", "arrival");
  says("{kind: synthetic, " + arrival + "count: 1}", "lengths");
  says("{kind: synthetic, " + arrival + "duration: 1ps, " + fixed + "}", "no request arrives");
  says("{kind: synthetic, arrival: {kind: constant, rate: 0.0001/s}, count: 401, " + fixed + "}",
       "46 days");
  says("{kind: closed_loop, users: 0, count: 1, " + fixed + "}", "users");
  says("{kind: static_batch, batch: -1, " + fixed + "}", "negative");
  says("{kind: statik_batch}", "did you mean \"static_batch\"");
}

}  // namespace terrace
