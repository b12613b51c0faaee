// Multiply-adders beside the banks of a DRAM stack: the rate at which they can take matrix columns
// out of the banks, in closed form, and a matrix-vector product on them.
#pragma once

#include "sim/schema.h"
#include "sim/units.h"

namespace terrace {

// Units of a pseudo-channel work in step: one command makes each take a column from its bank.
struct NearBankParams {
  int stacks = 1, pseudo_channels = 16;  // of a stack
  int units = 8;                         // of a pseudo-channel, working at once
  int banks_per_unit = 2;                // of which a unit can open one while it reads another, if
  bool opens_ahead = false;              // the controller does so
  Bytes column{32}, row{1024};           // of one bank
  Seconds column_interval{3.333e-9};     // from one column of a unit to the next
  Seconds row_turn{28e-9};               // close a row and open the next: tRP + tRCD
  int activates = 0;                     // rows that may be opened in a window; 0: all at once
  Seconds activate_window{15e-9};        // tFAW
  double refresh = 0.933;                // share of time not refreshing
  int lanes = 16;                        // multiply-adders of a unit
  PerSecond clock{300e6};
  int shared_vectors = 1;              // vectors that one read of a column can be multiplied by
  BytesPerSecond pins{307.2e9};        // of all stacks, for the host
  JoulesPerByte cell_energy{4.4e-12};  // of a byte from the bank to its unit
  Joules multiply_add{0.64e-12};

  static void fields(Schema<NearBankParams>& s);
  void check(Checker& c) const;

  double all_units() const { return double(stacks) * pseudo_channels * units; }
  BytesPerSecond peak() const;  // columns alone
  Seconds row_period() const;   // of a unit: all columns of a row and what opening does not hide
  BytesPerSecond streaming() const;  // rows and refresh included
  FlopsPerSecond flops() const;
};

struct NearBankRun {
  double matrix_bytes = 0;  // read from the banks, repeats included
  double vector_bytes = 0;  // over the pins of all pseudo-channels
  Seconds vectors_in, near_bank, results_out;
  Seconds total() const { return vectors_in + near_bank + results_out; }
  Joules energy;
};

// y[vectors, outputs] = x[vectors, inputs] W[inputs, outputs]; rows of W lie across all units, so
// every pseudo-channel is sent all vectors and gives its share of the results.
NearBankRun near_bank_product(const NearBankParams& p, double vectors, double outputs,
                              double inputs, double element_bytes, JoulesPerByte pin_energy);

}  // namespace terrace
