// How far long work is: a bar with rate and time left on a terminal, a plain line now and then
// elsewhere.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

namespace terrace {

class Progress {
 public:
  // `unit`: what is counted ("points", "requests"); `total` 0: not known. Writes to `out`, never to
  // results.
  Progress(std::string what, double total, std::string unit, std::FILE* out = stderr);
  ~Progress();
  void update(double done, const std::string& note = "");
  void finish();

 private:
  void draw(double done, const std::string& note, bool last);
  using Clock = std::chrono::steady_clock;
  std::string what_, unit_;
  double total_;
  std::FILE* out_;
  bool terminal_, drawn_ = false, finished_ = false;
  Clock::time_point start_, shown_;
  double last_done_ = 0;
};

std::string human_duration(double seconds);  // "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min"

}  // namespace terrace
