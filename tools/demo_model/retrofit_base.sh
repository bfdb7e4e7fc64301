#!/bin/bash
# Retrofits what make_base.sh made to the demo model's windows at 448x256 (2240 tokens), and scores films of the 24 held-out
# prompts: the base in windows before it learned them, after, and with full attention at both sizes.
# Usage: retrofit_base.sh PROGRAM OUTPUT_FOLDER [DEVICE, default cuda]     OUTPUT_FOLDER: that of make_base.sh
# Writes OUTPUT_FOLDER/t3-run/, and for each kind of films a folder with their contact sheets and a line. Needs numpy.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    sed -n '2,6s/^# //p' "$0"
    exit 2
fi
program=$(realpath "$1") device=${3:-cuda}
here=$(realpath "$(dirname "$0")")
layout=$(realpath "$here/../../models/demo/t3-layout.json")
cd "$2"
"$program" make-clips --count 2500 --seed 1 --output films --extension / --quiet
"$program" make-clips --count 8 --held-out --output held-films --extension / --quiet
"$program" encode films --output clips --device "$device" --quiet
"$program" encode held-films --output held --device "$device" --quiet
"$program" retrofit --dit base/base.safetensors --layout "$layout" --data clips --validation held --device "$device" \
    --updates 3000 --batch 32 --together 32 --rate 1e-3 --schedule cosine --least-rate 0.02 --warm-up 50 --betas 0.9,0.99 \
    --noise-levels logit-normal --logit-normal 0,1.2 --shift 3.5 --weights none --caption-dropout 0.12 --ema 0.995 \
    --validate-every 500 --save-every 500 --keep 1 --output t3-run
python3 - "$here/heldout.json" <<'LIST'
import json, re, sys
prompts = [p for p in json.load(open(sys.argv[1])) if re.search("drifts left|drifts right|rises|falls", p)][:24]
json.dump([{"prompt_en": p, "seed": 0} for p in prompts], open("list.json", "w"))
json.dump(prompts, open("prompts.json", "w"))
LIST
score() { # NAME OPTIONS...
    name=$1
    shift
    "$program" batch list.json --output "$name" --extension .y4m --device "$device" --overwrite "$@" 2>"$name.log" >/dev/null ||
        { tail -n 3 "$name.log" >&2; exit 1; }
    echo "$name: $(python3 "$here/measure.py" "$name" --prompts prompts.json | tail -n 1)"
}
score base-full-224x128 --dit base/base.safetensors --attention full --size 224x128
score base-full --dit base/base.safetensors --attention full
score before --dit base/base.safetensors --layout "$layout"
score after --dit t3-run/model/diffusion_pytorch_model.safetensors
