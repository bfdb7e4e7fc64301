#!/bin/sh
# compute-sanitizer over the kernel tests at odd sizes, both tools side by side: memory accesses of every kernel, those of
# the libraries included (products, attention, convolution); races in shared memory of the kernels of our own, in the same
# tests. Takes two to four minutes; a tool that has not ended by then has failed.
# usage: bench/gpu/sanitize.sh FOLDER    holding t3video_test_cuda
set -u
tests=$(realpath "${1:?usage: bench/gpu/sanitize.sh FOLDER}")/t3video_test_cuda
# Not the sizes of a model, and not what is about memory or time rather than kernels.
filter=${FILTER:--*SizesOfAModel*:*Streaming*:*Waiting*:OnACard*}
logs=$(mktemp -d)

check() {  # NAME OPTIONS...
    name=$1
    shift
    begin=$(date +%s)
    timeout "${LIMIT:-235}" compute-sanitizer --tool "$name" --error-exitcode 9 "$@" "$tests" --gtest_brief=1 \
        --gtest_filter="$filter" >"$logs/$name" 2>&1
    status=$?
    echo "$name: exit code $status after $(($(date +%s) - begin)) s" >>"$logs/$name"
    return $status
}

check memcheck & memcheck=$!
check racecheck --kernel-name kns=t3video & racecheck=$!
failed=0
wait $memcheck || failed=1
wait $racecheck || failed=1
for name in memcheck racecheck; do
    echo "== $name"
    tail -n 8 "$logs/$name"
done
rm -rf "$logs"
exit $failed
