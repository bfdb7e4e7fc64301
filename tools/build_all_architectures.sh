#!/bin/sh
# Compiles src/cuda for every GPU generation that the project supports, to see that it still does: Ampere (A100), Ada,
# Hopper, Blackwell (B200; RTX 50). Builds no program; takes no GPU.
set -eu
cd "$(dirname "$0")/.."
tools/install_cuda_headers.sh
cmake -S . -B build/cuda-architectures -G Ninja -DCMAKE_BUILD_TYPE=Release -DT3VIDEO_CUDA=ON -DT3VIDEO_FFMPEG=OFF \
    -DT3VIDEO_OPENCV=OFF -DT3VIDEO_TESTS=OFF "-DCMAKE_CUDA_ARCHITECTURES=80;89;90a;100;120"
cmake --build build/cuda-architectures --target t3video_cuda --parallel 2
