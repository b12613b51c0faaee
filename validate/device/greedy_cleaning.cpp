// Write amplification of greedy cleaning in closed form. Part of flash_drive.h.
#include <cmath>

#include "validate/device/flash_drive.h"

namespace terrace::validate {
namespace {

// The principal branch of Lambert's W, -1/e < x < 0, by Halley's method.
double lambert(double x) {
  double w = -0.5;
  for (int i = 0; i < 100; ++i) {
    const double e = std::exp(w), f = w * e - x;
    w -= f / (e * (w + 1) - (w + 2) * f / (2 * w + 2));
  }
  return w;
}

}  // namespace

double greedy_cleaning(double a, double pages) {
  const double b = a * (1 + 1 / (2 * pages));
  const double x = 0.5 - pages / a * lambert(-b * std::exp(-b));
  return pages / (pages - (x - 1));
}

}  // namespace terrace::validate
