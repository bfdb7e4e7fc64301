#!/bin/sh
# Looks at the server from outside, as clients, browsers and accidents do: what needs packages of PyPI, a browser, or minutes, and so is
# no part of ctest. Makes a Python environment beside the build, runs everything, and ends with 1 where something is wrong.
# usage: tools/serving/check.sh [PROGRAM] [PART ...]
#   PROGRAM  t3video; by default build/cpu-release/bin/t3video
#   PART     sdk, describe, fuzz, kills, load, browser; by default all of them
# Lengths, if others than the scripts' own are wanted: REQUESTS=10000 (fuzz), KILLS=30, SECONDS_OF_LOAD=300, EXAMPLES=100 (describe).
# The full disk of kills needs root; browser needs Debian's chromium and chromium-driver.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=${1:-$root/build/cpu-release/bin/t3video}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- sdk describe fuzz kills load browser
venv=$root/build/serving-venv
if [ ! -x "$venv/bin/python" ] || ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/"
fi

failed=""
for part in "$@"; do
    case $part in
        fuzz) set -- --requests "${REQUESTS:-10000}" ;;
        kills) set -- --kills "${KILLS:-30}" ;;
        load) set -- --seconds "${SECONDS_OF_LOAD:-300}" ;;
        describe) set -- --examples "${EXAMPLES:-100}" ;;
        browser) set -- --output "$root/build/serving-pictures" ;;
        sdk) set -- ;;
        *) echo "tools/serving/check.sh: '$part': expected sdk, describe, fuzz, kills, load or browser" >&2; exit 2 ;;
    esac
    echo "== $part"
    "$venv/bin/python" "$here/$part.py" --program "$program" "$@" || failed="$failed $part"
done
[ -z "$failed" ] || { echo "Failed:$failed"; exit 1; }
echo "All passed"
