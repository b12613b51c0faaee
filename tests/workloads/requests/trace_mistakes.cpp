// Malformed traces: each mistake is told with its line and column; none ever crashes the reader.
#include <catch2/catch.hpp>
#include <chrono>

#include "sim/random.h"
#include "tests/workloads/requests/requests_from.h"

namespace terrace {
namespace {

using test::trace;

std::string message(const std::string& kind, const std::string& text,
                    const std::string& more = "") {
  const test::TemporaryFile file("trace", text);
  try {
    test::source("{kind: " + kind + ", file: " + file.path() + more + "}");
  } catch (const ConfigError& e) {
    std::string all = e.what();  // without the directory, which differs from run to run
    for (std::size_t at; (at = all.find(file.directory())) != std::string::npos;)
      all.erase(at, file.directory().size());
    return all;
  }
  return "";
}
std::string csv(const std::string& rows) {
  return message("csv", "arrival_s,input_tokens,output_tokens\n" + rows);
}
std::string azure(const std::string& rows) {
  return message("azure_csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n" + rows);
}
std::string mooncake(const std::string& line) { return message("mooncake_jsonl", line); }

const std::string good_line =
    "{\"timestamp\": 5, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n";

}  // namespace

TEST_CASE("a wrong cell of a CSV trace is told with line, column and name", "[requests]") {
  CHECK(csv("0,1,1\n1,x,1\n") == "trace:3:3: column \"input_tokens\": \"x\" is not a number");
  CHECK(csv("0,,1\n") == "trace:2:3: column \"input_tokens\": empty; expected a whole number");
  CHECK(csv("0,1.5,1\n") == "trace:2:3: column \"input_tokens\": \"1.5\" is not a whole number");
  CHECK(csv("0,-3,1\n") == "trace:2:3: column \"input_tokens\": -3 is negative");
  CHECK(csv("0,0,1\n") ==
        "trace:2:3: column \"input_tokens\": 0 is out of range; must be between 1 and 1000000000");
  CHECK(
      csv("0,1,99999999999999999999\n") ==
      "trace:2:5: column \"output_tokens\": 99999999999999999999 is out of range; must be between "
      "1 and 1000000000");
  CHECK(csv("-1,1,1\n") == "trace:2:1: column \"arrival_s\": -1 is negative");
  CHECK(csv("1e99,1,1\n") == "trace:2:1: column \"arrival_s\": 1e99 is out of range");
  CHECK(csv("1700000000,1,1\n") ==
        "trace:2:1: column \"arrival_s\": more than 53 days from the first; a run cannot last so "
        "long");
  CHECK(csv("nan,1,1\n") == "trace:2:1: column \"arrival_s\": \"nan\" is not a number");
  CHECK(csv("0,1\n") == "trace:2:1: 2 cells where the header has 3");
  CHECK(csv("0,1,1,\n") == "trace:2:1: 4 cells where the header has 3");
  CHECK(csv("0,\"1,1\n") == "trace:2:3: a quote that does not close where the cell ends");
  CHECK(csv(std::string("0,1\0,1\n", 7)) ==
        "trace:2:3: column \"input_tokens\": \"1\\x00\" is not a number");
}

TEST_CASE("a wrong header or an empty trace is told", "[requests]") {
  CHECK(message("csv", "") ==
        "trace:1:1: empty file; expected a header such as "
        "arrival_s,input_tokens,output_tokens,session");
  CHECK(message("csv", "arrival,input_tokens,output_tokens\n") ==
        "trace:1:1: unknown column \"arrival\". did you mean \"arrival_s\"?\n"
        "trace:1:1: column \"arrival_s\": missing; the header must name "
        "arrival_s,input_tokens,output_tokens,session");
  CHECK(message("csv", "arrival_s,input_tokens,input_tokens,output_tokens\n") ==
        "trace:1:24: two columns named \"input_tokens\"");
  CHECK(csv("") == "trace:1:1: no requests: 0 rows, 0 to be skipped");
  CHECK(message("csv", "arrival_s,input_tokens,output_tokens\n0,1,1\n", ", skip: 1") ==
        "trace:2:1: no requests: 1 rows, 1 to be skipped");
  CHECK(message("mooncake_jsonl", "\n \n") == "trace:2:1: no requests: 0 rows, 0 to be skipped");
}

TEST_CASE("a date that is not one is told", "[requests]") {
  CHECK(azure("2023-11-16,1,1\n") ==
        "trace:2:1: column \"TIMESTAMP\": \"2023-11-16\" is not a date and time such as 2023-11-16 "
        "18:15:46.6805900");
  CHECK(azure("2023-02-29 00:00:00,1,1\n") ==
        "trace:2:1: column \"TIMESTAMP\": \"2023-02-29 00:00:00\" is not in the calendar");
  CHECK(azure("2023-11-16 00:00:00,1,1\n2024-11-16 00:00:00,1,1\n") ==
        "trace:3:1: column \"TIMESTAMP\": more than 53 days from the first; a run cannot last so "
        "long");
}

TEST_CASE("a wrong line of a JSON trace is told", "[requests]") {
  CHECK(mooncake(good_line + "{\"timestamp\": 5, \"input_le") ==
        "trace:2:18: a string that does not end");
  CHECK(mooncake("{\"timestamp\": 5") == "trace:1:16: expected \",\" or \"}\", the line ends");
  CHECK(mooncake("[1]") == "trace:1:1: expected an object, found \"[\"");
  CHECK(mooncake("{\"timestamp\": 5} x") == "trace:1:18: text after the object, found \"x\"");
  CHECK(mooncake("{\"timestamp\": 5}") == "trace:1:1: column \"input_length\": missing");
  CHECK(mooncake("{\"timestamp\": 5, \"timestamp\": 5}") ==
        "trace:1:31: column \"timestamp\": twice");
  CHECK(mooncake("{\"timestmp\": 5}") ==
        "trace:1:14: unknown key \"timestmp\". did you mean \"timestamp\"?");
  CHECK(mooncake("{\"timestamp\": \"5\"}") ==
        "trace:1:15: column \"timestamp\": expected a number, found \"\\x22\"");
  CHECK(mooncake("{\"timestamp\": -5}") == "trace:1:15: column \"timestamp\": -5 is negative");
  CHECK(mooncake("{\"timestamp\": 05}") ==
        "trace:1:15: column \"timestamp\": expected a number, found \"0\"");
  CHECK(mooncake("{\"input_length\": 1.5}") ==
        "trace:1:18: column \"input_length\": \"1.5\" is not a whole number");
  CHECK(mooncake("{\"hash_ids\": [1, 2") ==
        "trace:1:19: column \"hash_ids\": expected \",\" or \"]\", the line ends");
  CHECK(mooncake("{\"hash_ids\": [1, -2]}") == "trace:1:18: column \"hash_ids\": -2 is negative");
  CHECK(mooncake("{\"hash_ids\": [1, [2]]}") ==
        "trace:1:18: column \"hash_ids\": expected a number, found \"[\"");
  CHECK(mooncake(std::string("{\"timestamp\"\0: 5}", 17)) ==
        "trace:1:13: expected \":\", found \"\\x00\"");
  CHECK(mooncake(
            "{\"timestamp\": 5, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1]}") ==
        "");  // a partial block may go without an id
  CHECK(
      mooncake(
          "{\"timestamp\": 5, \"input_length\": 6000, \"output_length\": 5, \"hash_ids\": [1]}") ==
      "trace:1:72: column \"hash_ids\": 1 ids, but 6000 tokens fill 12 blocks of 512");
  CHECK(message("sharegpt_jsonl",
                "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 0, "
                "\"input_tok_ids\": [1]}") ==
        "trace:1:76: column \"input_tok_ids\": 1 ids for 3 tokens");
}

TEST_CASE("a trace of nothing but mistakes tells the first eight", "[requests]") {
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += "x,1,1\n";
  const std::string all = csv(rows);
  CHECK(std::count(all.begin(), all.end(), '\n') == 7);
  CHECK_THAT(all, Catch::EndsWith("(and perhaps more)"));
}

TEST_CASE("a line of 10 MB and a list nested 100,000 deep are read or refused in passing",
          "[requests]") {
  const auto started = std::chrono::steady_clock::now();
  CHECK_THAT(csv(std::string(10'000'000, '7')), Catch::Contains("1 cells where the header has 3"));
  CHECK_THAT(csv("0," + std::string(10'000'000, '7') + ",1"), Catch::Contains("is out of range"));
  CHECK_THAT(csv("0." + std::string(10'000'000, '0') + "x,1,1"),
             Catch::Contains("is not a number"));
  CHECK(csv("0." + std::string(10'000'000, '0') + "1,1,1").empty());
  CHECK_THAT(csv(std::string(10'000'000, ',')), Catch::Contains("cells where the header has 3"));
  CHECK_THAT(mooncake(std::string(10'000'000, '{')), Catch::Contains("expected a key"));
  const std::string deep(100'000, '[');
  const std::string ignored = ", ignore: [x]";
  CHECK_THAT(message("mooncake_jsonl", "{\"x\": " + deep, ignored),
             Catch::Contains("nested too deeply"));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  INFO("took " << took.count() << " s");
  CHECK(took.count() < 20);
}

TEST_CASE("a file that cannot be read is told where the scenario names it", "[requests]") {
  try {
    test::source("{kind: csv, file: /}");
    FAIL("a directory was read");
  } catch (const BuildError& e) {
    CHECK(std::string(e.what()) == "x.file: cannot read \"/\": Is a directory");
    CHECK(e.place.file_name() == "test.yaml");
    CHECK(e.place.line == 1);
  }
  CHECK_THROWS_WITH(test::source("{kind: csv, file: /nowhere/trace.csv}"),
                    Catch::Contains("cannot read \"/nowhere/trace.csv\""));
}

TEST_CASE("2,000 mutations of good traces are read or refused, and never crash", "[requests]") {
  const std::pair<std::string, std::string> good[] = {
      {"csv",
       "arrival_s,input_tokens,output_tokens,session\n0,10,1,0\n0.25,\"20\",2,1\n1e1,30,3,0\n"},
      {"azure_csv",
       "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n"
       "2023-11-16 18:15:50.9951690,396,109\r\n"},
      {"mooncake_jsonl", good_line + good_line +
                             "{\"session\": 3, \"timestamp\": 6.5, \"input_length\": 512, "
                             "\"output_length\": 1, \"hash_ids\": [ 9 ]}\n"},
      {"sharegpt_jsonl",
       "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 46926808, \"input_tok_ids\": "
       "[5971, 2927, 220], \"output_tok_ids\": [1, 2]}\n{\"input_toks\": 1, \"output_toks\": 1, "
       "\"arrival_time_ns\": 46926809}\n"}};
  const std::string spice = "0123456789-+.eE,:\"[]{}\\ \t\r\nTZ\x00\xff\x7fx";
  RandomStream random(2, "mutations");
  int read = 0, refused = 0;
  for (int round = 0; round < 500; ++round) {
    for (const auto& [kind, text] : good) {
      std::string mutant = text;
      for (std::int64_t n = random.integer(1, 3); n > 0 && !mutant.empty(); --n) {
        const auto at = static_cast<std::size_t>(
            random.integer(0, static_cast<std::int64_t>(mutant.size()) - 1));
        const auto length = static_cast<std::size_t>(random.integer(1, 12));
        const char c = random.integer(0, 3) == 0
                           ? static_cast<char>(random.integer(0, 255))
                           : spice[static_cast<std::size_t>(
                                 random.integer(0, static_cast<std::int64_t>(spice.size()) - 1))];
        const std::int64_t how = random.integer(0, 19);
        const std::size_t digit = mutant.find_first_of("0123456789", at);
        if (how < 8 && digit != std::string::npos)
          mutant[digit] = static_cast<char>('0' + random.integer(0, 9));
        else if (how < 12)
          mutant[at] = c;
        else if (how < 15)
          mutant.insert(at, 1, c);
        else if (how < 17)
          mutant.erase(at, length);
        else if (how < 19)
          mutant.insert(at, mutant.substr(mutant.size() / 2, length));
        else
          mutant.resize(at);
      }
      try {
        const auto source = trace(kind, mutant);
        for (const Request& r : test::drain(*source)) {
          REQUIRE(r.input_tokens >= 1);
          REQUIRE(r.output_tokens >= 1);
          REQUIRE(r.arrival >= Time());
        }
        ++read;
      } catch (const ConfigError& e) {
        REQUIRE(!e.mistakes().empty());
        for (const Mistake& m : e.mistakes()) REQUIRE(m.place.file != nullptr);
        ++refused;
      }
    }
  }
  INFO(read << " read, " << refused << " refused");
  CHECK(read + refused == 2000);
  CHECK(read > 50);
  CHECK(refused > 500);
}

}  // namespace terrace
