// NVML by dlopen. Source: NVML API reference, docs.nvidia.com/deploy/nvml-api (names, types and
// constants; its header is no part of the CUDA toolkit's compiler).
#include "validate/cuda/nvml.h"

#include <dlfcn.h>

namespace terrace::cuda {
namespace {

using Code = int;  // nvmlReturn_t: 0 is NVML_SUCCESS
using Handle = void*;
constexpr unsigned clock_sm = 1, clock_memory = 2;  // nvmlClockType_t
constexpr unsigned sensor_gpu = 0;                  // nvmlTemperatureSensors_t

}  // namespace

template <class Function>
Function Nvml::find(const char* name) const {
  return library_ == nullptr ? nullptr : reinterpret_cast<Function>(::dlsym(library_, name));
}

Nvml::Nvml(const std::string& pci_bus) {
  library_ = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  const auto start = find<Code (*)()>("nvmlInit_v2");
  if (start == nullptr) return;
  if (start() != 0) {
    ::dlclose(library_);
    library_ = nullptr;
    return;
  }
  const auto by_bus = find<Code (*)(const char*, Handle*)>("nvmlDeviceGetHandleByPciBusId_v2");
  if (by_bus == nullptr || by_bus(pci_bus.c_str(), &device_) != 0) device_ = nullptr;
}

Nvml::~Nvml() {
  if (library_ == nullptr) return;
  if (const auto end = find<Code (*)()>("nvmlShutdown")) end();
  ::dlclose(library_);
}

std::string Nvml::driver_version() const {
  char text[96] = {};
  const auto ask = find<Code (*)(char*, unsigned)>("nvmlSystemGetDriverVersion");
  return ask != nullptr && ask(text, sizeof text) == 0 ? text : "";
}

unsigned Nvml::number(const char* name) const {
  unsigned value = 0;
  const auto ask = find<Code (*)(Handle, unsigned*)>(name);
  return device_ != nullptr && ask != nullptr && ask(device_, &value) == 0 ? value : 0;
}

int Nvml::pcie_generation() const {
  return static_cast<int>(number("nvmlDeviceGetMaxPcieLinkGeneration"));
}
int Nvml::pcie_width() const { return static_cast<int>(number("nvmlDeviceGetMaxPcieLinkWidth")); }

GpuState Nvml::state() const {
  GpuState s;
  if (device_ == nullptr) return s;
  const auto of_kind = [&](const char* name, unsigned kind) {
    unsigned value = 0;
    const auto ask = find<Code (*)(Handle, unsigned, unsigned*)>(name);
    return ask != nullptr && ask(device_, kind, &value) == 0 ? static_cast<double>(value) : 0.0;
  };
  s.sm_clock_hz = 1e6 * of_kind("nvmlDeviceGetClockInfo", clock_sm);
  s.memory_clock_hz = 1e6 * of_kind("nvmlDeviceGetClockInfo", clock_memory);
  s.temperature_c = of_kind("nvmlDeviceGetTemperature", sensor_gpu);
  s.power_w = 1e-3 * number("nvmlDeviceGetPowerUsage");
  s.power_limit_w = 1e-3 * number("nvmlDeviceGetEnforcedPowerLimit");
  if (const auto ask =
          find<Code (*)(Handle, unsigned long long*)>("nvmlDeviceGetCurrentClocksThrottleReasons"))
    if (ask(device_, &s.slowed_by) != 0) s.slowed_by = 0;
  return s;
}

}  // namespace terrace::cuda
