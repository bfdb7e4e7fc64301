#!/bin/sh
# Compares the GPU with plain loops and with the CPU op by op, and with the reference tensors network by network, in f32 and
# bf16. Prints what failed, then a table: how many tests passed, failed, and were skipped.
# usage: bench/gpu/parity.sh FOLDER    holding t3video, t3video_test_cuda and t3video_test_apps (a bundle, or build/*/bin)
set -u
folder=$(realpath "${1:?usage: bench/gpu/parity.sh FOLDER}")
T3VIDEO_TEST_DATA=$(realpath "$(dirname "$0")/../../tests/data")
export T3VIDEO_PROGRAM="$folder/t3video" T3VIDEO_TEST_DATA
logs=$(mktemp -d)
worst=0

sum() { awk '{ n += $1 } END { print n + 0 }'; }

# A row of the table from the logs of a name. What broke off has no closing line, and counts as one more failure.
row() {  # NAME BEGIN
    logged=$(cat "$logs/$1".*)
    ran=$(echo "$logged" | sed -nE 's/^\[=+\] ([0-9]+) tests? from .* ran.*/\1/p' | sum)
    passed=$(echo "$logged" | sed -nE 's/^\[ +PASSED +\] ([0-9]+) tests?.*/\1/p' | sum)
    skipped=$(echo "$logged" | sed -nE 's/^\[ +SKIPPED +\] ([0-9]+) tests?.*/\1/p' | sum)
    failed=$((ran - passed - skipped))
    for log in "$logs/$1".*; do
        grep -qE '^\[=+\] .* ran' "$log" && continue
        failed=$((failed + 1))
        tail -n 5 "$log" >&2
    done
    echo "$logged" | grep -E "^\[  FAILED|Which is|actual|evaluates|differ|t3video:" | sort | uniq -c | sort -rn | head -60 >&2
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || worst=1
    printf '%-10s %7d %7d %8d %6d\n' "$1" "$passed" "$failed" "$skipped" $(($(date +%s) - $2)) >>"$logs/table"
}

printf '%-10s %7s %7s %8s %6s\n' tests passed failed skipped s >"$logs/table"
begin=$(date +%s)
"$folder/t3video_test_cuda" --gtest_brief=1 >"$logs/ops.0" 2>&1
row ops "$begin"

# Each case runs the program in a process of its own, so shards run side by side.
begin=$(date +%s)
shards=8
for i in $(seq 0 $((shards - 1))); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i \
        "$folder/t3video_test_apps" --gtest_filter='*OnGpu*' --gtest_brief=1 >"$logs/networks.$i" 2>&1 &
done
wait
row networks "$begin"

cat "$logs/table"
rm -rf "$logs"
exit $worst
