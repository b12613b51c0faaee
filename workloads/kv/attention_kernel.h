// Attention of a few queries over many entries. Every number is computed in the same order however
// queries are put together, so that one by one and all at once agree bit for bit.
#pragma once

#include <cstdint>

#include "workloads/kv/rows.h"

namespace terrace {

// out[r][j] = scale * q_r . k_j. Rows are whole lanes wide, padded with zeros.
void dot_rows(RowsView q, RowsView keys, float scale, RowsRef out);

// exp(x - max) / sum over the first n of a row; the row's rest up to whole lanes becomes 0. Extra
// mass `more` at logit 0 may take part in the sum. An all -infinity row becomes zeros.
struct RowSum {
  float max = 0, sum = 0;
};
RowSum softmax(float* row, std::int64_t n);

// out[r] = sum over j of p[r][j] v_j, j ascending.
void weighted_sum(RowsView p, RowsView values, RowsRef out);

double dot(const float* a, const float* b, std::int64_t n);

}  // namespace terrace
