#!/bin/sh
# Everything behind the GPU's figures in docs/benchmarks.md and docs/performance.md, a line per figure.
# usage: bench/gpu/all.sh FOLDER [PART...]    FOLDER holds t3video, t3video_test_cuda and t3video_test_apps (tools/bundle.sh)
#
# Parts, in the order of a run without any named, with about how long they take on an H200:
#   tests      ops and networks against the CPU and the reference tensors         2 min
#   agreement  the demo film from CPU and GPU; two runs in bf16                   1 min
#   attention, dit, text, full    pieces of both models at 4K                     2 min
#   vae        decodes of both models at 4K                                       3 min
#   kernels    time and traffic of each kernel of a layer                         1 min
#   every      the same for a small film, which runs every kernel                 2 min
#   film       a 4K film; nvidia-smi's memory against the plan                    3 min, of it 1 the model's files
#   twice      two 4K films of two steps: the same bytes                          2 min
#   film24     the 4K film with --memory 24GiB                                    2 min
#   layouts    planned layouts from 480p to 8K and from 33 to 241 frames         12 min
#   batch      twenty demo films by one process, three of them beside films made alone    1 min
#   caches     quality of step caches over the passes that they save, the demo model   4 min
#   pipeline   4K films of both models without files, stage by stage              3 min
#   sanitize   compute-sanitizer over the kernels                                 4 min
# Parts that were named run alone, so that no call need be long. Whole outputs go to ${LOGS:-/tmp/t3video-gpu}/PART.log. The
# exit code is that of the worst part.
set -u
folder=$(realpath "${1:?usage: bench/gpu/all.sh FOLDER [PART...]}")
shift
scripts=$(realpath "$(dirname "$0")")
logs=${LOGS:-/tmp/t3video-gpu}
mkdir -p "$logs"
t3video=$folder/t3video
film=${TMPDIR:-/tmp}/t3video-film/film.y4m

# Runs a command; its output goes to the part's log, and of it lines that match a pattern are shown.
show() {  # PATTERN COMMAND...
    pattern=$1
    shift
    "$@" >"$logs/step" 2>&1
    code=$?
    cat "$logs/step" >>"$logs/$part.log"
    tr '\r' '\n' <"$logs/step" | grep -E "$pattern"
    [ $code -eq 0 ] || tail -n 5 "$logs/step"
    return $code
}
stages='^info: Plan|^text +[0-9]+ prompt|^denoise +[0-9]+ steps|^decode +[0-9]+ frames|Wrote|card.s memory|^loading|t3video: '

film() { show "$stages" "$scripts/film.sh" "$folder" wan2.1-1.3b "$@"; }
twice() {
    film --steps 2 && mv "$film" "$film.first" && film --steps 2 && cmp "$film" "$film.first" &&
        echo "two films of the same request: same bytes"
    code=$?
    rm -f "$film.first"
    return $code
}
pipeline() {
    code=0
    for model in wan2.1-1.3b wan2.2-5b; do
        show '^wan|^text|^denoise|^decode|^all|t3video: ' "$t3video" bench pipeline --device cuda --model $model --steps 8 \
            --cfg 1 || code=1
    done
    return $code
}
run() {
    case $part in
        tests) show '.' "$scripts/parity.sh" "$folder" ;;
        agreement) show 'dB|same bytes|t3video: ' "$scripts/agreement.sh" "$folder" ;;
        attention | dit | vae | full | text) show '.' "$scripts/pieces.sh" "$folder" "$part" ;;
        kernels) show ' ms ' "$scripts/kernels.sh" "$t3video" bench dit --device cuda --layer 1 --repeat 0 ;;
        every)
            show ' ms ' "$scripts/kernels.sh" "$t3video" bench pipeline --device cuda --size 1080p --frames 9 --steps 1 \
                --cfg 4
            ;;
        film) film ;;
        twice) twice ;;
        film24) film --memory 24GiB ;;
        layouts) show '.' "$scripts/layouts.py" "$t3video" ;;
        batch) show '.' "$scripts/batch.sh" "$t3video" ;;
        caches) show '^\||no plot|t3video: ' "$scripts/caches.sh" "$folder" "$logs/caches" ;;
        pipeline) pipeline ;;
        sanitize) show '^==|ERROR SUMMARY|exit code|FAILED|PASSED|hazard' "$scripts/sanitize.sh" "$folder" ;;
        *)
            echo "bench/gpu/all.sh: $part: no such part; the head of this file lists them" >&2
            return 2
            ;;
    esac
}

[ $# -gt 0 ] || set -- tests agreement attention dit text full vae kernels every film twice film24 batch caches layouts pipeline sanitize
worst=0
for part in "$@"; do
    begin=$(date +%s)
    : >"$logs/$part.log" 2>/dev/null
    echo "== $part"
    run
    code=$?
    [ $code -le $worst ] || worst=$code
    echo "== $part: exit code $code, $(($(date +%s) - begin)) s"
done
exit $worst
