#!/bin/sh
# The figures of docs/benchmarks.md: forwards and decodes at 4K, both models.
# usage: bench/gpu/pieces.sh FOLDER [PIECE...]   FOLDER holds t3video; PIECE: attention, dit, vae, decoder (small), full (one layer), text
set -u
t3video=$(realpath "${1:?usage: bench/gpu/pieces.sh FOLDER [PIECE...]}")/t3video
shift
[ $# -gt 0 ] || set -- attention dit vae decoder full text
failed=0
bench() {  # WHAT LABEL OPTIONS...
    what=$1
    label=$2
    shift 2
    table=$("$t3video" bench "$what" --device cuda "$@") || failed=1
    echo "$table" | sed -n '2,$p' | grep -v '^share' | sed "s/^/$label /"
}
for piece in "$@"; do
    case $piece in
        attention | dit) for m in wan2.1-1.3b wan2.2-5b; do bench $piece $m --model $m --repeat 3; done ;;
        vae | decoder) for m in wan2.1-1.3b wan2.2-5b; do bench $piece $m --model $m --repeat 1; done ;;
        full) bench dit "wan2.1-1.3b full attention," --attention full --layer 0 --repeat 1 ;;
        text) bench text umt5-xxl --repeat 5 ;;
        *)
            echo "bench/gpu/pieces.sh: $piece: expected attention, dit, vae, decoder, full or text" >&2
            exit 2
            ;;
    esac
done
exit $failed
