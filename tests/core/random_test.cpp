// Normals against PyTorch's (version 2.11, the GPU stream from an H200).
#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "core/error.h"

namespace t3video {
namespace {

constexpr float kTolerance = 1e-5f;  // absolute: the last bits of log, sin and cos differ between libraries
constexpr int kH200Multiprocessors = 132;

std::vector<float> normal_cpu(size_t count, uint64_t seed) {
    std::vector<float> values(count);
    fill_normal_cpu(values, seed);
    return values;
}

std::vector<float> normal_cuda(size_t count, uint64_t seed, int multiprocessors = kH200Multiprocessors,
                               int threads = 2) {
    std::vector<float> values(count);
    fill_normal_cuda(values, seed, multiprocessors, threads);
    return values;
}

// The seed in a name such as "cpu.seed42.n1000.draw1".
uint64_t seed_of(const std::string& name) {
    return std::stoull(name.substr(name.find(".seed") + 5));
}

TEST(Random, MatchesTorch) {
    const auto golden = checkpoint::open_tensors(T3VIDEO_TEST_DATA "/golden/randn.safetensors");
    int cpu = 0, cuda = 0;
    for (const auto& [name, stored] : golden.tensors) {
        const auto expected = stored.tensor.numbers().span<float>();
        const bool on_cpu = name.starts_with("cpu.");
        const auto found =
            on_cpu ? normal_cpu(expected.size(), seed_of(name)) : normal_cuda(expected.size(), seed_of(name));
        for (size_t i = 0; i < expected.size(); ++i) {
            ASSERT_NEAR(found[i], expected[i], kTolerance) << name << " element " << i;
        }
        ++(on_cpu ? cpu : cuda);
    }
    EXPECT_EQ(cpu, 24);
    EXPECT_EQ(cuda, 7);
}

TEST(Random, MatchesTorchWhereTheLaunchWrapsAround) {
    const auto golden = checkpoint::open_tensors(T3VIDEO_TEST_DATA "/golden/randn_large.safetensors");
    const auto count = std::stoull(golden.metadata.at("n"));
    const auto seed = std::stoull(golden.metadata.at("seed"));
    const auto cpu = normal_cpu(count, seed);
    const auto cuda = normal_cuda(count, seed, std::stoi(golden.metadata.at("multiprocessors")));
    const auto index = golden.at("index").span<int64_t>();
    ASSERT_EQ(index.size(), 3000u);
    for (size_t i = 0; i < index.size(); ++i) {
        const auto element = static_cast<size_t>(index[i]);
        ASSERT_NEAR(cpu[element], golden.at("cpu").span<float>()[i], kTolerance) << "element " << element;
        ASSERT_NEAR(cuda[element], golden.at("cuda").span<float>()[i], kTolerance) << "element " << element;
    }
}

// Three draws in a row of one generator, of counts with and without a tail of fewer than 16.
TEST(Random, LaterDrawsMatchTorch) {
    constexpr float kClose = 2e-6f;  // of values above 1 relative: the GPU's sine and logarithm are good to some ulps
    const auto golden = checkpoint::open_tensors(T3VIDEO_TEST_DATA "/golden/randn_draws.safetensors");
    for (const auto& [name, stored] : golden.tensors) {
        const auto expected = stored.tensor.numbers().span<float>();
        const int64_t draw = std::stoll(name.substr(name.find(".draw") + 5));
        std::vector<float> found(expected.size());
        if (name.starts_with("cpu.")) {
            fill_normal_cpu(found, seed_of(name), draw);
        } else {
            fill_normal_cuda(found, seed_of(name), kH200Multiprocessors, 2, draw);
        }
        for (size_t i = 0; i < expected.size(); ++i)
            ASSERT_NEAR(found[i], expected[i], kClose * std::max(1.0f, std::abs(expected[i]))) << name << " " << i;
    }
    EXPECT_EQ(golden.tensors.size(), 18u);
}

// Below 16 values the CPU's generator makes one stream: a sine that an odd count leaves is the next draw's first.
TEST(Random, ShortDrawsFollowOneAnother) {
    const std::vector<float> stream = normal_cpu(15, 11);
    for (const size_t count : {1u, 2u, 3u, 5u}) {
        for (size_t draw = 0; (draw + 1) * count <= stream.size(); ++draw) {
            std::vector<float> found(count);
            fill_normal_cpu(found, 11, static_cast<int64_t>(draw));
            for (size_t i = 0; i < count; ++i) EXPECT_EQ(found[i], stream[draw * count + i]) << count << ", " << draw;
        }
    }
}

// Past one round of a launch, where a draw takes several.
TEST(Random, DrawsOfSeveralRoundsDoNotOverlap) {
    constexpr size_t kCount = 20'000;  // three rounds of one multiprocessor's 2048 threads x 4
    std::vector<float> first = normal_cuda(kCount, 3, 1), second(kCount);
    fill_normal_cuda(second, 3, 1, 1, 1);
    std::ranges::sort(first);
    size_t shared = 0;
    for (const float value : second) shared += std::ranges::binary_search(first, value);
    EXPECT_LT(shared, kCount / 100);  // equal values by chance
}

TEST(Random, CpuSeedCountsModulo32Bits) {
    EXPECT_EQ(normal_cpu(100, 7), normal_cpu(100, 7 + (uint64_t{1} << 32)));
    EXPECT_NE(normal_cpu(100, 7), normal_cpu(100, 8));
}

TEST(Random, CudaSeedCountsWhole) {
    EXPECT_NE(normal_cuda(100, 7), normal_cuda(100, 7 + (uint64_t{1} << 32)));
}

TEST(Random, CudaStreamDependsOnMultiprocessorsButNotOnThreads) {
    constexpr size_t kCount = 300'001;  // more than one multiprocessor's launch of 2048 threads x 4
    EXPECT_EQ(normal_cuda(kCount, 3, 132, 1), normal_cuda(kCount, 3, 132, 4));
    EXPECT_NE(normal_cuda(kCount, 3, 132), normal_cuda(kCount, 3, 1));
}

TEST(Random, NothingToFill) {
    EXPECT_TRUE(normal_cpu(0, 1).empty());
    EXPECT_TRUE(normal_cuda(0, 1).empty());
}

TEST(Random, RejectsNoMultiprocessors) {
    EXPECT_THROW(normal_cuda(4, 1, 0), InvalidRequest);
}

TEST(Random, IsStandardNormal) {
    for (const auto& values : {normal_cpu(1'000'000, 5), normal_cuda(1'000'000, 5, 7)}) {
        double sum = 0.0, squares = 0.0;
        for (const float value : values) {
            sum += value;
            squares += static_cast<double>(value) * value;
        }
        EXPECT_NEAR(sum / 1e6, 0.0, 5e-3);      // five standard errors
        EXPECT_NEAR(squares / 1e6, 1.0, 7e-3);  // five standard errors
    }
}

}  // namespace
}  // namespace t3video
