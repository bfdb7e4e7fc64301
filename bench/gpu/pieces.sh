#!/bin/sh
# The figures of docs/benchmarks.md: forwards and decodes at 4K, both models.  usage: bench/gpu/pieces.sh FOLDER
set -u
t3video=$(realpath "${1:?usage: bench/gpu/pieces.sh FOLDER}")/t3video
run() { "$t3video" bench "$@" --device cuda | sed -n '2,$p' | grep -v '^share'; }
for model in wan2.1-1.3b wan2.2-5b; do
    echo "== $model"
    run attention --model $model --repeat 3
    run dit --model $model --repeat 3
    run vae --model $model --repeat 1
done
run dit --attention full --layer 0 --repeat 1
run text --repeat 5
