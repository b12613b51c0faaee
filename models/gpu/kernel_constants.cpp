// Schema of the kernel constants.
#include "models/gpu/kernel_constants.h"

#include <algorithm>

#include "sim/format.h"

namespace terrace {

void Tile::fields(Schema<Tile>& s) {
  s.field("m", &Tile::m, "rows of the output").between(8, 1024);
  s.field("n", &Tile::n, "columns of the output").between(8, 1024);
}

void GemmConstants::fields(Schema<GemmConstants>& s) {
  using C = GemmConstants;
  s.field("prologue", &C::prologue, "start of a block, beside one memory latency");
  s.field("epilogue", &C::epilogue, "end of a block, beside writing its tile");
  s.field("reduction", &C::reduction, "fixed cost of a split along k");
  s.field("memory_efficiency", &C::memory_efficiency, "of the streaming rate").above(0).at_most(1);
  s.field("latency_factor", &C::latency_factor, "loaded over unloaded latency").at_least(1);
  s.field("overlap", &C::overlap,
          "slices in the queue between memory and tensor cores; 0: perfect overlap")
      .between(0, 64);
  s.field("shared_memory", &C::shared_memory, "of a multiprocessor, for tiles").above(Bytes(0));
  s.field("stages", &C::stages, "slices of a block in flight").between(1, 16);
  s.field("slice", &C::slice, "elements of k in a slice, 16-bit").between(8, 1024);
  s.field("multicast", &C::multicast, "blocks that share the fetch of an operand").between(1, 16);
  s.field("tiles", &C::tiles, "output tiles the library chooses from").not_empty();
  s.field("weight_only", &C::weight_only, "rate with weights of that format / rate without")
      .above(0)
      .at_most(1);
}

void GemmConstants::check(Checker& c) const {
  for (const auto& [name, factor] : weight_only)
    if (std::find(format_names.begin(), format_names.end(), name) == format_names.end())
      c.fail("weight_only." + name, "is no number format");
}

void AttentionConstants::fields(Schema<AttentionConstants>& s) {
  using C = AttentionConstants;
  s.field("vector_flops_per_clock", &C::vector_flops_per_clock, "fp32 lanes a multiprocessor")
      .above(0);
  s.field("exponentials_per_clock", &C::exponentials_per_clock, "of a multiprocessor").above(0);
  s.field("fragments_per_clock", &C::fragments_per_clock,
          "head-dim elements that shared memory feeds the tensor cores a clock; 0: none needed")
      .at_least(0);
  s.field("vector_work", &C::vector_work, "fp32 instructions a (query, key) pair").at_least(0);
  s.field("overlap", &C::overlap, "tiles in flight a multiprocessor").between(1, 64);
  s.field("query_tile", &C::query_tile, "queries a block").between(16, 1024);
  s.field("key_tile", &C::key_tile, "keys a step").between(16, 1024);
  s.field("blocks", &C::blocks, "resident a multiprocessor, prefill").between(1, 32);
  s.field("prefill_fixed", &C::prefill_fixed, "of a prefill launch, KV write included");
  s.field("prefill_block", &C::prefill_block, "of each wave of blocks");
  s.field("tail", &C::tail, "share of the longest tile that nothing hides").between(0, 1);
  s.field("decode_fixed", &C::decode_fixed, "of a decode launch, KV write included");
  s.field("decode_block", &C::decode_block, "of each wave of blocks");
  s.field("combine", &C::combine, "joining the parts of split sequences");
  s.field("memory_efficiency", &C::memory_efficiency, "of the streaming rate").above(0).at_most(1);
  s.field("latency_factor", &C::latency_factor, "loaded over unloaded latency").at_least(1);
  s.field("decode_tile", &C::decode_tile, "query rows a decode block").between(16, 1024);
  s.field("split_keys", &C::split_keys, "keys by which decode splits").between(16, 4096);
  s.field("most_splits", &C::most_splits, "parts of a sequence at most").between(1, 1024);
}

void StreamConstants::fields(Schema<StreamConstants>& s) {
  using C = StreamConstants;
  s.field("fixed", &C::fixed, "first to last block of an empty kernel");
  s.field("topk_passes", &C::topk_passes, "readings of the scores by a radix select").at_least(1);
  s.field("update_cycles", &C::update_cycles,
          "cycles between atomic updates of one address, in what `terrace validate` compares")
      .above(0);
}

void KernelConstants::fields(Schema<KernelConstants>& s) {
  using C = KernelConstants;
  s.field("launch", &C::launch, "between two kernels of a graph or a full queue");
  s.field("launch_in_stream", &C::launch_in_stream,
          "least time between two launches that the host makes one by one");
  s.field("gemm", &C::gemm, "matrix multiplication");
  s.field("attention", &C::attention, "prefill and decode attention");
  s.field("stream", &C::stream, "kernels that only pass over data");
}

}  // namespace terrace
