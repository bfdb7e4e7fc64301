#!/bin/sh
# Training steps at 4K x 81 frames and at 720p with random weights and data, each beside its plan: full fine-tune, with
# blocks' inputs in host memory, LoRA of rank 64, the 5B model with moments in 8 bits.
# usage: bench/gpu/training.sh PROGRAM [OUT_DIR]    PROGRAM: a t3video built with CUDA; writes OUT_DIR/NAME.json
set -u
program=${1:?usage: bench/gpu/training.sh PROGRAM [OUT_DIR]}
out=${2:-$(mktemp -d)}
mkdir -p "$out"
run() {  # NAME OPTIONS...
    name=$1
    shift
    echo "== $name: bench train $*"
    "$program" bench train --device cuda --json "$out/$name.json" "$@"
}
run full --repeat 3
run lora64 --lora 64 --repeat 3
run host --streams host --memory 76GiB --repeat 3
run 5b-8bit --model wan2.2-5b --states 8bit --repeat 3
run 720p --size 1280x720 --repeat 3
run 720p-lora64 --size 1280x720 --lora 64 --repeat 3
