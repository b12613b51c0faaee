// Runs a model over a text and writes what passes through its attention.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "workloads/capture/model.h"
#include "workloads/capture/trace.h"

namespace terrace {

struct CaptureOptions {
  std::int64_t tokens = 0;           // 0: what the text has, up to 2048 and the model's context
  std::int64_t offset = 0;           // tokens of the text to leave out in front
  std::int64_t chunk = 256;          // tokens that the model runs at a time, and of a trace's chunk
  std::vector<std::int64_t> layers;  // empty: all
  std::array<bool, 10> tensors = {true, true, true, true};  // q, k, v, x
  std::array<TraceStorage, 10> storage = {};
  std::string command;  // for the header
};

// "int8", or "int8,k=fp16,…"; "q,k,v"; "0..3,7". Each throws std::invalid_argument with what is
// wrong.
std::array<TraceStorage, 10> parse_storage(const std::string& text);
std::array<bool, 10> parse_tensors(const std::string& text);
std::vector<std::int64_t> parse_layers(const std::string& text, std::int64_t layers);

// The header of what is to be captured: the options fitted to the model and the text. Throws
// CaptureError where they do not fit.
KvTraceHeader plan_capture(const LlamaModel& model, const MappedFile& text,
                           const CaptureOptions& options);
// The negative log-likelihood of the captured tokens, in nats for each but the first, is what comes
// back. `progress` is called with the tokens done; what it throws ends the capture, with nothing
// left.
double capture(const LlamaModel& model, const KvTraceHeader& header, std::int64_t chunk,
               const std::string& file, const std::function<void(std::int64_t)>& progress = {});

double log_likelihood(const float* logits, std::int64_t vocabulary, std::int32_t token);  // nats

}  // namespace terrace
