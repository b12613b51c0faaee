// Schema of a GPU, and the rate of a number format on it.
#include "models/gpu/gpu_params.h"

#include <algorithm>

namespace terrace {

void TensorRate::fields(Schema<TensorRate>& s) {
  s.field("peak", &TensorRate::peak, "data sheet, dense").above(FlopsPerSecond(0)).required();
  s.field("sustained", &TensorRate::sustained, "of large matrix multiplications")
      .above(FlopsPerSecond(0))
      .required();
}

void TensorRate::check(Checker& c) const {
  if (sustained > peak)
    c.fail("sustained", to_text(sustained) + " is more than the peak, " + to_text(peak));
}

void GpuPower::fields(Schema<GpuPower>& s) {
  s.field("idle", &GpuPower::idle, "drawn while nothing runs");
  s.field("limit", &GpuPower::limit, "board power limit").above(Watts(0));
  s.field("tensor", &GpuPower::tensor,
          "energy of a 16-bit tensor FLOP; formats of twice the rate take half");
  s.field("vector", &GpuPower::vector, "energy of an fp32 FLOP");
}

void GpuParams::fields(Schema<GpuParams>& s) {
  using P = GpuParams;
  s.field("multiprocessors", &P::multiprocessors, "streaming multiprocessors").between(1, 1024);
  s.field("max_threads_per_multiprocessor", &P::max_threads_per_multiprocessor,
          "threads resident at once")
      .between(1, 65536);
  s.field("capability", &P::capability, "compute capability").above(0);
  s.field("clock", &P::clock, "boost clock, at which the data sheet gives its rates")
      .above(PerSecond(0));
  s.field("attention_clock", &P::attention_clock, "clock held through attention kernels")
      .above(PerSecond(0));
  s.field("tensor_flops_per_clock", &P::tensor_flops_per_clock,
          "16-bit with fp32 accumulation, dense, of a multiprocessor")
      .above(0);
  s.field("tensor", &P::tensor, "tensor rates by number format").not_empty().required();
  s.field("vector", &P::vector, "fp32 rate outside tensor cores").above(FlopsPerSecond(0));
  s.field("l2", &P::l2, "last-level cache");
  s.field("memory", &P::memory, "device memory");
  s.field("reserved", &P::reserved, "memory taken by context and firmware");
  s.field("copy_start", &P::copy_start, "a copy engine fetching and decoding its command");
  s.field("power", &P::power, "power and energy");
  s.field("price", &P::price, "rent of one GPU");
  s.field("kernels", &P::kernels, "kernel constants of the architecture");
}

void GpuParams::check(Checker& c) const {
  for (const auto& [name, each] : tensor)
    if (std::find(format_names.begin(), format_names.end(), name) == format_names.end())
      c.fail("tensor." + name, "is no number format");
  if (rate(Format::bf16).peak.value() <= 0) c.fail("tensor", "needs a rate for bf16 or fp16");
  if (reserved > memory.capacity) c.fail("reserved", "is more than the memory");
}

TensorRate GpuParams::rate(Format format) const {
  const auto of = [this](Format f) {
    const auto found = tensor.find(std::string(name_of(f)));
    return found == tensor.end() ? TensorRate{} : found->second;
  };
  const TensorRate own = of(format);
  if (own.peak.value() > 0) return own;
  if (format == Format::bf16) return of(Format::fp16);
  if (format == Format::fp16) return of(Format::bf16);
  if (format == Format::fp32) return {vector, vector};
  return own;
}

}  // namespace terrace
