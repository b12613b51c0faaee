// The tables and views of the results database, each column with its sentence; declared once, kept
// in the database twice: as comments in its CREATE statements and as rows of the table `doc`.
#pragma once

#include <string>
#include <vector>

#include "results/connection.h"

namespace terrace {

inline constexpr int database_version = 2;               // PRAGMA user_version
inline constexpr int database_application = 0x54524345;  // PRAGMA application_id: "TRCE"

struct DatabaseColumn {
  std::string name, type, meaning;  // of a view: `type` is the expression
};

struct DatabaseTable {
  std::string name, meaning;
  std::vector<DatabaseColumn> columns;
  std::vector<std::string> constraints;
};

struct DatabaseView {
  std::string name, meaning, with;  // `with`: a common table expression before the SELECT
  std::vector<DatabaseColumn> columns;
  std::string from;  // FROM and what follows
};

const std::vector<DatabaseTable>& database_tables();
const std::vector<DatabaseView>& database_views();

// Makes everything in one transaction; does nothing when another process was quicker. Throws
// DatabaseError when the file belongs to another program or to a newer Terrace.
void create_schema(const Connection& connection);
void check_schema(const Connection& connection);

}  // namespace terrace
