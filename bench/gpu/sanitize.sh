#!/bin/sh
# compute-sanitizer over the kernel tests at odd sizes: memory accesses, then races in shared memory.
# usage: bench/gpu/sanitize.sh FOLDER    holding t3video_test_cuda
set -u
tests=$(realpath "${1:?usage: bench/gpu/sanitize.sh FOLDER}")/t3video_test_cuda
failed=0
log=$(mktemp)
for tool in memcheck racecheck; do
    echo "== $tool"
    compute-sanitizer --tool $tool --error-exitcode 9 "$tests" --gtest_brief=1 \
        --gtest_filter="${FILTER:--*SizesOfAModel*}" >"$log" 2>&1 || failed=1
    tail -n 12 "$log"
done
exit $failed
