// The walks of validate/device/l2_walks.h for the tests of caches.
#pragma once

#include "tests/models/parts.h"
#include "validate/device/l2_walks.h"

namespace terrace::sram_test {

using validate::chase;
using validate::stream;

inline std::unique_ptr<BurstDevice> device(const std::string& file, const std::string& keys = "") {
  return validate::l2_device(file, keys);
}
inline std::unique_ptr<BurstDevice> device_of(const std::string& yaml) {
  return parts::chosen<BurstDevice>(yaml).make({"device", 1});
}

}  // namespace terrace::sram_test
