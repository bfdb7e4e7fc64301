#!/bin/sh
# Quality of step caches over the passes that they save, on the demo model: a table of its caches by t3video calibrate, then
# its 24 scored prompts without a cache and with each cache at three thresholds. About 4 min on an H200; called again, it goes
# on where it was. Leaves t3-cache.json, curve.json and, where there is matplotlib, curve.svg in OUTPUT, and films in
# ${TMPDIR:-/tmp}/t3video-caches. DEVICE=cpu makes them there.
# usage: bench/gpu/caches.sh FOLDER OUTPUT [OPTIONS of tools/caches/curve.py...]    FOLDER holds t3video (tools/bundle.sh)
set -eu
t3video=$(realpath "${1:?usage: bench/gpu/caches.sh FOLDER OUTPUT [OPTIONS...]}")/t3video
mkdir -p "${2:?usage: bench/gpu/caches.sh FOLDER OUTPUT [OPTIONS...]}"
output=$(realpath "$2")
shift 2
tools=$(realpath "$(dirname "$0")/../../tools")
work=${TMPDIR:-/tmp}/t3video-caches
mkdir -p "$work"

# Every 300th of the captions that the model was trained on, none of them scored.
(cd "$tools/demo_model" && python3 -c 'import clips; print(*(clips.caption(*c) for c in clips.training()[::300]), sep="\n")') \
    >"$work/prompts.txt"
[ -f "$output/t3-cache.json" ] || "$t3video" calibrate --prompts "$work/prompts.txt" --device "${DEVICE:-cuda}" \
    --output "$output/t3-cache.json" --quiet
python3 "$tools/caches/curve.py" "$output" --films "$work" --program "$t3video" --device "${DEVICE:-cuda}" \
    --table "$output/t3-cache.json" "$@"
