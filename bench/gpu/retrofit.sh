#!/bin/sh
# From drawn clips to retrofitted weights on one GPU, by the program alone: seconds of each command, and whether ten
# deterministic updates equal ten with a checkpoint and a new process between, bit for bit.
# usage: bench/gpu/retrofit.sh PROGRAM FOLDER
set -eu
program=${1:?usage: bench/gpu/retrofit.sh PROGRAM FOLDER}
folder=${2:?usage: bench/gpu/retrofit.sh PROGRAM FOLDER}
mkdir -p "$folder"
cd "$folder"
timed() {
    echo "== $*"
    start=$(date +%s.%N)
    "$@"
    echo "$start $(date +%s.%N)" | awk '{printf "   %.1f s\n", $2 - $1}'
}
timed "$program" make-clips --count 64 --output films --extension / --quiet
timed "$program" encode films --output clips --device cuda --quiet
for kind in "all --batch 8 --together 4" "lora --rank 16 --batch 2"; do
    # shellcheck disable=SC2086
    set -- $kind
    name=$1
    shift
    options="--data clips --save-every 5 --rate 1e-4 --deterministic --export-type f32 --device cuda --quiet $*"
    # shellcheck disable=SC2086
    timed "$program" retrofit $options --updates 10 --output "$name-whole"
    # shellcheck disable=SC2086
    timed "$program" retrofit $options --updates 5 --output "$name-cut"
    timed "$program" retrofit --resume "$name-cut" --updates 10 --device cuda --quiet
    cmp "$name-whole/checkpoints/000010.safetensors" "$name-cut/checkpoints/000010.safetensors" && echo "$name: the same bits"
done
