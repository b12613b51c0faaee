// Traces: what is replayed when, what is left out, and how prompts share.
#include <catch2/catch.hpp>

#include "sim/record.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/requests/block_key.h"

namespace terrace {
namespace {

using test::drain;
using test::trace;

const std::string table =
    "arrival_s,input_tokens,output_tokens\n0.5,10,1\n1.25,20,2\n4,30,3\n9,40,4\n";

}  // namespace

TEST_CASE("an Azure trace is replayed to the 100 ns, from its first row", "[requests]") {
  const auto all = drain(*trace("azure_csv",
                                "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                                "2023-11-16 23:59:59.6805900,374,44\r\n"
                                "2023-11-17 00:00:00.9951690,396,109\r\n"
                                "2024-02-29 00:00:00,1,1\r\n",
                                ", limit: 2"));
  REQUIRE(all.size() == 2);
  CHECK(all[0].arrival == Time());
  CHECK(all[0].input_tokens == 374);
  CHECK(all[0].output_tokens == 44);
  CHECK(all[1].arrival == Time::ps(1'314'579'000'000));
  CHECK(all[1].id == 1);
  CHECK(std::holds_alternative<std::monostate>(all[1].content));
}

TEST_CASE("dates know leap years, offsets and the 2024 format", "[requests]") {
  const auto all = drain(*trace("azure_csv",
                                "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                "2024-02-28 23:59:59.000000+00:00,1,1\n"
                                "2024-02-29T00:00:01Z,1,1\n"
                                "2024-03-01 02:00:00+02:00,1,1\n"));
  CHECK(all[1].arrival.seconds() == 2);
  CHECK(all[2].arrival.seconds() == 86401);
}

TEST_CASE("a table is replayed exactly as it says, columns in any order", "[requests]") {
  const auto all = drain(*trace("csv",
                                "\xEF\xBB\xBFoutput_tokens,session,\"arrival_s\",input_tokens\n"
                                "7,3,0.000000000001,10\n\n\"8\",4,1e-3,20\n9,4,1.5E1,30"));
  REQUIRE(all.size() == 3);
  CHECK(all[0].arrival == Time::ps(1));
  CHECK(all[1].arrival == Time::ps(1'000'000'000));
  CHECK(all[2].arrival == Time::ps(15'000'000'000'000));
  CHECK(all[0].session == 3);
  CHECK(all[2].output_tokens == 9);
}

TEST_CASE("rows are skipped, limited and paced as asked", "[requests]") {
  auto all = drain(*trace("csv", table, ", skip: 1, limit: 2, time_scale: 2"));
  REQUIRE(all.size() == 2);
  CHECK(all[0].arrival == Time());  // the first that is sent starts the clock
  CHECK(all[1].arrival.seconds() == Approx((4 - 1.25) / 2).epsilon(1e-12));
  CHECK(all[0].id == 1);  // rows keep their number
  all = drain(*trace("csv", table));
  CHECK(all[0].arrival.seconds() == 0.5);  // the trace's own clock
  all = drain(*trace("csv", table, ", time_scale: 0.5"));
  CHECK(all[3].arrival.seconds() == 18);
}

TEST_CASE("rows above a limit are a mistake, or are dropped and counted", "[requests]") {
  CHECK_THROWS_WITH(
      trace("csv", table, ", max_input: 25"),
      Catch::Contains("trace:4:1: column \"input_tokens\": 30 tokens exceed max_input "
                      "25; say too_long: drop") &&
          Catch::Contains("trace:5:1"));
  const auto source = trace("csv", table, ", max_input: 25, too_long: drop");
  CHECK(source->expected_count() == 2);
  Record record;
  source->report(record);
  CHECK(record.find("requests.dropped")->value == 2);
  CHECK(record.remarks.size() == 1);
  CHECK(drain(*source).size() == 2);
  CHECK(drain(*trace("csv", table, ", max_total: 33, too_long: drop")).size() == 3);
  CHECK_THROWS_WITH(trace("csv", table, ", max_output: 3"), Catch::Contains("exceed max_output 3"));
  CHECK_THROWS_WITH(trace("csv", table, ", max_input: 5, too_long: drop"),
                    Catch::Contains("all 4 rows are too long"));
}

TEST_CASE("unsorted rows are a mistake unless they are to be sorted", "[requests]") {
  const std::string text = "arrival_s,input_tokens,output_tokens\n5,1,1\n3,2,2\n4,3,3\n";
  CHECK_THROWS_WITH(
      trace("csv", text),
      Catch::Contains("trace:3:1: column \"arrival_s\": earlier than the row before"));
  const auto all = drain(*trace("csv", text, ", unsorted: true"));
  REQUIRE(all.size() == 3);
  CHECK(all[0].id == 1);
  CHECK(all[0].arrival.seconds() == 3);
  CHECK(all[2].arrival.seconds() == 5);
  const auto dated =
      drain(*trace("azure_csv",
                   "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,1\n"
                   "2023-11-16 18:15:40,1,1\n",
                   ", unsorted: true"));
  CHECK(dated[0].arrival == Time());
  CHECK(dated[1].arrival.seconds() == 6);
}

TEST_CASE("a Mooncake trace carries its block ids, in any order of keys", "[requests]") {
  const auto all = drain(*trace("mooncake_jsonl",
                                "{\"timestamp\": 27.5, \"input_length\": 1025, \"output_length\": "
                                "500, \"hash_ids\": [0, 1, 2]}\n"
                                "  "
                                "{\"hash_ids\":[0,1],\"session\":7,\"output_length\":5,\"input_"
                                "length\":1024,\"timestamp\":3e1}"));
  REQUIRE(all.size() == 2);
  CHECK(all[0].arrival == Time::ps(27'500'000'000));
  CHECK(all[1].arrival == Time::ps(30'000'000'000));
  CHECK(all[1].session == 7);
  CHECK(std::get<BlockIds>(all[0].content).ids == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(chained_block_keys(all[0], 512) == chained_block_keys(all[1], 512));
}

TEST_CASE("a ShareGPT trace carries its token ids", "[requests]") {
  const auto all =
      drain(*trace("sharegpt_jsonl",
                   "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 46926808, "
                   "\"input_tok_ids\": [5971, 2927, 220], \"output_tok_ids\": [1, 2]}\n"
                   "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 46926809, "
                   "\"input_tok_ids\": [ 5971 , 2927 , 221 ]}\n"
                   "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 46926810}\n"));
  REQUIRE(all.size() == 3);
  CHECK(all[0].arrival == Time::ps(46'926'808'000));
  CHECK(std::get<TokenIds>(all[0].content).input == std::vector<std::int32_t>{5971, 2927, 220});
  CHECK(std::get<TokenIds>(all[0].content).output == std::vector<std::int32_t>{1, 2});
  CHECK(std::get<TokenIds>(all[1].content).output.empty());
  CHECK(std::holds_alternative<std::monostate>(all[2].content));
}

TEST_CASE("columns and keys that nobody needs are named, not passed over", "[requests]") {
  CHECK_THROWS_WITH(trace("csv", "arrival_s,input_tokens,output_tokens,model\n0,1,1,a\n"),
                    Catch::Contains("trace:1:38: unknown column \"model\""));
  CHECK(drain(*trace("csv", "arrival_s,input_tokens,output_tokens,model\n0,1,1,a\n",
                     ", ignore: [model]"))
            .size() == 1);
  const std::string line =
      "{\"timestamp\": 0, \"kind\": {\"a\": [1, \"x\\u00e9\\\"\", null, true]}, \"input_length\": "
      "1, "
      "\"output_length\": 1, \"hash_ids\": []}\n";
  CHECK_THROWS_WITH(trace("mooncake_jsonl", line), Catch::Contains("unknown key \"kind\""));
  CHECK(drain(*trace("mooncake_jsonl", line, ", ignore: [kind]")).size() == 1);
}

}  // namespace terrace
