// Householder's tridiagonal form and implicit QL steps for symmetric matrices; Cholesky for the
// normal equations (Golub and Van Loan, "Matrix computations", sections 8.3 and 4.2).
#include "workloads/kv/codec/linear_algebra.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace terrace {

Matrix cross(RowsView x, RowsView y) {
  Matrix c(x.cols, y.cols);
  for (std::int64_t t = 0; t < x.rows; ++t)
    for (std::int64_t i = 0; i < x.cols; ++i) {
      const double xi = x.at(t, i);
      if (xi == 0) continue;  // rows of codes are sparse
      const float* yt = y.row(t);
      double* to = c.row(i);
      for (std::int64_t j = 0; j < y.cols; ++j) to[j] += xi * static_cast<double>(yt[j]);
    }
  return c;
}

Matrix gram(RowsView x) { return cross(x, x); }

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.cols);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t k = 0; k < a.cols; ++k) {
      const double f = a.at(i, k);
      for (std::int64_t j = 0; j < b.cols; ++j) c.at(i, j) += f * b.at(k, j);
    }
  return c;
}

namespace {

// a becomes Q (its rows are the new axes: a = Q^T T Q); T has this diagonal and off-diagonal.
void tridiagonal(Matrix& a, std::vector<double>& diagonal, std::vector<double>& off) {
  const std::int64_t n = a.rows;
  Matrix q(n, n);
  for (std::int64_t i = 0; i < n; ++i) q.at(i, i) = 1;
  std::vector<double> v(static_cast<std::size_t>(n)), p(v.size());
  for (std::int64_t k = 0; k + 2 < n; ++k) {
    double norm = 0;
    for (std::int64_t i = k + 1; i < n; ++i) norm += a.at(i, k) * a.at(i, k);
    norm = std::sqrt(norm);
    if (norm == 0) continue;
    const double alpha = a.at(k + 1, k) > 0 ? -norm : norm;
    double vv = 0;
    for (std::int64_t i = k + 1; i < n; ++i) {
      v[static_cast<std::size_t>(i)] = a.at(i, k) - (i == k + 1 ? alpha : 0);
      vv += v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(i)];
    }
    if (vv == 0) continue;
    const double beta = 2 / vv;
    double vp = 0;
    for (std::int64_t i = k; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = k + 1; j < n; ++j) sum += a.at(i, j) * v[static_cast<std::size_t>(j)];
      p[static_cast<std::size_t>(i)] = beta * sum;
      if (i > k) vp += v[static_cast<std::size_t>(i)] * p[static_cast<std::size_t>(i)];
    }
    for (std::int64_t i = k + 1; i < n; ++i)
      p[static_cast<std::size_t>(i)] -= beta / 2 * vp * v[static_cast<std::size_t>(i)];
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double vi = v[static_cast<std::size_t>(i)], pi = p[static_cast<std::size_t>(i)];
      for (std::int64_t j = k + 1; j < n; ++j)
        a.at(i, j) -= vi * p[static_cast<std::size_t>(j)] + pi * v[static_cast<std::size_t>(j)];
    }
    a.at(k + 1, k) = a.at(k, k + 1) = alpha;
    for (std::int64_t i = k + 2; i < n; ++i) a.at(i, k) = a.at(k, i) = 0;
    std::fill(p.begin(), p.end(), 0.0);  // q = H q
    for (std::int64_t i = k + 1; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        p[static_cast<std::size_t>(j)] += v[static_cast<std::size_t>(i)] * q.at(i, j);
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double f = beta * v[static_cast<std::size_t>(i)];
      for (std::int64_t j = 0; j < n; ++j) q.at(i, j) -= f * p[static_cast<std::size_t>(j)];
    }
  }
  diagonal.resize(static_cast<std::size_t>(n));
  off.assign(static_cast<std::size_t>(n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    diagonal[static_cast<std::size_t>(i)] = a.at(i, i);
    if (i + 1 < n) off[static_cast<std::size_t>(i)] = a.at(i + 1, i);
  }
  a = std::move(q);
}

