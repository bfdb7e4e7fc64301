#!/bin/sh
# A whole 4K film with weights of the released sizes out of nothing: 81 frames of 3840x2160, 8 steps without guidance.
# usage: bench/gpu/film.sh FOLDER [MODEL] [OPTIONS...]   FOLDER holds t3video; MODEL: wan2.1-1.3b (default) or wan2.2-5b;
# needs about 50 GB of disk for model and frames under ${TMPDIR:-/tmp}
set -eu
t3video=$(realpath "${1:?usage: bench/gpu/film.sh FOLDER [MODEL] [OPTIONS...]}")/t3video
model=${2:-wan2.1-1.3b}
[ $# -ge 2 ] && shift 2 || shift 1
work=${TMPDIR:-/tmp}/t3video-film
mkdir -p "$work"
if [ ! -d "$work/$model" ]; then
    "$t3video" bench model --device cuda --model "$model" --output "$work/$model"
fi
"$t3video" bench load --device cuda --repeat 2 --input "$work/$model/transformer/diffusion_pytorch_model.safetensors"
rm -rf "$work/film.job" "$work/film.y4m"
"$t3video" generate --device cuda --model "$work/$model" --size 3840x2160 --frames 81 --steps 8 --cfg 1 --shift 5 \
    --solver euler --prompt "A glacier calves into a calm bay." --output "$work/film.y4m" "$@"
