// Closed forms of near-bank units.
#include "models/accel/near_bank.h"

#include <algorithm>
#include <cmath>

namespace terrace {

void NearBankParams::fields(Schema<NearBankParams>& s) {
  using P = NearBankParams;
  s.field("stacks", &P::stacks, "of memory").between(1, 1024);
  s.field("pseudo_channels", &P::pseudo_channels, "of a stack").between(1, 1024);
  s.field("units", &P::units, "of a pseudo-channel, working at once").between(1, 1024);
  s.field("banks_per_unit", &P::banks_per_unit, "that a unit serves").between(1, 1024);
  s.field("opens_ahead", &P::opens_ahead, "opens a row in another bank of the unit while it reads");
  s.field("column", &P::column, "what a bank gives at once").above(Bytes(0));
  s.field("row", &P::row, "of one bank").above(Bytes(0));
  s.field("column_interval", &P::column_interval, "from a unit's column to its next")
      .above(Seconds(0));
  s.field("row_turn", &P::row_turn, "close a row and open the next (tRP + tRCD)");
  s.field("activates", &P::activates, "rows opened in a window; 0: all at once").between(0, 1024);
  s.field("activate_window", &P::activate_window, "tFAW");
  s.field("refresh", &P::refresh, "share of time not lost to refresh").above(0).at_most(1);
  s.field("lanes", &P::lanes, "multiply-adders of a unit").between(1, 4096);
  s.field("clock", &P::clock, "of the units").above(PerSecond(0));
  s.field("shared_vectors", &P::shared_vectors, "vectors that one read of a column serves")
      .between(1, 1024);
  s.field("pins", &P::pins, "bandwidth for the host, all stacks").above(BytesPerSecond(0));
  s.field("cell_energy", &P::cell_energy, "of a byte from the bank to its unit");
  s.field("multiply_add", &P::multiply_add, "energy of one");
}

void NearBankParams::check(Checker& c) const {
  const double columns = ratio(row, column);
  if (columns < 1) c.fail("row", to_text(row) + " is less than a column, " + to_text(column));
  if (columns != std::floor(columns))
    c.fail("column", to_text(column) + " does not divide the row, " + to_text(row));
  if (opens_ahead && banks_per_unit < 2) c.fail("opens_ahead", "needs a second bank for each unit");
  if (peak() < pins)
    c.fail("column_interval",
           "the units get " + to_text(peak()) + ", less than the pins, " + to_text(pins));
}

BytesPerSecond NearBankParams::peak() const { return all_units() * column / column_interval; }

Seconds NearBankParams::row_period() const {
  const Seconds columns = ratio(row, column) * column_interval;
  // Rows are opened `activates` at a time; the last ones open after the windows before.
  const double windows = activates > 0 ? std::ceil(double(units) / activates) : 1;
  const Seconds opening = row_turn + (windows - 1) * activate_window;
  if (!opens_ahead) return columns + opening;
  return std::max({columns, opening, activates > 0 ? windows * activate_window : Seconds(0)});
}

BytesPerSecond NearBankParams::streaming() const {
  return all_units() * row / row_period() * refresh;
}

FlopsPerSecond NearBankParams::flops() const {
  return FlopsPerSecond(all_units() * lanes * 2 * clock.value());
}

NearBankRun near_bank_product(const NearBankParams& p, double vectors, double outputs,
                              double inputs, double element_bytes, JoulesPerByte pin_energy) {
  NearBankRun run;
  const double channels = double(p.stacks) * p.pseudo_channels;
  const double passes = std::ceil(vectors / p.shared_vectors);
  run.matrix_bytes = outputs * inputs * element_bytes * passes;
  const double in = vectors * inputs * element_bytes * channels;
  const double out = vectors * outputs * element_bytes;
  run.vector_bytes = in + out;
  run.vectors_in = Seconds(in / p.pins.value());
  run.results_out = Seconds(out / p.pins.value());
  const double work = vectors * outputs * inputs;
  run.near_bank =
      Seconds(std::max(run.matrix_bytes / p.streaming().value(), 2 * work / p.flops().value()));
  run.energy = p.cell_energy * Bytes(run.matrix_bytes) + work * p.multiply_add +
               pin_energy * Bytes(run.vector_bytes);
  return run;
}

}  // namespace terrace
