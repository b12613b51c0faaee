# TERRACE_CUDA=AUTO|ON|OFF: the OBJECT library terrace_cuda of every .cu of validate/cuda; AUTO builds it where nvcc is found.
# A file NAME_none.cpp stands in for NAME.cu where CUDA is off. Nothing of it is needed to run on a machine without
# CUDA: the runtime is linked statically, cuBLASLt and NVML are opened when they are used.
set(TERRACE_CUDA AUTO CACHE STRING "build validate/cuda: AUTO (where nvcc is found), ON or OFF")
set_property(CACHE TERRACE_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT TERRACE_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "TERRACE_CUDA is \"${TERRACE_CUDA}\"; it is AUTO, ON or OFF")
endif()

set(TERRACE_WITH_CUDA OFF)
if(NOT TERRACE_CUDA STREQUAL "OFF")
  find_program(TERRACE_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH PATHS /usr/local/cuda/bin PATH_SUFFIXES bin)
  if(TERRACE_NVCC)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 89-real 90)  # A100; L40S and RTX 40; H100, and PTX for what comes after
    set(CMAKE_CUDA_COMPILER ${TERRACE_NVCC})
    if(TERRACE_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${TERRACE_CCACHE})
    endif()
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    enable_language(CUDA)
    set(TERRACE_WITH_CUDA ON)
  elseif(TERRACE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "TERRACE_CUDA is ON and nvcc is neither on PATH nor in /usr/local/cuda/bin; set CUDACXX")
  endif()
endif()
message(STATUS "CUDA: ${TERRACE_WITH_CUDA} (TERRACE_CUDA=${TERRACE_CUDA})")

# Adds terrace_cuda to the rooms; after all of them.
function(terrace_cuda_room)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/validate/cuda/*.cu)
  if(NOT TERRACE_WITH_CUDA OR NOT sources)
    return()
  endif()
  add_library(terrace_cuda OBJECT ${sources})
  set_target_properties(terrace_cuda PROPERTIES
    CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF)
  target_include_directories(terrace_cuda PUBLIC ${CMAKE_SOURCE_DIR})
  # Three architectures beside each other; warnings of the host compiler are those of everything else.
  target_compile_options(terrace_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--threads=3 -lineinfo --expt-relaxed-constexpr
    -Xcompiler=-Wall,-Wextra,-Wno-unused-parameter>)
  set(terrace_rooms ${terrace_rooms} terrace_cuda PARENT_SCOPE)
endfunction()