// Turns rows of q until the tridiagonal matrix is diagonal.
void diagonalise(std::vector<double>& d, std::vector<double>& e, Matrix& q) {
  const auto n = static_cast<std::int64_t>(d.size());
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t l = 0; l < n; ++l)
    for (int step = 0;; ++step) {
      std::int64_t m = l;
      for (; m + 1 < n; ++m)
        if (std::fabs(e[at(m)]) <= 1e-15 * (std::fabs(d[at(m)]) + std::fabs(d[at(m + 1)]))) break;
      if (m == l) break;
      if (step == 200) throw std::runtime_error("eigenvalues: no convergence");
      double g = (d[at(l + 1)] - d[at(l)]) / (2 * e[at(l)]);
      double r = std::hypot(g, 1.0);
      g = d[at(m)] - d[at(l)] + e[at(l)] / (g + std::copysign(r, g));
      double s = 1, c = 1, shift = 0;
      std::int64_t i = m - 1;
      for (; i >= l; --i) {
        const double f = s * e[at(i)], b = c * e[at(i)];
        r = std::hypot(f, g);
        e[at(i + 1)] = r;
        if (r == 0) {
          d[at(i + 1)] -= shift;
          e[at(m)] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[at(i + 1)] - shift;
        r = (d[at(i)] - g) * s + 2 * c * b;
        shift = s * r;
        d[at(i + 1)] = g + shift;
        g = c * r - b;
        double *high = q.row(i + 1), *low = q.row(i);
        for (std::int64_t k = 0; k < n; ++k) {
          const double x = high[k];
          high[k] = s * low[k] + c * x;
          low[k] = c * low[k] - s * x;
        }
      }
      if (r == 0 && i >= l) continue;
      d[at(l)] -= shift;
      e[at(l)] = g;
      e[at(m)] = 0;
    }
}

}  // namespace

Eigen eigen_symmetric(Matrix a) {
  std::vector<double> d, e;
  const std::int64_t n = a.rows;
  tridiagonal(a, d, e);
  diagonalise(d, e, a);
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
    return d[static_cast<std::size_t>(i)] > d[static_cast<std::size_t>(j)];
  });
  Eigen out;
  out.vectors = Matrix(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t from = order[static_cast<std::size_t>(i)];
    out.values.push_back(std::max(0.0, d[static_cast<std::size_t>(from)]));
    std::copy(a.row(from), a.row(from) + n, out.vectors.row(i));
  }
  return out;
}

Matrix solve_positive(Matrix a, Matrix b) {
  const std::int64_t n = a.rows;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = a.at(i, j);
      for (std::int64_t k = 0; k < j; ++k) sum -= a.at(i, k) * a.at(j, k);
      if (i == j && sum <= 0) throw std::runtime_error("least squares: not positive definite");
      a.at(i, j) = i == j ? std::sqrt(sum) : sum / a.at(j, j);
    }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < i; ++k)
      for (std::int64_t j = 0; j < b.cols; ++j) b.at(i, j) -= a.at(i, k) * b.at(k, j);
    for (std::int64_t j = 0; j < b.cols; ++j) b.at(i, j) /= a.at(i, i);
  }
  for (std::int64_t i = n - 1; i >= 0; --i) {
    for (std::int64_t k = i + 1; k < n; ++k)
      for (std::int64_t j = 0; j < b.cols; ++j) b.at(i, j) -= a.at(k, i) * b.at(k, j);
    for (std::int64_t j = 0; j < b.cols; ++j) b.at(i, j) /= a.at(i, i);
  }
  return b;
}

Matrix least_squares(RowsView x, RowsView y, double ridge) {
  Matrix a = gram(x);
  double mean = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) mean += a.at(i, i) / static_cast<double>(a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) a.at(i, i) += ridge * mean + 1e-30;
  return solve_positive(std::move(a), cross(x, y));
}

}  // namespace terrace
