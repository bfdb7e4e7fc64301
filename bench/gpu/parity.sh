#!/bin/sh
# Compares the GPU with the CPU op by op, and with the reference tensors network by network, in f32 and bf16.
# usage: bench/gpu/parity.sh FOLDER    holding t3video, t3video_test_cuda and t3video_test_apps (a bundle, or build/*/bin)
set -u
folder=$(realpath "${1:?usage: bench/gpu/parity.sh FOLDER}")
export T3VIDEO_PROGRAM="$folder/t3video"
logs=$(mktemp -d)
failed=0

"$folder/t3video_test_cuda" --gtest_brief=1 >"$logs/ops" 2>&1 || failed=1
tail -n 40 "$logs/ops"

# Each case runs the program in a process of its own, so shards run side by side.
shards=8
for i in $(seq 0 $((shards - 1))); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i \
        "$folder/t3video_test_apps" --gtest_filter='*OnGpu*' --gtest_brief=1 >"$logs/golden.$i" 2>&1 &
done
wait
cat "$logs"/golden.* | grep -E "^\[  FAILED|Which is|actual|evaluates|t3video:|PASSED" | sort | uniq -c | sort -rn | head -60
grep -q "FAILED" "$logs"/golden.* && failed=1
exit $failed
