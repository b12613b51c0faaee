// Measured rows with their predictions, and the sums of their errors, in the database.
#include "results/database.h"

namespace terrace {

void Database::replace(const std::vector<PredictedMeasurement>& rows,
                       const std::vector<AccuracyRow>& sums) {
  Transaction transaction(connection_);
  connection_.execute("DELETE FROM measurement WHERE family IS NOT NULL");
  connection_.execute("DELETE FROM accuracy");
  Statement measurement(
      connection_,
      "INSERT INTO measurement (run, source, subject, unit, value, predicted, family, hardware, "
      "gpus, model, dtype, shape, citation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const PredictedMeasurement& r : rows)
    measurement.run(r.run, r.measured.source, r.measured.subject, r.measured.unit, r.measured.value,
                    r.predicted, r.family, r.hardware, r.gpus, r.model, r.dtype, r.shape,
                    r.citation);
  Statement accuracy(connection_, "INSERT INTO accuracy VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  std::int64_t position = 0;
  for (const AccuracyRow& a : sums)
    accuracy.run(position++, a.grouping, a.name, a.rows, a.median, a.p90, a.bias, a.within_10,
                 a.within_20, a.code_version);
  transaction.commit();
}

}  // namespace terrace
