// Writes the trace as it goes; a run of a million ops needs no memory for it.
#include "explore/perfetto.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace terrace {
namespace {
constexpr int engines = 1, resources = 2, steps = 3, requests = 4;
}

Perfetto::Perfetto(const std::string& path, const Machine& machine)
    : path_(path), machine_(machine) {
  file_ = std::fopen(path.c_str(), "w");
  if (file_ == nullptr)
    throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
  put("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
  name(engines, 0, "engines", "process_name");
  name(resources, 0, "links and memories", "process_name");
  name(steps, 0, "steps", "process_name");
  name(requests, 0, "requests", "process_name");
  for (std::size_t e = 0; e < machine.engines().size(); ++e)
    name(engines, static_cast<std::int64_t>(e), machine.engines()[e].name, "thread_name");
  for (std::size_t r = 0; r < machine.resources().size(); ++r)
    name(resources, static_cast<std::int64_t>(r), machine.resources()[r].name, "thread_name");
}

Perfetto::~Perfetto() {
  if (file_ != nullptr) std::fclose(file_);
}

void Perfetto::put(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) failed_ = true;
}

void Perfetto::name(int process, std::int64_t thread, const std::string& what, const char* kind) {
  put(fmt::format(
      "{}\n{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"{}\",\"args\":{{\"name\":{}}}}}",
      first_ ? "" : ",", process, thread, kind, nlohmann::json(what).dump()));
  first_ = false;
}

void Perfetto::event(int process, std::int64_t thread, const std::string& what, Time start,
                     Time span, const std::string& args) {
  put(fmt::format(
      ",\n{{\"ph\":\"X\",\"pid\":{},\"tid\":{},\"name\":{},\"ts\":{:.6f},\"dur\":{:.6f},\"args\":{{"
      "{}}}}}",
      process, thread, nlohmann::json(what).dump(), static_cast<double>(start.ps()) * 1e-6,
      static_cast<double>(span.ps()) * 1e-6, args));
}

void Perfetto::op(const OpSpan& s) {
  const std::int64_t shown = std::min(s.times, most_rounds);
  const std::string what = s.op->label;
  for (std::int64_t i = 0; i < shown; ++i) {
    const Time shift = s.period * i;
    event(engines, s.op->engine, what, s.started + shift, s.ended - s.started,
          fmt::format("\"step\":{},\"flops\":{:.0f}", s.step, s.op->flops));
    for (const FlowSpec& flow : s.plan->flows)
      for (const Hop& hop : flow.hops)
        if (machine_.resources()[static_cast<std::size_t>(hop.resource)].unit == "B" &&
            s.ended > s.flows_at)
          event(resources, hop.resource, what, s.flows_at + shift, s.ended - s.flows_at,
                fmt::format(
                    "\"bytes\":{:.0f},\"of peak\":{:.3f}", flow.amount * hop.copies,
                    hop.weight * flow.amount / (s.ended - s.flows_at).seconds() /
                        machine_.resources()[static_cast<std::size_t>(hop.resource)].capacity));
  }
  if (s.times > shown)
    event(engines, s.op->engine, fmt::format("{} (and {} more rounds)", what, s.times - shown),
          s.started + s.period * shown, s.period * (s.times - shown),
          fmt::format("\"step\":{}", s.step));
}

void Perfetto::step(const Step& step, Time started, Time ended) {
  // Steps of a lane may overlap where the host prepares one while the last one runs: a row each.
  std::vector<Time>& rows = rows_[step.lane];
  std::size_t row = 0;
  while (row < rows.size() && rows[row] > started) ++row;
  const std::int64_t thread = (step.lane + 1) * std::int64_t{64} + static_cast<std::int64_t>(row);
  if (row == rows.size()) {
    rows.push_back(ended);
    name(steps, thread, step.lane < 0 ? std::string("copies") : fmt::format("lane {}", step.lane),
         "thread_name");
  }
  rows[row] = ended;
  event(steps, thread, step.label, started, ended - started, fmt::format("\"id\":{}", step.id));
}

void Perfetto::close(const Record& record) {
  for (const RequestRow& r : record.requests) {
    const auto span = [&](const char* what, double from, double to) {
      if (to > from)
        event(requests, r.id, what, Time::nearest(Seconds(from)), Time::nearest(Seconds(to - from)),
              fmt::format("\"input\":{},\"output\":{}", r.input_tokens, r.output_tokens));
    };
    span("waiting", r.arrival, r.scheduled);
    span("prefill", r.scheduled, r.first_token);
    span("decode", r.first_token, r.finished);
  }
  put("\n]}\n");
  if (std::fclose(file_) != 0) failed_ = true;
  file_ = nullptr;
  if (failed_) throw std::runtime_error("cannot write all of " + path_ + ": is the disk full?");
}

}  // namespace terrace
