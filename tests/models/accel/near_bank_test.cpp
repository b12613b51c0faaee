// Near-bank units: rows, windows and units in closed form, and products on them.
#include "models/accel/near_bank.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

// Time to take `rows` rows out of every bank of one unit's pseudo-channel, command by command: rows
// open at most `activates` in a window, then all units take columns in step.
double walk(const NearBankParams& p, int rows) {
  const double interval = p.column_interval.value(), window = p.activate_window.value();
  std::vector<double> opened;  // times of activations
  double now = 0;
  for (int row = 0; row < rows; ++row) {
    double last = now;
    for (int unit = 0; unit < p.units; ++unit) {
      double at = now;
      if (p.activates > 0 && unit >= p.activates)  // the window counts from the one before
        at = opened[opened.size() - static_cast<std::size_t>(p.activates)] + window;
      opened.push_back(at);
      last = at;
    }
    now = last + p.row_turn.value();
    now += ratio(p.row, p.column) * interval;
  }
  return now;
}

}  // namespace

TEST_CASE("a row costs its columns and its opening, four activations a window", "[accel]") {
  for (const int units : {1, 4, 8, 15, 16, 32})
    for (const int activates : {0, 1, 4, 8}) {
      NearBankParams p;
      p.units = units;
      p.activates = activates;
      const double each = p.row_period().value(), walked = walk(p, 100) / 100;
      INFO(units << " units, " << activates << " a window: form " << each << ", walk " << walked);
      CHECK(each == Approx(walked).epsilon(1e-9));
    }
}

TEST_CASE("a unit that opens ahead is bound by columns or by activations", "[accel]") {
  NearBankParams p;
  p.units = 16;
  p.banks_per_unit = 4;
  p.opens_ahead = true;
  p.activates = 4;
  p.activate_window = Seconds(16e-9);
  const double columns = 32 * p.column_interval.value();
  CHECK(p.row_period().value() == Approx(columns));  // 107 ns against 4 windows of 16
  p.activate_window = Seconds(40e-9);
  CHECK(p.row_period().value() == Approx(4 * 40e-9));
  // Then the rate is channels x 4 rows / tFAW: the activation bound of any DRAM.
  CHECK(p.streaming().value() == Approx(16 * 4 * 1024 / 40e-9 * p.refresh));
}

TEST_CASE("a matrix-vector product takes vectors in, banks, results out", "[accel]") {
  NearBankParams p;
  const NearBankRun run = near_bank_product(p, 1, 4096, 4096, 2, JoulesPerByte(30e-12));
  const double matrix = 4096.0 * 4096 * 2;
  CHECK(run.matrix_bytes == matrix);
  CHECK(run.near_bank.value() == Approx(matrix / p.streaming().value()));
  CHECK(run.vectors_in.value() == Approx(4096 * 2 * 16 / 307.2e9));  // to all 16 pseudo-channels
  CHECK(run.results_out.value() == Approx(4096 * 2 / 307.2e9));
  CHECK(run.energy.value() ==
        Approx(matrix * 4.4e-12 + 4096.0 * 4096 * 0.64e-12 + (4096 * 2 * 17) * 30e-12));
  INFO("near bank " << run.total().value() << " s, pins " << matrix / 307.2e9 << " s");
  CHECK(run.total().value() < matrix / 307.2e9);
}

TEST_CASE("a batch reads the matrix again for every vector that units cannot share", "[accel]") {
  NearBankParams p;
  const auto bytes = [&](double vectors) {
    return near_bank_product(p, vectors, 1024, 1024, 2, JoulesPerByte(0)).matrix_bytes;
  };
  CHECK(bytes(8) == 8 * bytes(1));
  p.shared_vectors = 4;
  CHECK(bytes(8) == 2 * bytes(1));
  // Sharing is worth nothing once the multiply-adders are the limit.
  const NearBankRun run = near_bank_product(p, 8, 1024, 1024, 2, JoulesPerByte(0));
  CHECK(run.near_bank.value() == Approx(2.0 * 8 * 1024 * 1024 / p.flops().value()));
}

TEST_CASE("impossible near-bank units are mistakes", "[accel]") {
  const auto mistakes = [](const std::string& yaml) -> std::string {
    Mistakes found;
    const Node root = parse_config(yaml, "test", found);
    Reader reader(found);
    read<NearBankParams>(root, reader);
    try {
      found.raise();
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  CHECK(mistakes("{}") == "");
  CHECK(mistakes("{units: 0}").find("units") != std::string::npos);
  CHECK(mistakes("{row: 16B}").find("row") != std::string::npos);
  CHECK(mistakes("{row: 1000B}").find("does not divide") != std::string::npos);
  CHECK(mistakes("{opens_ahead: true, banks_per_unit: 1}").find("second bank") !=
        std::string::npos);
  CHECK(mistakes("{refresh: 0}").find("refresh") != std::string::npos);
  CHECK(mistakes("{pins: 5TB/s}").find("less than the pins") != std::string::npos);
}
