# The code version: asked of git at every build, compiled again only when the answer has changed.
find_package(Git QUIET)
set(version_command ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DSOURCE_DIR=${CMAKE_SOURCE_DIR}
  -DOUTPUT=${CMAKE_BINARY_DIR}/generated/version.cpp -P ${CMAKE_SOURCE_DIR}/cmake/write_version.cmake)
execute_process(COMMAND ${version_command})
add_custom_target(terrace_version COMMAND ${version_command}
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/version.cpp COMMENT "" VERBATIM)
add_dependencies(terrace_sim terrace_version)
