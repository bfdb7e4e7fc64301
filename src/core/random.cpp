// PyTorch's normal distributions: Mersenne Twister on the CPU, Philox in the order of a GPU launch.
#include "core/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>

#include "core/error.h"
#include "core/parallel.h"

namespace t3video {
namespace {

constexpr float kTwoPi = 2.0f * std::numbers::pi_v<float>;
constexpr size_t kBlock = 16;  // the CPU generator pairs value j with value j + 8 of each block of 16

// Uniform in [0, 1) from the low 24 bits of a draw.
float uniform24(std::mt19937& twister) {
    return static_cast<float>(twister() & 0xFFFFFFu) * 0x1p-24f;
}

// Uniform in [0, 1) from the low 53 bits of two draws, the first of them the high word.
double uniform53(std::mt19937& twister) {
    const uint64_t high = twister();
    const uint64_t low = twister();
    return static_cast<double>(((high << 32) | low) & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

// Box-Muller in place: 16 uniforms become 16 normals.
void transform_block(std::span<float, kBlock> block) {
    for (size_t j = 0; j < kBlock / 2; ++j) {
        const float radius = std::sqrt(-2.0f * std::log(1.0f - block[j]));
        const float angle = kTwoPi * block[j + kBlock / 2];
        block[j] = radius * std::cos(angle);
        block[j + kBlock / 2] = radius * std::sin(angle);
    }
}

void fill_blocks(std::span<float> out, std::mt19937& twister) {
    for (float& value : out) value = uniform24(twister);
    for (size_t first = 0; first + kBlock <= out.size(); first += kBlock) {
        transform_block(out.subspan(first).first<kBlock>());
    }
    if (out.size() % kBlock != 0) {  // the last 16 are drawn anew, those already transformed included
        const auto tail = out.last<kBlock>();
        for (float& value : tail) value = uniform24(twister);
        transform_block(tail);
    }
}

// Values `first` and on of one stream of pairs in double precision: the generator keeps a sine that an odd count leaves
// for the next draw.
void fill_pairs(std::span<float> out, uint64_t first, std::mt19937& twister) {
    constexpr uint64_t kDrawsOfPair = 4;
    twister.discard(first / 2 * kDrawsOfPair);
    for (uint64_t pair = first / 2; 2 * pair < first + out.size(); ++pair) {
        const double u1 = uniform53(twister);
        const double u2 = uniform53(twister);
        const double radius = std::sqrt(-2.0 * std::log1p(-u2));
        const double angle = 2.0 * std::numbers::pi * u1;
        if (2 * pair >= first) out[2 * pair - first] = static_cast<float>(radius * std::cos(angle));
        if (2 * pair + 1 < first + out.size()) out[2 * pair + 1 - first] = static_cast<float>(radius * std::sin(angle));
    }
}

using Philox = std::array<uint32_t, 4>;

// Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3; 2011).
Philox philox(uint64_t seed, uint64_t round, uint64_t thread) {
    Philox x = {static_cast<uint32_t>(round), static_cast<uint32_t>(round >> 32), static_cast<uint32_t>(thread),
                static_cast<uint32_t>(thread >> 32)};
    uint32_t key0 = static_cast<uint32_t>(seed);
    uint32_t key1 = static_cast<uint32_t>(seed >> 32);
    for (int i = 0; i < 10; ++i) {
        const uint64_t p0 = uint64_t{0xD2511F53u} * x[0];
        const uint64_t p1 = uint64_t{0xCD9E8D57u} * x[2];
        x = {static_cast<uint32_t>(p1 >> 32) ^ x[1] ^ key0, static_cast<uint32_t>(p1),
             static_cast<uint32_t>(p0 >> 32) ^ x[3] ^ key1, static_cast<uint32_t>(p0)};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return x;
}

// {s sin v, s cos v}, u = a 2^-32 + 2^-33, v = 2 pi (b 2^-32 + 2^-33), s = sqrt(-2 ln u). u and v are rounded to float
// as on the GPU: near u = 1 the rounding decides how small s gets. The double in v stands for the GPU's fused
// multiply-add.
std::array<float, 2> box_muller(uint32_t a, uint32_t b) {
    constexpr double kAngleUnit = static_cast<double>(kTwoPi * 0x1p-32f);
    const float u = static_cast<float>(a) * 0x1p-32f + 0x1p-33f;
    const float v = static_cast<float>(static_cast<double>(static_cast<float>(b)) * kAngleUnit + kAngleUnit / 2);
    const float s = std::sqrt(-2.0f * std::log(u));
    return {s * std::sin(v), s * std::cos(v)};
}

}  // namespace

void fill_normal_cpu(std::span<float> out, uint64_t seed, int64_t draw) {
    require(draw >= 0, "normals: draw ", draw);
    std::mt19937 twister(static_cast<uint32_t>(seed));
    const auto before = static_cast<uint64_t>(draw);
    if (out.size() < kBlock) {
        fill_pairs(out, before * out.size(), twister);
    } else {
        twister.discard(before * (out.size() + (out.size() % kBlock != 0 ? kBlock : 0)));
        fill_blocks(out, twister);
    }
}

void fill_normal_cuda(std::span<float> out, uint64_t seed, int multiprocessors, int threads, int64_t draw) {
    require(draw >= 0, "normals: draw ", draw);
    require_valid(multiprocessors >= 1, "multiprocessors: found ", multiprocessors, ", expected at least 1");
    constexpr int64_t kBlockThreads = 256, kBlocksPerMultiprocessor = 2048 / kBlockThreads;
    const auto count = static_cast<int64_t>(out.size());
    if (count == 0) return;
    const int64_t blocks =
        std::min((count + kBlockThreads - 1) / kBlockThreads, multiprocessors * kBlocksPerMultiprocessor);
    const int64_t launched = kBlockThreads * blocks;  // GPU threads; each writes 4 values a round, `launched` apart
    const int64_t rounds = (count + 4 * launched - 1) / (4 * launched);
    constexpr int64_t kGrain = 4096;  // Philox calls; about a quarter of a millisecond
    parallel_for(threads, 0, rounds * launched, kGrain, [&](int64_t first, int64_t last) {
        for (int64_t call = first; call < last; ++call) {
            const int64_t round = call / launched;
            const int64_t thread = call % launched;
            int64_t element = 4 * launched * round + thread;
            if (element >= count) continue;
            const Philox x = philox(seed, static_cast<uint64_t>(draw * rounds + round), static_cast<uint64_t>(thread));
            const auto low = box_muller(x[0], x[1]);
            const auto high = box_muller(x[2], x[3]);
            for (const float value : {low[0], low[1], high[0], high[1]}) {
                if (element < count) out[static_cast<size_t>(element)] = value;
                element += launched;
            }
        }
    });
}

}  // namespace t3video
