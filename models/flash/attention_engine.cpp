// Rates by number format, and the layouts of InstInfer (arXiv 2409.04992): K and V by token in
// groups that fill pages, and K a second time by channel, so that both steps of sparse attention
// read runs.
#include "models/flash/attention_engine.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace terrace {

void SparseAttention::fields(Schema<SparseAttention>& s) {
  s.field("channels", &SparseAttention::channels, "share of the channels of K that score tokens")
      .above(0)
      .at_most(1);
  s.field("tokens", &SparseAttention::tokens, "share of the tokens whose K and V are then read")
      .above(0)
      .at_most(1);
  s.field("group", &SparseAttention::group, "tokens that are chosen together").between(1, 65536);
}

void AttentionEngineParams::fields(Schema<AttentionEngineParams>& s) {
  s.field("clock", &AttentionEngineParams::clock, "of the engine").above(PerSecond(0));
  s.field("rate", &AttentionEngineParams::rate, "matrix times vector, by number format")
      .above(FlopsPerSecond(0))
      .not_empty();
  s.field("sram", &AttentionEngineParams::sram, "data on their way in and being used")
      .above(Bytes(0));
  s.field("dispatch", &AttentionEngineParams::dispatch, "from the op's turn to the first read");
  s.field("energy", &AttentionEngineParams::energy, "of a FLOP");
  s.field("sparse", &AttentionEngineParams::sparse, "reads a part of the context; none: all of it");
}

void AttentionEngineParams::check(Checker& c) const {
  for (const auto& [name, value] : rate) {
    if (std::find(format_names.begin(), format_names.end(), name) == format_names.end())
      c.fail("rate." + name, "is not a number format");
    // An array of that many multipliers and adders would be no engine of a drive.
    if (value.value() / clock.value() > 1e6)
      c.fail("rate." + name, "needs more than 10^6 operations in each of the engine's clocks");
  }
}

double AttentionEngineParams::flops(Format format) const {
  const auto of = [&](Format f) {
    const auto found = rate.find(std::string(name_of(f)));
    return found == rate.end() ? 0.0 : found->second.value();
  };
  const double own = of(format);
  if (own > 0) return own;
  if (format == Format::bf16) return of(Format::fp16);
  return format == Format::fp16 ? of(Format::bf16) : 0;
}

std::vector<KvRead> AttentionEngineParams::reads(double kv_bytes, double run_length,
                                                 const AttentionShape& shape) const {
  if (!sparse) return {{kv_bytes, run_length}};
  const double element = bytes_of(shape.kv_format);
  const double sequences = std::max(1.0, shape.sequences);
  const double column = std::max(element, shape.kv_tokens / sequences * element);
  const double row = std::max(element, shape.head_dim * element);
  return {{kv_bytes / 2 * sparse->channels, std::min(run_length, column)},
          {kv_bytes * sparse->tokens, std::min(run_length, row * sparse->group)}};
}

double AttentionEngineParams::work() const {
  return sparse ? sparse->channels / 2 + sparse->tokens : 1;  // Q K' is half of the FLOPs
}

}  // namespace terrace
