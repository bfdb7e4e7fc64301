#!/bin/bash
# Makes base.safetensors: a transformer of the demo model's sizes, trained from the beginning with full attention on clips of
# 224x128 (560 tokens), as it was before its retrofit. Text encoder and VAE are the demo model's.
# Usage: make_base.sh PROGRAM OUTPUT_FOLDER [DEVICE, default cuda]
# Writes OUTPUT_FOLDER/base/base.safetensors with its config.json, and OUTPUT_FOLDER/base-run/report.html. Seven and a half
# minutes on one H200.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    sed -n '2,6s/^# //p' "$0"
    exit 2
fi
program=$(realpath "$1") device=${3:-cuda}
mkdir -p "$2"
cd "$2"
"$program" make-clips --count 4000 --size 224x128 --output base-films --extension / --quiet
"$program" make-clips --count 8 --held-out --size 224x128 --output base-held-films --extension / --quiet
"$program" encode base-films --size 224x128 --output base-clips --device "$device" --quiet
"$program" encode base-held-films --size 224x128 --output base-held --device "$device" --quiet
"$program" retrofit --from-scratch --attention full --data base-clips --validation base-held --device "$device" \
    --updates 2700 --batch 64 --together 64 --rate 1.5e-3 --schedule cosine --least-rate 0.02 --warm-up 100 --betas 0.9,0.99 \
    --noise-levels logit-normal --logit-normal 0,1.2 --shift 2 --weights none --caption-dropout 0.12 --ema 0.995 \
    --validate-every 500 --save-every 500 --keep 1 --output base-run
mkdir -p base
cp base-run/model/diffusion_pytorch_model.safetensors base/base.safetensors
cp base-run/model/config.json base/
