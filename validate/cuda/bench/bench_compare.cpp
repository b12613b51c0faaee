// Error tables of predictions of a GPU's micro-benchmarks.
#include "validate/cuda/bench/bench_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "results/human.h"

namespace terrace::cuda {
namespace {

using Json = nlohmann::ordered_json;

struct Point {
  std::string group, name, unit;
  double value = 0, length = 0;  // of a sequence; 0: has none
};

std::map<std::string, Point> points_of(const std::string& text, const char* kind) {
  const Json root = Json::parse(text, nullptr, false);
  if (!root.is_object() || root.value("kind", "") != kind || !root.contains("points"))
    throw std::runtime_error(fmt::format("is no {} of `terrace gpu-bench`", kind));
  std::map<std::string, Point> out;
  try {
    for (const Json& p : root["points"]) {
      if (p.at("value").is_null()) continue;
      std::string name = p.at("group").get<std::string>() + "." + p.at("case").get<std::string>();
      for (const auto& [key, value] : p.at("parameters").items())
        name += fmt::format(" {}={:.12g}", key, value.get<double>());
      if (p.contains("l2")) name += " " + p["l2"].get<std::string>();
      out[name] = {p["group"], p["case"], p.at("unit"), p["value"].get<double>(),
                   p["parameters"].value("length", 0.0)};
    }
  } catch (const nlohmann::json::exception& e) {
    throw std::runtime_error(fmt::format("is no whole {}: {}", kind, e.what()));
  }
  return out;
}

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) throw std::runtime_error(file + " cannot be read");
  return out.str();
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(share * double(values.size() - 1)))];
}

std::optional<double> decode_share(const std::map<std::string, Point>& points) {
  double copy = 0;
  std::vector<double> decode;
  for (const auto& [text, p] : points) {
    if (p.group == "hbm" && p.name == "copy" && text.find(" cold") != std::string::npos)
      copy = std::max(copy, p.value);
    if (p.group == "attention" && p.name == "decode" && p.length >= 32768)
      decode.push_back(p.value);
  }
  if (copy == 0 || decode.empty()) return std::nullopt;
  return quantile(decode, 0.5) / copy;
}

}  // namespace

double ComparedCase::error() const {
  return unit == "s" ? predicted / measured - 1 : measured / predicted - 1;
}

Compared compare(const std::string& measured, const std::string& predicted) {
  const auto real = points_of(measured, "gpu measurement");
  auto simulated = points_of(predicted, "gpu prediction");
  Compared out;
  out.decode_share = decode_share(real);
  for (const auto& [text, point] : real) {
    const auto found = simulated.find(text);
    if (found == simulated.end()) {
      out.only_measured.push_back(text);
      continue;
    }
    out.cases.push_back({point.group, text, point.unit, point.value, found->second.value});
    simulated.erase(found);
  }
  for (const auto& [text, point] : simulated) out.only_predicted.push_back(text);
  return out;
}

Page compare_page(const std::string& measured_file, const std::string& predicted_file) {
  const auto load = [](const std::string& file, const auto& use) {
    try {
      return use(contents(file));
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(file + ": " + e.what());
    }
  };
  load(predicted_file, [](const std::string& t) { return points_of(t, "gpu prediction").size(); });
  load(measured_file, [](const std::string& t) { return points_of(t, "gpu measurement").size(); });
  Compared all = compare(contents(measured_file), contents(predicted_file));
  Page page;
  page.title("Predicted and measured");
  std::map<std::string, std::vector<double>> errors;
  for (const ComparedCase& c : all.cases) errors[c.group].push_back(c.error());
  Grid groups;
  groups.columns = {
      {"group", false}, {"cases", true}, {"median error", true}, {"p90", true}, {"bias", true}};
  for (const auto& [group, list] : errors) {
    std::vector<double> size;
    double sum = 0;
    for (const double e : list) {
      size.push_back(std::abs(e));
      sum += std::log1p(e);
    }
    groups.add({group, std::to_string(list.size()), human_percent(quantile(size, 0.5)),
                human_percent(quantile(size, 0.9)),
                human_signed_percent(std::expm1(sum / double(list.size())))});
  }
  page.table(std::move(groups));
  page.line(
      "Errors are of the time; bias is their geometric mean, positive where the prediction "
      "is slower than the device.");
  if (all.decode_share)
    page.line("Decode attention of long contexts draws " + human_percent(*all.decode_share) +
              " of the bandwidth of a copy.");
  std::sort(all.cases.begin(), all.cases.end(), [](const ComparedCase& a, const ComparedCase& b) {
    return std::abs(std::log1p(a.error())) > std::abs(std::log1p(b.error()));
  });
  Grid worst;
  worst.columns = {{"case", false}, {"measured", true}, {"predicted", true}, {"error", true}};
  for (std::size_t i = 0; i < std::min<std::size_t>(20, all.cases.size()); ++i) {
    const ComparedCase& c = all.cases[i];
    worst.add({c.text, human(c.measured, c.unit), human(c.predicted, c.unit),
               human_signed_percent(c.error())});
  }
  page.heading("The worst");
  page.table(std::move(worst));
  if (!all.only_measured.empty() || !all.only_predicted.empty())
    page.line(
        fmt::format("{} cases were measured and not predicted, {} predicted and not measured.",
                    all.only_measured.size(), all.only_predicted.size()));
  return page;
}

}  // namespace terrace::cuda
