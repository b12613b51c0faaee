// What a DRAM channel's controller does: latencies by hand, rows, queues, refresh.
#include "models/dram/channel.h"

#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

namespace {

// Nanoseconds from offering a read at `now` to its answer.
double read_at(Dram& d, std::uint64_t address, Time& now) {
  REQUIRE(d.offer({1, address, 32, Direction::read}, now));
  std::vector<BurstAnswer> answers;
  const Time began = now;
  while (answers.empty()) d.advance(now = d.next_event(), answers);
  return nanoseconds(answers[0].at - began);
}

const char* quiet =
    "{extends: hbm3_channel.yaml, refresh: none, mapping: {kind: field_order, order: RoBaRaCoCh}}";

}  // namespace

TEST_CASE(
    "an HBM3 read takes RCD + CL + burst in a closed bank, CL + burst where its row is open, "
    "and RP more where another is",
    "[dram][channel]") {
  const auto d = device(quiet);
  Time now;
  const double clock = 0.625, edge = 0.625;  // it begins at the clock's next edge
  const double closed = (31 + 20 + 2 + 0.5) * clock, hit = 22 * clock,
               conflict = closed + 26 * clock;
  CHECK(read_at(*d, 0, now) == Approx(closed).margin(edge));
  CHECK(read_at(*d, 32, now) == Approx(hit).margin(edge));
  now += Time::ps(1000000);
  CHECK(read_at(*d, std::uint64_t{64} * 1024, now) == Approx(conflict).margin(edge + clock));
}

TEST_CASE("a closed row policy spares a conflict its precharge, and a timeout does after a while",
          "[dram][channel]") {
  const double clock = 0.625, closed = 53.5 * clock;
  for (const char* policy : {"closed", "{kind: timeout, idle: 200ns}"}) {
    const auto d =
        device("{extends: hbm3_channel.yaml, refresh: none, row_policy: " + std::string(policy) +
               ", mapping: {kind: field_order, order: RoBaRaCoCh}}");
    Time now;
    read_at(*d, 0, now);
    // Something else keeps the channel awake until the row is closed.
    for (int i = 0; i < 20; ++i) {
      now += Time::ps(50000);
      read_at(*d, 1024, now);
    }
    CHECK(read_at(*d, std::uint64_t{64} * 1024, now) == Approx(closed).margin(1.3));
  }
}

TEST_CASE("a queue of 32 takes 32 reads and refuses the next until one has left",
          "[dram][channel]") {
  const auto d = device(quiet);
  std::uint64_t sent = 0;
  while (d->offer({sent, sent * 32, 32, Direction::read}, Time())) ++sent;
  CHECK(sent == 32);
  CHECK(d->offer({99, 0, 32, Direction::write}, Time()));  // writes have a queue of their own
}

TEST_CASE("a request of many bursts is answered once, when the last of them is done",
          "[dram][channel]") {
  const auto d = device("{extends: hbm3_channel.yaml, channels: 5}");
  std::vector<BurstAnswer> answers;
  REQUIRE(d->offer({7, 0, 65536, Direction::read}, Time()));
  CHECK_FALSE(
      d->offer({8, 0, 32, Direction::read}, Time()));  // the first still has bursts to place
  while (d->next_event() != Time::never()) d->advance(d->next_event(), answers);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].id == 7);
  CHECK(d->issued(RD) == 2048);
  // 2048 bursts over five channels of 51.2 GB/s: no sooner than 256 ns.
  CHECK(nanoseconds(answers[0].at) > 256);
  CHECK(nanoseconds(answers[0].at) < 2 * 256);
}

TEST_CASE("answers come in order of time and each request has one", "[dram][channel]") {
  const auto d = device("{extends: hbm3_channel.yaml, channels: 3}");
  std::vector<BurstAnswer> answers;
  std::vector<int> times(3000, 0);
  std::uint64_t sent = 0;
  Time now;
  while (d->next_event() != Time::never() || sent < 3000) {
    while (sent < 3000 && d->offer({sent, sent * 7919 * 32 % (1u << 28), 32,
                                    sent % 3 ? Direction::read : Direction::write},
                                   now))
      ++sent;
    d->advance(now = d->next_event(), answers);
  }
  CHECK(answers.size() == 3000);
  Time last;
  for (const BurstAnswer& a : answers) {
    ++times[a.id];
    CHECK(a.at >= last);
    last = a.at;
  }
  CHECK(std::count(times.begin(), times.end(), 1) == 3000);
}

TEST_CASE("each row hit policy does better on a stream with conflicts than the one before",
          "[dram][channel]") {
  const std::string base = "{extends: hbm3_channel.yaml, scheduler: ";
  const BurstPattern runs = gather(1024);
  const double fcfs = percent(base + "fcfs}", runs), frfcfs = percent(base + "frfcfs}", runs),
               hits = percent(base + "row_hit_first, read_queue: 128}", runs);
  CAPTURE(fcfs, frfcfs, hits);
  CHECK(fcfs < frfcfs);
  CHECK(frfcfs < hits);
}

TEST_CASE("every scope is refreshed tREFI by tREFI, and postponing keeps the count",
          "[dram][channel]") {
  for (const char* refresh : {"all_bank", "{kind: all_bank, postpone: 8}", "per_bank"}) {
    const auto d = device("{extends: hbm3_channel.yaml, refresh: " + std::string(refresh) + "}");
    const BurstMeasurement m = drive(*d, stream(), 100000);
    std::int64_t banks = 0;
    for (const BurstCount& c : d->counts())
      if (c.name == "refresh") banks = c.times;
    const double due = nanoseconds(m.span) / 3900 * 64;  // 64 banks, each once every tREFI
    INFO(refresh << ": " << banks << " banks refreshed of " << due << " due");
    CHECK(banks <= due + 64);
    CHECK(banks >= due - 64 * 9);  // eight may be owed
  }
}

TEST_CASE("an idle device comes to rest and makes up for its refreshes on waking",
          "[dram][channel]") {
  const auto d = device("{extends: hbm3_channel.yaml}");
  Time now;
  read_at(*d, 0, now);
  CHECK(d->next_event() == Time::never());
  now = Time::ps(100 * 3900000ll);
  read_at(*d, 0, now);
  CHECK(d->issued(REFab) == Approx(200).margin(4));  // two pseudo-channels
}
