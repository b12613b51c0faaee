// The canonical text of a record: fields as declared, one row a line, every double as the shortest
// decimal that reads back as the same number.
#include "sim/record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace terrace {
namespace {

// Appends JSON. What JSON has no number for is written as "nan", "inf" or "-inf"; -0 is 0.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void text(std::string_view value) {
    out_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        control(c);
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  void number(double value) {
    if (std::isnan(value)) return text("nan");
    if (std::isinf(value)) return text(value > 0 ? "inf" : "-inf");
    digits(value == 0 ? 0.0 : value);
  }

  template <class Integer>
  void digits(Integer value) {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out_.append(buffer, end);
  }

  void key(const char* name) {
    if (out_.back() != '{' && out_.back() != '\n') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void field(const char* name, std::string_view value) { key(name), text(value); }
  void field(const char* name, const std::string& value) { key(name), text(value); }
  void field(const char* name, double value) { key(name), number(value); }
  void field(const char* name, std::int64_t value) { key(name), digits(value); }
  void field(const char* name, std::int32_t value) { key(name), digits(value); }
  void field(const char* name, std::uint64_t value) { key(name), digits(value); }

  template <class Items, class Each>
  void list(const char* name, const Items& items, Each each) {
    out_ += ",\n";
    key(name);
    out_ += '[';
    const char* separator = "\n";
    for (const auto& item : items) {
      out_ += separator;
      separator = ",\n";
      each(item);
    }
    out_ += "]";
  }
  template <class Items, class Each>
  void objects(const char* name, const Items& items, Each each) {
    list(name, items, [&](const auto& item) {
      out_ += '{';
      each(item);
      out_ += '}';
    });
  }

 private:
  void control(char c) {
    static constexpr char hex[] = "0123456789abcdef";
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n') {
      out_ += "\\n";
    } else if (c == '\t') {
      out_ += "\\t";
    } else {
      out_ += "\\u00";
      out_ += hex[code >> 4];
      out_ += hex[code & 15];
    }
  }

  std::string& out_;
};

// Statistics of the computing itself, such as steps.per_wall_second, differ from run to run.
std::vector<Stat> lasting(const std::vector<Stat>& stats) {
  std::vector<Stat> out;
  std::copy_if(stats.begin(), stats.end(), std::back_inserter(out),
               [](const Stat& s) { return s.name.find("wall") == std::string::npos; });
  return out;
}

void write_results(Writer& w, const Record& r) {
  w.objects("stats", lasting(r.stats), [&](const Stat& s) {
    w.field("name", s.name);
    w.field("unit", s.unit);
    w.field("value", s.value);
    w.field("meaning", s.meaning);
  });
  w.objects("ops", r.ops, [&](const OpBreakdown& o) {
    w.field("label", o.label);
    w.field("kind", o.kind);
    w.field("bottleneck", o.bottleneck);
    w.field("count", o.count);
    w.field("seconds", o.seconds);
    w.field("flops", o.flops);
    w.field("read_bytes", o.read_bytes);
    w.field("written_bytes", o.written_bytes);
    w.field("bound_seconds", o.bound_seconds);
  });
  w.objects("tiers", r.tiers, [&](const TierTraffic& t) {
    w.field("tier", t.tier);
    w.field("read_bytes", t.read_bytes);
    w.field("written_bytes", t.written_bytes);
    w.field("joules", t.joules);
    w.field("busy_fraction", t.busy_fraction);
    w.field("capacity_bytes", t.capacity_bytes);
    w.field("peak_bytes", t.peak_bytes);
  });
  w.objects("shares", r.shares, [&](const Share& s) {
    w.field("cause", s.cause);
    w.field("fraction", s.fraction);
    w.field("seconds", s.seconds);
  });
}

void write_requests(Writer& w, const Record& r) {
  w.objects("requests", r.requests, [&](const RequestRow& q) {
    w.field("id", q.id);
    w.field("arrival", q.arrival);
    w.field("scheduled", q.scheduled);
    w.field("first_token", q.first_token);
    w.field("finished", q.finished);
    w.field("input_tokens", q.input_tokens);
    w.field("output_tokens", q.output_tokens);
    w.field("cached_tokens", q.cached_tokens);
    w.field("preemptions", q.preemptions);
    w.field("replica", q.replica);
  });
}

}  // namespace

void Record::stat(std::string stat_name, double value, std::string unit, std::string meaning) {
  if (find(stat_name) != nullptr) {
    throw std::logic_error("record: the statistic " + stat_name + " is declared twice");
  }
  stats.push_back({std::move(stat_name), std::move(unit), std::move(meaning), value});
}

const Stat* Record::find(const std::string& stat_name) const {
  const auto found =
      std::find_if(stats.begin(), stats.end(), [&](const Stat& s) { return s.name == stat_name; });
  return found == stats.end() ? nullptr : &*found;
}

std::string Record::to_json() const {
  std::string out;
  out.reserve(4096 + scenario.size() + requests.size() * 256);
  Writer w(out);
  out += "{\n";
  w.field("name", name);
  w.field("backend", backend);
  w.field("code_version", code_version);
  w.field("scenario_hash", scenario_hash);
  w.field("seed", seed);
  if (!kv_policy.empty()) w.field("kv_policy", kv_policy);
  w.field("simulated_seconds", simulated_seconds);
  out += ",\n";
  w.field("scenario", scenario);
  write_results(w, *this);
  write_requests(w, *this);
  w.objects("series", series, [&](const Series& s) {
    w.field("name", s.name);
    w.field("unit", s.unit);
    w.key("points");
    out += '[';
    for (const SeriesPoint& p : s.points) {
      if (&p != s.points.data()) out += ',';
      out += '[';
      w.number(p.at);
      out += ',';
      w.number(p.value);
      out += ']';
    }
    out += ']';
  });
  w.list("remarks", remarks, [&](const std::string& remark) { w.text(remark); });
  out += "\n}\n";
  return out;
}

}  // namespace terrace
