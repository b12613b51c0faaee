# How everything is compiled: language, warnings, cache, sanitizers.
set(CMAKE_CXX_STANDARD 17)  # the packaged SystemC 2.3.4 links only with C++17
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "kind of build" FORCE)
endif()

find_program(TERRACE_CCACHE ccache)
if(TERRACE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TERRACE_CCACHE})
endif()

option(TERRACE_SANITIZE "build with the address and undefined-behaviour sanitizers" OFF)
add_library(terrace_settings INTERFACE)
target_include_directories(terrace_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(terrace_settings INTERFACE -Wall -Wextra -Wshadow)
# GCC 12 at -O3 sees overreads in Boost's small vectors that are none.
target_compile_options(terrace_settings INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
if(TERRACE_SANITIZE)
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # UBSan's instrumentation of vtables and shifts sets off false -Wmaybe-uninitialized in GCC 12.
  target_compile_options(terrace_settings INTERFACE ${sanitize} -Wno-maybe-uninitialized)
  target_link_options(terrace_settings INTERFACE ${sanitize})
endif()
