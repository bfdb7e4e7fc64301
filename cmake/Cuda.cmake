# The CUDA language and what the CUDA half links: runtime and cuBLASLt of the toolkit, cuDNN, cudnn-frontend's headers.

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin)  # CMake itself looks at the PATH only
  if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE)
    message(FATAL_ERROR "T3VIDEO_CUDA needs nvcc: put it on the PATH, or set CMAKE_CUDA_COMPILER to it")
  endif()
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90a CACHE STRING "GPUs to build for; 90a: Hopper with its own instructions (H100, H200)")
endif()
enable_language(CUDA)
# CMake 3.25 does not know how nvcc spells C++20, and nvcc files inherit the standard of the others.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
find_package(CUDAToolkit REQUIRED)

find_path(T3VIDEO_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} DOC "Folder of cudnn.h")
find_library(T3VIDEO_CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR} DOC "libcudnn.so")
if(NOT T3VIDEO_CUDNN_INCLUDE OR NOT T3VIDEO_CUDNN_LIBRARY)
  message(FATAL_ERROR "cuDNN 9 was not found: install its development files beside the CUDA toolkit, "
    "or set T3VIDEO_CUDNN_INCLUDE (the folder of cudnn.h) and T3VIDEO_CUDNN_LIBRARY (libcudnn.so)")
endif()
add_library(cudnn UNKNOWN IMPORTED)
set_target_properties(cudnn PROPERTIES
  IMPORTED_LOCATION ${T3VIDEO_CUDNN_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${T3VIDEO_CUDNN_INCLUDE})

set(T3VIDEO_CUDNN_FRONTEND ${CMAKE_SOURCE_DIR}/.cache/cudnn_frontend/include CACHE PATH "Folder of cudnn_frontend.h")
if(NOT EXISTS ${T3VIDEO_CUDNN_FRONTEND}/cudnn_frontend.h)
  message(FATAL_ERROR "${T3VIDEO_CUDNN_FRONTEND}/cudnn_frontend.h does not exist: run tools/install_cuda_headers.sh, "
    "or set T3VIDEO_CUDNN_FRONTEND to the folder that holds it")
endif()
add_library(cudnn_frontend INTERFACE IMPORTED)
target_include_directories(cudnn_frontend INTERFACE ${T3VIDEO_CUDNN_FRONTEND})
target_compile_definitions(cudnn_frontend INTERFACE CUDNN_FRONTEND_SKIP_JSON_LIB)  # it would want its own copy
target_link_libraries(cudnn_frontend INTERFACE cudnn)
