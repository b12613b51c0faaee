# terrace_room(NAME [SOURCE…]): the OBJECT library terrace_NAME of every .cpp under NAME/, main.cpp apart.
# OBJECT, because a self-registered file would vanish from a static library. An empty room is skipped.
set(terrace_rooms "")

function(terrace_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(TERRACE_WITH_CUDA)
    list(FILTER sources EXCLUDE REGEX "/cuda/.*_none\\.cpp$")  # the .cu of that name does it
  endif()
  list(APPEND sources ${ARGN})
  if(NOT sources)
    return()
  endif()
  add_library(terrace_${name} OBJECT ${sources})
  target_link_libraries(terrace_${name} PUBLIC terrace_settings terrace_dependencies)
  list(APPEND terrace_rooms terrace_${name})
  set(terrace_rooms ${terrace_rooms} PARENT_SCOPE)
endfunction()
