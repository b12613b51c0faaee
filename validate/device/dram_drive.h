// DRAM as comparisons drive it: streams, gathers, and a device's share of its peak.
#pragma once

#include <memory>
#include <string>

#include "models/dram/bounds.h"
#include "models/dram/dram.h"
#include "sim/burst_drive.h"
#include "validate/device/machine_parts.h"

namespace terrace::validate {

inline dram::DramParams dram_params(const std::string& yaml) {
  return *chosen<BurstDevice>(yaml).params_as<dram::Dram>();
}
inline std::unique_ptr<dram::Dram> dram_device(const std::string& yaml) {
  return std::make_unique<dram::Dram>(dram_params(yaml), BurstDevice::Context{"dram", 1});
}

inline BurstPattern stream(double read_share = 1, bool by_request = true) {
  BurstPattern p;
  p.run_length = p.footprint = std::uint64_t{1} << 28;
  p.sequential = true;
  p.read_share = read_share;
  p.mix_by_request = by_request;
  p.seed = 42;
  return p;
}

// Runs of that many bytes at random places of 1 GB.
inline BurstPattern gather(std::uint64_t run, double read_share = 1, bool by_request = true) {
  BurstPattern p;
  p.run_length = run;
  p.read_share = read_share;
  p.mix_by_request = by_request;
  p.seed = 42;
  return p;
}

inline double nanoseconds(Time t) { return t.seconds() * 1e9; }

// Percent of the peak that a device reaches.
inline double percent_of_peak(dram::Dram& device, const BurstPattern& pattern,
                              std::uint64_t requests = 40000) {
  return 100 * drive(device, pattern, requests, requests / 10).share_of_peak;
}

// Percent of the peak that refresh, activates, buses and banks leave to that pattern.
inline double percent_bound(const dram::DramParams& params, const BurstPattern& pattern) {
  dram::BoundPattern form;
  form.bytes_per_row = pattern.sequential ? 0 : dram::bytes_per_row(params, pattern.run_length);
  form.read_share = pattern.read_share;
  return 100 * dram::bounds(params.standard, params.refresh.kind(), form).least();
}

}  // namespace terrace::validate
