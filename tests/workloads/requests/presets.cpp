// The ready-made request sources in configs/requests: each can be read, built and drained.
#include <catch2/catch.hpp>

#include "sim/record.h"
#include "tests/workloads/requests/requests_from.h"

namespace terrace {

TEST_CASE("every ready-made request source sends what it promises", "[requests]") {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(TERRACE_SOURCE_DIR "/configs/requests")) {
    INFO(entry.path());
    const auto source = test::source(entry.path().string());
    const std::int64_t expected = source->expected_count();
    const auto all = test::drain(*source, Time::ps(2'000'000'000'000));
    CHECK(static_cast<std::int64_t>(all.size()) == expected);
    CHECK(all.size() >= 750);
    Record record;
    source->report(record);
    CHECK(record.find("requests.redrawn") != nullptr);
    ++files;
  }
  CHECK(files >= 5);
}

}  // namespace terrace
