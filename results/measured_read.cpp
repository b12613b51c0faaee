// Reads what a load generator wrote about its requests.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "results/measured.h"
#include "sim/config.h"

namespace terrace {
namespace {

using Json = nlohmann::json;

struct Line {  // one line of the file, and what is wrong with it
  const Json& json;
  std::vector<std::string> wrong;

  template <class T>
  T number(const char* key) {
    const auto found = json.find(key);
    const bool there = found != json.end() && found->is_number();
    if (!there) wrong.push_back(fmt::format("\"{}\" is missing or not a number", key));
    return there ? found->get<T>() : T();
  }
};

std::optional<std::int64_t> number_at_end(const std::string& name) {
  std::size_t from = name.size();
  while (from > 0 && std::isdigit(static_cast<unsigned char>(name[from - 1])) != 0) --from;
  if (from == name.size() || name.size() - from > 18) return std::nullopt;
  return std::stoll(name.substr(from));
}

MeasuredRequest read_line(Line& line) {
  MeasuredRequest request;
  const auto id = line.json.find("request_id");
  if (id != line.json.end() && id->is_string()) request.name = id->get<std::string>();
  if (id != line.json.end() && id->is_number()) request.name = id->dump();
  const auto number = number_at_end(request.name);
  if (!number) line.wrong.emplace_back("\"request_id\" does not end with a number");
  RequestRow& row = request.row;
  row.id = number.value_or(0);
  row.input_tokens = line.number<std::int64_t>("input_toks");
  row.output_tokens = line.number<std::int64_t>("output_toks");
  row.arrival = line.number<double>("queued_ts");
  row.scheduled = line.number<double>("scheduled_ts");
  row.first_token = line.number<double>("first_token_ts");
  row.finished = line.number<double>("last_token_ts");
  const bool ordered = row.arrival <= row.scheduled && row.scheduled <= row.first_token &&
                       row.first_token <= row.finished;
  if (line.wrong.empty() && !ordered) {
    line.wrong.emplace_back(
        "the times do not follow each other: queued, scheduled, first token, last token");
  }
  return request;
}

std::optional<double> kv_blocks_beside(const std::string& file) {
  std::ifstream meta(std::filesystem::path(file).parent_path() / "meta.json");
  if (!meta) return std::nullopt;
  const Json json = Json::parse(meta, nullptr, false);
  if (!json.is_object() || !json.contains("kv_cache")) return std::nullopt;
  const Json& cache = json["kv_cache"];
  if (!cache.is_object() || !cache.contains("num_gpu_blocks")) return std::nullopt;
  const Json& blocks = cache["num_gpu_blocks"];
  return blocks.is_number() ? std::optional<double>(blocks.get<double>()) : std::nullopt;
}

}  // namespace

MeasuredRun read_measured(const std::string& file) {
  MeasuredRun run;
  run.source = file;
  Mistakes mistakes;
  const auto name = std::make_shared<const std::string>(file);
  std::ifstream in(file);
  if (!in || std::filesystem::is_directory(file)) {
    mistakes.add({name, 0, 0}, "", "the file cannot be read");
    mistakes.raise();
  }
  std::set<std::int64_t> ids;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Place place{name, number, 1};
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
      mistakes.add(place, "", "not a JSON object");
      continue;
    }
    Line line{json, {}};
    MeasuredRequest request = read_line(line);
    for (const std::string& what : line.wrong) mistakes.add(place, "", what);
    if (line.wrong.empty() && !ids.insert(request.row.id).second) {
      mistakes.add(place, "", fmt::format("request {} is there twice", request.row.id));
    }
    run.requests.push_back(std::move(request));
  }
  if (run.requests.empty() && mistakes.empty()) {
    mistakes.add({name, 1, 1}, "", "there is no request in the file");
  }
  mistakes.raise();
  double start = run.requests.front().row.arrival;
  for (const MeasuredRequest& r : run.requests) start = std::min(start, r.row.arrival);
  for (MeasuredRequest& r : run.requests) {
    for (double* time : {&r.row.arrival, &r.row.scheduled, &r.row.first_token, &r.row.finished}) {
      *time -= start;
    }
  }
  run.kv_blocks = kv_blocks_beside(file);
  return run;
}

}  // namespace terrace
