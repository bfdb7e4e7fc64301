#!/bin/sh
# Training steps at 4K x 81 frames and at 720p with random weights and data, each beside its plan: full fine-tune, the same
# with blocks' inputs in host memory, LoRA of rank 64, the 5B model with moments in 8 bits; attention's backward for each
# pattern, and what determinism costs it; steps of a model as small as the bundled one, of more and more clips together.
# usage: bench/gpu/training.sh PROGRAM [NAME...]    PROGRAM: a t3video built with CUDA; all of the names, or these
set -u
program=${1:?usage: bench/gpu/training.sh PROGRAM [NAME...]}
shift
wanted=${*:-full lora64 host 5b-8bit 720p 720p-lora64 attention ordered small}
repeat=${REPEAT:-3}
run() {  # NAME WHAT OPTIONS...
    case " $wanted " in *" $1 "*) ;; *) return ;; esac
    echo "== $1"
    shift
    "$program" bench "$@" --device cuda --repeat "$repeat"
}
run full train
run lora64 train --lora 64
run host train --streams host --memory 76GiB
run 5b-8bit train --model wan2.2-5b --states 8bit
run 720p train --size 1280x720
run 720p-lora64 train --size 1280x720 --lora 64
run attention attention --backward
run ordered attention --backward --deterministic
for batch in 1 2 4 8 16 32; do run small train --model demo --size 448x256 --frames 17 --batch "$batch"; done
