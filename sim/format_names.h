// How number formats are written in YAML.
#pragma once

#include "sim/format.h"
#include "sim/schema_types.h"

namespace terrace {

template <>
struct EnumNames<Format> {
  static constexpr std::pair<const char*, Format> values[] = {
      {"fp64", Format::fp64}, {"fp32", Format::fp32}, {"tf32", Format::tf32},
      {"bf16", Format::bf16}, {"fp16", Format::fp16}, {"fp8", Format::fp8},
      {"int8", Format::int8}, {"fp4", Format::fp4},   {"int4", Format::int4}};
};

}  // namespace terrace
