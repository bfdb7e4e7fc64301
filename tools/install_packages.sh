#!/bin/sh
# Installs the Debian packages that building and testing need: as root through apt, otherwise prints the one command.
set -eu
packages="build-essential cmake ninja-build ccache pkg-config libdnnl-dev ocl-icd-opencl-dev libhwy-dev
 libsentencepiece-dev libprotobuf-dev libutf8proc-dev libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev
 libswscale-dev nlohmann-json3-dev libcli11-dev libfmt-dev libspdlog-dev libzip-dev zlib1g-dev libgtest-dev
 libbenchmark-dev libtomlplusplus-dev libsqlite3-dev libcpp-httplib-dev libopencv-core-dev libopencv-imgproc-dev libopencv-video-dev"

missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then
    echo "Installing:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Packages are missing. Install them with:" >&2
    echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
