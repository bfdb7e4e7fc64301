#!/bin/sh
# Tries the README's two commands, `make demo` and `make test`, as a newcomer would: in a fresh root of a Debian release, on a
# clone of HEAD. Prints compiler, libraries, seconds and what ctest says; exits with 1 where one of them fails.
# usage: tools/try_debian.sh RELEASE [COMPILER] [FOLDER]
#   RELEASE   bookworm (12), trixie (13)
#   COMPILER  g++, the release's own and the default, or one of its packages, such as clang-16, clang-19 or g++-13
#   FOLDER    holds the root, the log, and downloads and ccache for the next try; by default build/debian
# Needs root and the package debootstrap. The mirror, proxies and name servers are this machine's.
set -eu
release=${1:?usage: tools/try_debian.sh RELEASE [COMPILER] [FOLDER]}
compiler=${2:-g++}
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath -m "${3:-$source/build/debian}")
root=$folder/$release
log=$folder/$release-$compiler.log
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo "tools/try_debian.sh: needs to run as root, and the package debootstrap" >&2
    exit 2
fi

case $compiler in
    g++) packages="" chosen="" ;;
    g++-*) packages="$compiler" chosen="CC=gcc-${compiler#g++-} CXX=$compiler" ;;
    clang-*) packages="$compiler libomp-${compiler#clang-}-dev" chosen="CC=$compiler CXX=clang++-${compiler#clang-}" ;;
    *) echo "tools/try_debian.sh: '$compiler': expected g++, g++-N or clang-N" >&2; exit 2 ;;
esac

# inside COMMAND: in the root, in the clone. The mounts are gone when the command ends, whatever becomes of it.
inside() {
    # shellcheck disable=SC2016,SC2086
    unshare --mount sh -eu -c '
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        mount --bind "$2.debs" "$1/var/cache/apt/archives"
        mount --bind "$2.ccache" "$1/root/.cache/ccache"
        root=$1 command=$3
        shift 3
        exec env -i "$@" chroot "$root" sh -euc "cd /root/t3video; $command"' \
        inside "$root" "$folder/$release" "$1" HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        $chosen >>"$log" 2>&1
}

# step NAME COMMAND: says how long it took; ends the try where it fails.
step() {
    start=$(date +%s)
    if inside "$2"; then
        echo "$1: $(($(date +%s) - start)) s"
    else
        echo "$1: failed after $(($(date +%s) - start)) s; the end of $log:"
        tail -n 30 "$log"
        exit 1
    fi
}

# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1)
rm -rf "$root"
mkdir -p "$folder/$release.debs/partial" "$folder/$release.ccache"
debootstrap --variant=minbase --cache-dir="$folder/$release.debs" "$release" "$root" \
    "${mirror:-http://deb.debian.org/debian}" >"$log" 2>&1 || { tail -n 5 "$log"; exit 1; }
cp /etc/resolv.conf /etc/hosts "$root/etc/"
apt-config dump | grep -E '^Acquire::(https?|Check-)' >"$root/etc/apt/apt.conf.d/90machine" || true
mkdir -p "$root/root/.cache/ccache" "$root/root/t3video"
git -c safe.directory='*' clone -q --no-hardlinks "$source" "$root/root/t3video"

echo "Debian $(cat "$root/etc/debian_version"), $compiler, $(git -C "$root/root/t3video" log -1 --format='%h %s')"
step "packages of a newcomer" "apt-get update -qq && apt-get install -y -qq --no-install-recommends git make $packages"
step "make demo" "make demo"
step "make test" "make test"
# shellcheck disable=SC2016
step "versions" '${CXX:-g++} --version | head -n 1 >/root/versions
    dpkg-query -W libdnnl-dev libavcodec-dev libfmt-dev libspdlog-dev libhwy-dev libgtest-dev cmake >>/root/versions'
cat "$root/root/versions"
sed -n '/tests passed/,$p' "$log"
ls -l "$root/root/t3video/demo.mp4"
