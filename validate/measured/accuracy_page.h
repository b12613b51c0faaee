// Tables of errors for people and for the database.
#pragma once

#include <vector>

#include "results/database.h"
#include "results/page.h"
#include "validate/measured/errors.h"

namespace terrace::validate {

// `plot`: what the page calls its picture, beside it; empty: none.
Page page_of(const Errors& errors, const std::string& plot);
std::vector<AccuracyRow> rows_of(const Errors& errors, const std::string& code_version);

// A row as the database keeps it.
PredictedMeasurement kept(const MeasuredRow& row, const RowClass& as, double predicted,
                          std::optional<RunId> run);

}  // namespace terrace::validate
