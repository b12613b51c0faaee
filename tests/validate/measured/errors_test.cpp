// Sums of errors against sums by hand, and the picture.
#include "validate/measured/errors.h"

#include <catch2/catch.hpp>

#include "validate/measured/accuracy_page.h"

using namespace terrace;
using namespace terrace::validate;

namespace {

MeasuredRow row(double value, const std::string& unit, const std::string& shape = "") {
  MeasuredRow r;
  r.source = "a paper";
  r.hardware = "H100";
  r.what = "gemm";
  r.shape = shape;
  r.value = value;
  r.unit = unit;
  return r;
}

const RowClass op = {RowClass::Section::operators, "family", "gemm", "small"};

}  // namespace

TEST_CASE("the error of a rate is that of the time it stands for", "[validate][measured]") {
  CHECK(error_of(row(10, "ms"), 12) == Approx(12.0 / 10 - 1));
  CHECK(error_of(row(10, "tok/s"), 12) == Approx((1 / 12.0) / (1 / 10.0) - 1));
  CHECK(error_of(row(10, "tok/s/GPU"), 5) == Approx(1));  // half the rate, twice the time
  CHECK(error_of(row(50, "percent"), 60) == Approx(0.2));
  CHECK(is_rate("GB/s"));
  CHECK_FALSE(is_rate("ms/token (batch-amortised)"));
}

TEST_CASE("sums of errors agree with those by hand", "[validate][measured]") {
  // Sizes, sorted: 0.05, 0.1, 0.15, 0.3, 0.4; type 7 quantile 0.9 lies at 3.6: 0.3 + 0.6 x 0.1.
  const ErrorSums s = sums_of({-0.1f, 0.3f, 0.05f, -0.4f, 0.15f});
  CHECK(s.rows == 5);
  CHECK(s.median == Approx(0.15).epsilon(1e-6));
  CHECK(s.p90 == Approx(0.36).epsilon(1e-6));
  CHECK(s.bias == Approx((-0.1 + 0.3 + 0.05 - 0.4 + 0.15) / 5).margin(1e-7));
  CHECK(s.within_10 == Approx(1.0 / 5));  // 0.1 as a float lies above 0.1
  CHECK(s.within_20 == Approx(3.0 / 5));
  CHECK(sums_of({}).rows == 0);
  CHECK(std::isnan(sums_of({}).median));
}

TEST_CASE("errors are summed by family, op, size and GPU, and the worst rows keep their names",
          "[validate][measured]") {
  std::size_t kept = 0;
  Errors errors([&](const auto&, const auto&, double, auto) { ++kept; });
  for (int i = 0; i < 30; ++i)
    errors.compared(row(100, "ms", "row " + std::to_string(i)), op, 100 + i);
  errors.compared(row(100, "ms", "slow"), op, 50);
  errors.left_out("other", "no config", 2);
  errors.left_out("other", "no config");
  CHECK(errors.rows() == 31);
  CHECK(kept == 31);
  CHECK(errors.by(Errors::By::family).at("family").size() == 31);
  CHECK(errors.by(Errors::By::hardware).at("H100").size() == 31);
  const Errors::Worsts& worst = errors.worst(RowClass::Section::operators);
  REQUIRE(worst.size() == 20);
  CHECK(worst[0].second.row.shape == "slow");  // |ln 0.5| is above ln 1.29
  CHECK(worst[1].second.row.shape == "row 29");
  CHECK(worst[19].second.row.shape == "row 11");
  CHECK(errors.worst(RowClass::Section::runs).empty());
  REQUIRE(errors.left_out().size() == 1);
  CHECK(errors.left_out()[0].rows == 3);
  CHECK(errors.points().at("gemm")[0].first == Approx(0.1));  // s
}

TEST_CASE("a page of errors names what is compared, what is worst, and what is left out",
          "[validate][measured]") {
  Errors errors;
  errors.compared(row(100, "ms", "m=1"), op, 125);
  errors.left_out("other rows", "no config of a GPU");
  const std::string page = page_of(errors, "a.svg").markdown("terrace validate accuracy");
  CHECK(page.find("1 measured rows are compared, 1 are named below") != std::string::npos);
  CHECK(page.find("![Predicted against measured, every op](a.svg)") != std::string::npos);
  CHECK(page.find("| gemm | 1 | 25.0 % | 25.0 % | +25.0 % | 0.0 % | 0.0 % |") != std::string::npos);
  CHECK(page.find("a paper, H100, gemm, m=1 | 100 ms | 125 ms | +25.0 % |") != std::string::npos);
  CHECK(page.find("| other rows | 1 | no config of a GPU |") != std::string::npos);
  CHECK(rows_of(errors, "v").size() == 4);  // by op, size, GPU and family
}

TEST_CASE("measured rows and sums of errors take the place of those before",
          "[validate][measured][results]") {
  Database db = Database::open(":memory:");
  db.insert(std::nullopt, std::vector<Measurement>{{"a run", "ttft", "s", 1}});
  const auto m = kept(row(100, "ms", "m=1"), op, 125, std::nullopt);
  db.replace({m, m}, {{"op", "gemm", 2, 0.25, 0.25, 0.25, 0, 0, "v"}});
  db.replace({m}, {{"op", "gemm", 1, 0.25, 0.25, 0.25, 0, 0, "v"}});
  const Connection& c = db.connection();
  CHECK(c.integer("SELECT count(*) FROM measurement") == 2);  // the other is of no family
  CHECK(c.integer("SELECT predicted FROM measurement WHERE family = 'family'") == 125);
  CHECK(c.integer("SELECT sum(rows) FROM accuracy") == 1);
}
