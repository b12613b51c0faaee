# Writes OUTPUT, the .cpp that defines code_version(), and leaves it alone when nothing has changed.
set(version "")
if(GIT)
  execute_process(
    COMMAND ${GIT} -c safe.directory=* describe --always --dirty --tags --abbrev=12
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE version ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(version STREQUAL "")
  set(version "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
// The version of the code, written by cmake/write_version.cmake.
#include "sim/version.h"

const char* terrace::code_version() { return "@version@"; }
]] @ONLY)
