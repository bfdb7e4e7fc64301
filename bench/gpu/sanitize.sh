#!/bin/sh
# compute-sanitizer over the kernel tests at odd sizes: memory accesses of every kernel, those of the libraries included
# (products, attention, convolution); races in shared memory of the kernels of our own. Runs side by side; takes about seven
# minutes, and what has not ended by then has failed.
# usage: bench/gpu/sanitize.sh FOLDER    holding t3video_test_cuda
set -u
tests=$(realpath "${1:?usage: bench/gpu/sanitize.sh FOLDER}")/t3video_test_cuda
# Not the sizes of a model, and not what is about memory or time rather than kernels.
large="*SizesOfAModel*:*MoreWindows*:*OrderedInParts*:*OverKeysOfAPrompt/*:*SlicesOfQueries*:*FollowsPyTorch*"
filter=${FILTER:--*Streaming*:*Waiting*:OnACard*:*TakesWhatIsPlanned*:$large}
logs=$(mktemp -d)

check() {  # NAME TOOL FILTER OPTIONS...
    name=$1
    tool=$2
    tests_to_run=$3
    shift 3
    begin=$(date +%s)
    timeout "${LIMIT:-480}" compute-sanitizer --tool "$tool" --error-exitcode 9 "$@" "$tests" --gtest_brief=1 \
        --gtest_filter="$tests_to_run" >"$logs/$name" 2>&1
    status=$?
    echo "$name: exit code $status after $(($(date +%s) - begin)) s" >>"$logs/$name"
    return $status
}

# racecheck fails inside itself where kernels of cuDNN run beside those that it watches, so it takes the tests without
# them, and the kernels that stand in for cuDNN's alone.
slow="*NormBackward*:*OptimizerOnGpu*:*RopeOnGpu*"
check memcheck memcheck "$filter:$slow" & memcheck=$!
check memcheck-slow memcheck "$slow" & memcheck_slow=$!
check races racecheck "$filter:$slow:*Hopper*:*AttentionOnGpu*:*AttentionBackward*:*FusedBackward*:*TrainingOnGpu*:*Conv*:*Upsample*" & races=$!
check races-slow racecheck "$slow" & races_slow=$!
check races-attention racecheck "*HopperAttention*" --kernel-name kns=attend & attention=$!
check races-backward racecheck "*AttentionBackward*OddSizes*" --kernel-name kns=backward & backward=$!
check races-convolution racecheck "*HopperConv*" --kernel-name kns=hopper_conv & convolution=$!
failed=0
for run in $memcheck $memcheck_slow $races $races_slow $attention $backward $convolution; do wait "$run" || failed=1; done
for name in memcheck memcheck-slow races races-slow races-attention races-backward races-convolution; do
    echo "== $name"
    tail -n 8 "$logs/$name"
done
rm -rf "$logs"
exit $failed
