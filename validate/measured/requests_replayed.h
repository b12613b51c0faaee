// Measured runs of which every request is known, as scenarios that replay them.
#pragma once

#include <string>

#include "validate/measured/run_bench.h"

namespace terrace::validate {

// The run distserve/vllm-COUNT-RATE.csv: OPT-13B by vLLM on an A100. Writes its requests where the
// scenario finds them; throws BuildError, or ConfigError, where the file cannot be read.
RunSpec distserve_run(const std::string& data, int count, int rate);
bool has_distserve_run(const std::string& data, int count, int rate);

// vllm_runs/rtx4090_llama-3.1-8b: 300 ShareGPT requests by vLLM 0.19.
RunSpec replay_run(const std::string& data);

}  // namespace terrace::validate
