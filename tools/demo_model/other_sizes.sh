#!/bin/bash
# Films of sizes and lengths that the demo model was not trained at, over planned windows and with full attention, scored.
# Usage: other_sizes.sh PROGRAM OUTPUT_FOLDER [DEVICE, default cpu] [PROMPTS, default 24]
# Makes the first held-out prompts that have a direction, seed 0, in OUTPUT_FOLDER/SIZE-FRAMES-ATTENTION/, and prints a line
# for each folder. On a CPU of two cores it takes an hour and a half, on an H200 five minutes.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 4 ]; then
    sed -n '2,6s/^# //p' "$0"
    exit 2
fi
program=$(realpath "$1") device=${3:-cpu} count=${4:-24}
here=$(realpath "$(dirname "$0")")
mkdir -p "$2"
cd "$2"
python3 - "$here/heldout.json" "$count" <<'LIST'
import json, re, sys
prompts = [p for p in json.load(open(sys.argv[1])) if re.search("drifts left|drifts right|rises|falls", p)]
prompts = prompts[:int(sys.argv[2])]
json.dump([{"prompt_en": p, "seed": 0} for p in prompts], open("list.json", "w"))
json.dump(prompts, open("prompts.json", "w"))
LIST
for film in "448x256 17" "320x320 17" "256x448 17" "640x384 17" "448x256 9" "448x256 33" "448x256 49"; do
    read -r size frames <<<"$film"
    for attention in auto full; do
        folder=$size-$frames-$attention
        "$program" batch list.json --output "$folder" --extension .y4m --size "$size" --frames "$frames" \
            --attention "$attention" --device "$device" --overwrite 2>"$folder.log" || { tail -n 3 "$folder.log" >&2; exit 1; }
        echo "$size, $frames frames, attention $attention: $(python3 "$here/measure.py" "$folder" --prompts prompts.json | tail -n 1)"
    done
done
