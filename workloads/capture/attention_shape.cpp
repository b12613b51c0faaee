// Rotary position embedding.
#include "workloads/capture/attention_shape.h"

#include <cmath>

namespace terrace {

std::vector<double> Rope::plain(double base, std::int64_t channels) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < channels; i += 2)
    frequencies.push_back(std::pow(base, -static_cast<double>(i) / static_cast<double>(channels)));
  return frequencies;
}

void Rope::angles(std::int64_t position, float* cosines, float* sines) const {
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    const double angle = static_cast<double>(position) * frequencies_[i];
    cosines[i] = static_cast<float>(std::cos(angle));
    sines[i] = static_cast<float>(std::sin(angle));
  }
}

void Rope::turn(float* row, const float* cosines, const float* sines) const {
  const std::size_t pairs = frequencies_.size();
  const std::size_t step = pairing_ == Pairing::interleaved ? 2 : 1;
  float* second = row + (pairing_ == Pairing::interleaved ? 1 : pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const float a = row[i * step], b = second[i * step];
    row[i * step] = a * cosines[i] - b * sines[i];
    second[i * step] = a * sines[i] + b * cosines[i];
  }
}

void Rope::rotate(float* row, std::int64_t position) const {
  std::vector<float> cosines(frequencies_.size()), sines(frequencies_.size());
  angles(position, cosines.data(), sines.data());
  turn(row, cosines.data(), sines.data());
}

void Rope::rotate_back(float* row, std::int64_t position) const { rotate(row, -position); }

}  // namespace terrace
