# One static library per folder of src/, one test program per folder of tests/.

# -Wrestrict reports inlined std::string code of g++ 12's own library (GCC bug 105651).
add_library(t3video_flags INTERFACE)
target_compile_options(t3video_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wno-missing-field-initializers $<$<BOOL:${T3VIDEO_WERROR}>:-Werror>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>>)
if(T3VIDEO_SANITIZE)
  target_compile_options(t3video_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1>)
  target_link_options(t3video_flags INTERFACE -fsanitize=address,undefined)
endif()
if(T3VIDEO_SANITIZE_THREADS)
  target_compile_options(t3video_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer -O1)
  target_link_options(t3video_flags INTERFACE -fsanitize=thread)
endif()
if(T3VIDEO_FUZZ)
  # One thread: readers have no use for more.
  set_target_properties(OpenMP::OpenMP_CXX PROPERTIES INTERFACE_COMPILE_OPTIONS -Wno-unknown-pragmas)
  set(sanitizers address,undefined,float-cast-overflow)
  target_compile_options(t3video_flags INTERFACE
    -fsanitize=fuzzer-no-link,${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(t3video_flags INTERFACE -fsanitize=${sanitizers})
endif()
if(T3VIDEO_CUDA)
  target_compile_options(t3video_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -lineinfo -Xcompiler=-Wall,-Wextra>)
endif()
target_include_directories(t3video_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# Definitions for the few files that include core/build.h: all others compile to the same with and without CUDA, once.
set(T3VIDEO_BUILD T3VIDEO_WITH_CUDA=$<BOOL:${T3VIDEO_CUDA}>)

# t3video_library(NAME SOURCES file... [DEPENDS folder...] [PRIVATE library...] [PUBLIC library...])
# OpenMP is PRIVATE to the folders that use it: compiled for it, Clang 16 refuses lambdas that capture structured bindings.
function(t3video_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE;PUBLIC" ${ARGN})
  add_library(t3video_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND t3video_)
  target_link_libraries(t3video_${name} PUBLIC t3video_flags ${ARG_DEPENDS} ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# For code that runs once: what an optimiser does for it takes longer than it saves.
function(t3video_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)
endfunction()

# t3video_test(NAME SOURCES file... [DEPENDS folder...]): the program t3video_test_NAME; every gtest case is a ctest.
function(t3video_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(t3video_test_${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND t3video_)
  target_include_directories(t3video_test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(t3video_test_${name} PRIVATE T3VIDEO_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  t3video_compile_quickly(t3video_test_${name})
  target_link_libraries(t3video_test_${name} PRIVATE t3video_flags ${ARG_DEPENDS} GTest::gtest_main)
  gtest_discover_tests(t3video_test_${name} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60 PROPERTIES
    TIMEOUT 300
    # Tests run side by side: waiting threads must not spin. What the program keeps between runs stays in the build.
    ENVIRONMENT OMP_WAIT_POLICY=passive ENVIRONMENT_MODIFICATION "XDG_CACHE_HOME=set:${CMAKE_BINARY_DIR}/cache")
endfunction()
