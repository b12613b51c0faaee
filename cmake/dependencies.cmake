# What Terrace stands on: Debian packages only (scripts/setup installs them).
find_package(Boost 1.74 REQUIRED COMPONENTS graph)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(openblas REQUIRED IMPORTED_TARGET openblas)

# Debian's SystemC brings no CMake package.
find_path(SYSTEMC_INCLUDE_DIR systemc.h REQUIRED)
find_library(SYSTEMC_LIBRARY systemc REQUIRED)
add_library(SystemC::systemc UNKNOWN IMPORTED)
set_target_properties(SystemC::systemc PROPERTIES
  IMPORTED_LOCATION ${SYSTEMC_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${SYSTEMC_INCLUDE_DIR}
  INTERFACE_COMPILE_DEFINITIONS SC_INCLUDE_DYNAMIC_PROCESSES)

add_library(terrace_dependencies INTERFACE)
target_link_libraries(terrace_dependencies INTERFACE
  SystemC::systemc Boost::graph yaml-cpp fmt::fmt nlohmann_json::nlohmann_json SQLite::SQLite3
  PkgConfig::zstd PkgConfig::openblas CLI11::CLI11 Threads::Threads ZLIB::ZLIB ${CMAKE_DL_LIBS})
