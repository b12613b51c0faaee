// What the kernels of one GPU architecture look like: tiles, pipelines and fixed times.
// Source of the form: a matrix kernel keeps `stages` slices of its tile in flight per block and
// runs in waves of blocks over the multiprocessors (CUTLASS; FlashAttention 2 and 3). The values
// in configs/gpu/arch say which are read off data sheets and which are fitted, and to what.
#pragma once

#include <vector>

#include "sim/schema.h"

namespace terrace {

struct Tile {
  int m = 128, n = 128;
  static void fields(Schema<Tile>& s);
};

struct GemmConstants {
  Seconds prologue{0.6e-6}, epilogue{0.4e-6};  // of each block, beside one memory latency
  Seconds reduction{2e-6};                     // second kernel of a split along k
  double memory_efficiency = 0.9;              // of the streaming rate, while weights stream
  double latency_factor = 1.2;                 // loaded over unloaded latency
  int overlap =
      4;  // slices between memory and tensor cores: N of the two-station queue; 0: perfect
  Bytes shared_memory{160e3};  // of a multiprocessor, for tiles
  int stages = 4;              // slices of a block in flight
  int slice = 64;              // elements of k in a slice, 16-bit
  int multicast = 1;           // blocks of a cluster that share an operand's fetch
  std::vector<Tile> tiles = {{16, 64},  {32, 64},   {64, 64},   {64, 128},
                             {128, 64}, {128, 128}, {128, 256}, {256, 128}};
  std::map<std::string, double> weight_only;  // rate with narrower weights / rate without
  static void fields(Schema<GemmConstants>& s);
  void check(Checker& c) const;
};

struct AttentionConstants {
  double vector_flops_per_clock = 128;  // fp32 lanes of a multiprocessor
  double exponentials_per_clock = 16;
  double fragments_per_clock =
      512;  // head-dim elements shared memory feeds to the tensor cores per pair; 0: needs none
  double vector_work = 3.5;  // fp32 instructions a pair
  int overlap = 1;           // tiles in flight: N of the two-station queue
  int query_tile = 64, key_tile = 128;
  int blocks = 1;  // resident per multiprocessor, prefill
  Seconds prefill_fixed{5e-6}, prefill_block{4e-6};
  double tail = 0.5;  // share of the longest tile that nothing hides
  Seconds decode_fixed{7e-6}, decode_block{2.5e-6}, combine{5e-6};
  double memory_efficiency = 0.9, latency_factor = 1.1;
  int decode_tile = 64, split_keys = 128, most_splits = 128;
  static void fields(Schema<AttentionConstants>& s);
};

struct StreamConstants {  // kernels that only pass over data
  Seconds fixed{1e-6};
  double topk_passes = 4;
  double update_cycles = 13;  // of the clock, between atomic updates of one address
  static void fields(Schema<StreamConstants>& s);
};

struct KernelConstants {
  Seconds launch{1.2e-6};          // between two kernels of one graph or full queue
  Seconds launch_in_stream{5e-6};  // least time between two launches from the host, no graph
  GemmConstants gemm;
  AttentionConstants attention;
  StreamConstants stream;
  static void fields(Schema<KernelConstants>& s);
};

}  // namespace terrace
