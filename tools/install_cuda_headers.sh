#!/bin/sh
# Fetches the headers that the CUDA build needs beside the CUDA toolkit and cuDNN: cudnn-frontend, from its PyPI wheel, into
# .cache/cudnn_frontend/include. Does nothing when they are there.
set -eu
version=1.32.0
# One wheel for every machine, so that one checksum pins it: the headers are the same in all of them.
platform=manylinux_2_28_x86_64
python=3.12
sha256=8b354a8e550c083eb247f1eb39a7d69a4a269075f5a01e4fcbd2531680b17239

cd "$(dirname "$0")/.."
target=.cache/cudnn_frontend
[ "$(cat "$target/version" 2>/dev/null)" = "$version" ] && exit 0

if ! python3 -m pip --version >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip >/dev/null
    else
        echo "pip is missing. Install it with:  sudo apt-get install -y --no-install-recommends python3-pip" >&2
        exit 1
    fi
fi

mkdir -p .cache
work=$(mktemp -d .cache/cudnn_frontend.XXXXXX)
trap 'rm -rf "$work"' EXIT
echo "nvidia-cudnn-frontend==$version --hash=sha256:$sha256" >"$work/requirements.txt"
python3 -m pip --disable-pip-version-check --quiet download --requirement "$work/requirements.txt" --require-hashes --no-deps \
    --only-binary=:all: --implementation cp --python-version "$python" --platform "$platform" --dest "$work"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
rm -rf "$target"
mkdir "$target"
mv "$work/wheel/include" "$target/include"
echo "$version" >"$target/version"
echo "cudnn-frontend $version: $target/include"
