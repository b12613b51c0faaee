// Progress on stderr; the first half second stays silent so that quick work prints nothing.
#include "explore/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace terrace {

std::string human_duration(double s) {
  if (s < 1e-3) return fmt::format("{:.0f} us", s * 1e6);
  if (s < 1) return fmt::format("{:.0f} ms", s * 1e3);
  if (s < 120) return fmt::format("{:.1f} s", s);
  const auto minutes = static_cast<long>(s / 60);
  if (s < 7200)
    return fmt::format("{} min {:02.0f} s", minutes, s - 60.0 * static_cast<double>(minutes));
  return fmt::format("{} h {:02d} min", minutes / 60, minutes % 60);
}

Progress::Progress(std::string what, double total, std::string unit, std::FILE* out)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      out_(out),
      terminal_(isatty(fileno(out)) != 0),
      start_(Clock::now()),
      shown_(start_) {}

Progress::~Progress() { finish(); }

void Progress::update(double done, const std::string& note) {
  last_done_ = done;
  const auto now = Clock::now();
  const auto pause = std::chrono::milliseconds(terminal_ ? (drawn_ ? 100 : 500) : 10000);
  if (now - shown_ < pause) return;
  shown_ = now;
  draw(done, note, false);
}

void Progress::draw(double done, const std::string& note, bool last) {
  const double passed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = passed > 0 ? done / passed : 0;
  const double part = total_ > 0 ? std::min(1.0, done / total_) : 0;
  std::string line = what_ + " ";
  if (total_ > 0 && terminal_) {
    const int width = 24, full = static_cast<int>(part * width);
    line += "[" + std::string(static_cast<std::size_t>(full), '#') +
            std::string(static_cast<std::size_t>(width - full), '.') + "] ";
  }
  if (total_ > 0)
    line += fmt::format("{:3.0f} %  {:.0f}/{:.0f} {}", part * 100, done, total_, unit_);
  else
    line += fmt::format("{:.0f} {}", done, unit_);
  line += fmt::format("  {:.3g}/s", rate);
  constexpr double telling = 0.01;  // less of the whole says nothing of the time left
  if (!last && part >= telling && rate > 0)
    line += "  " + human_duration((total_ - done) / rate) + " left";
  if (last) line += "  in " + human_duration(passed);
  if (!note.empty()) line += "  " + note;
  if (terminal_)
    fmt::print(out_, "\r\033[K{}{}", line, last ? "\n" : "");
  else
    fmt::print(out_, "{}\n", line);
  std::fflush(out_);
  drawn_ = true;
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (drawn_) draw(last_done_, "", true);
}

}  // namespace terrace
