#!/bin/sh
# Makes a folder that runs on another Linux machine: t3video, the demo model, and the shared libraries that a machine with
# glibc, libstdc++ and (for CUDA builds) the driver, the CUDA libraries and cuDNN does not have. The programs find them in
# lib/ beside themselves. Meant for builds without FFmpeg and OpenCV (preset cuda-portable), whose own libraries are some
# hundred.
# usage: tools/bundle.sh BUILD_DIR OUT_DIR [PROGRAM...]    further programs, such as BUILD_DIR/bin/t3video_test_ops
set -eu
if [ $# -lt 2 ] || [ ! -x "$1/bin/t3video" ]; then
    echo "usage: tools/bundle.sh BUILD_DIR OUT_DIR [PROGRAM...]; BUILD_DIR/bin/t3video must be built" >&2
    exit 2
fi
build=$1
out=$2
shift 2
source=$(dirname "$0")/..

# Matched against names in ldd's output. The C and C++ runtime must be the machine's own: the newer one wins there.
# CUDA's libraries belong to its driver.
system='^(linux-vdso|ld-linux.*|libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s)\.so'
cuda='^(libcuda|libcudart|libcublas|libcublasLt|libcudnn[a-z_]*|libnvrtc[a-z-]*|libnvJitLink)\.so'

# What the program loads when it is wanted: the meters that take OpenCV.
plugins=$(find "$build/bin/lib" -name '*.so' 2>/dev/null || true)

mkdir -p "$out/lib" "$out/share/t3video/models"
# shellcheck disable=SC2086
for program in "$build/bin/t3video" "$@" $plugins; do
    case $program in
    *.so) cp "$program" "$out/lib/" ;;
    *)
        cp "$program" "$out/"
        strip "$out/$(basename "$program")"
        ;;
    esac
    libraries=$(ldd "$program")
    if echo "$libraries" | grep "not found" >&2; then
        echo "tools/bundle.sh: $program: these libraries are missing here" >&2
        exit 1
    fi
    echo "$libraries" | awk '$2 == "=>" { print $1, $3 }' | while read -r name path; do
        echo "$name" | grep -qE "$system|$cuda" || cp -L "$path" "$out/lib/$name"
    done
done
chmod u+w "$out"/lib/*
strip --strip-unneeded "$out"/lib/*
cp -R "$source/models/demo" "$source/models/caches" "$out/share/t3video/models/"

# Every carried library must be the one that is found.
# shellcheck disable=SC2086
for program in "$build/bin/t3video" "$@" $plugins; do
    name=${program#"$build/bin/"}
    [ -e "$out/$name" ] || name=$(basename "$program")
    stray=$(LD_LIBRARY_PATH='' ldd "$out/$name" | awk '$2 == "=>" { print $1, $3 }' | grep -vE "$system|$cuda" |
        grep -v " $(realpath "$out")/lib/" || true)
    if [ -n "$stray" ]; then
        echo "tools/bundle.sh: $name takes these from elsewhere (was it linked with \$ORIGIN/lib?):" >&2
        echo "$stray" >&2
        exit 1
    fi
done
echo "$out: $(du -sh "$out" | cut -f1) with $(find "$out/lib" -type f | wc -l) libraries"
