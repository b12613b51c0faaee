// A record as rows of the database, and back.
#pragma once

#include <cstdint>

#include "results/connection.h"
#include "sim/record.h"

namespace terrace {

// Writes all rows of a run; the caller holds the transaction. Returns run.id.
std::int64_t write_record(const Connection& connection, const Record& record,
                          const std::string& hash);
// Throws DatabaseError when there is no such run.
Record read_record(const Connection& connection, std::int64_t run);

}  // namespace terrace
