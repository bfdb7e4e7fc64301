// Distances of latents against plain loops, and files that hold none.
#include "evaluation/latents.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "checkpoint/tensor_source.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;
using testing::expect_invalid;
using testing::TemporaryFolder;

Tensor tensor_of(const Shape& shape, DType dtype, const std::function<double(int64_t)>& value) {
    Tensor x = empty_on_host(shape, dtype);
    visit_float(dtype, [&]<class T>() {
        for (int64_t i = 0; i < x.numel(); ++i) x.data<T>()[i] = T(static_cast<float>(value(i)));
    });
    return x;
}

fs::path saved(const fs::path& file, const Tensor& x, const std::string& name = "latents") {
    checkpoint::save_safetensors(file, {{name, x}});
    return file;
}

const Shape kShape{3, 2, 5, 7};
double one(int64_t i) {
    return std::sin(double(i) * 1.7) + 0.2;
}
double other(int64_t i) {
    return std::sin(double(i) * 1.7 + 0.4) * 1.3;
}

TEST(Latents, DistanceAndCosineFollowTheirFormulas) {
    const TemporaryFolder folder;
    const Tensor a = tensor_of(kShape, DType::f32, one), b = tensor_of(kShape, DType::f32, other);
    const std::vector<Value> values =
        compare_latents(saved(folder / "a.safetensors", a), saved(folder / "b.safetensors", b));
    ASSERT_EQ(values.size(), 2u);
    // Of one latent frame, or of all for -1.
    const auto expected = [&](int64_t frame) {
        double aa = 0, bb = 0, ab = 0, dd = 0;
        for (int64_t i = 0; i < a.numel(); ++i) {
            if (frame >= 0 && i / 35 % 2 != frame) continue;
            const double p = a.data<float>()[i], q = b.data<float>()[i];
            aa += p * p;
            bb += q * q;
            ab += p * q;
            dd += (p - q) * (p - q);
        }
        return std::pair(std::sqrt(dd) / std::sqrt(bb), ab / std::sqrt(aa * bb));
    };
    EXPECT_EQ(values[0].metric, &latent_metrics()[0]);
    EXPECT_EQ(values[1].metric, &latent_metrics()[1]);
    EXPECT_NEAR(values[0].value, expected(-1).first, 1e-12);
    EXPECT_NEAR(values[1].value, expected(-1).second, 1e-12);
    for (const size_t i : {0, 1}) {
        EXPECT_EQ(values[i].note, "");
        ASSERT_EQ(values[i].parts.size(), 2u);
    }
    for (const int64_t frame : {0, 1}) {
        EXPECT_NEAR(values[0].parts[frame], expected(frame).first, 1e-12);
        EXPECT_NEAR(values[1].parts[frame], expected(frame).second, 1e-12);
    }
}

TEST(Latents, KnownPairsHaveKnownValues) {
    const TemporaryFolder folder;
    const fs::path reference = saved(folder / "b.safetensors", tensor_of(kShape, DType::f32, one));
    const auto values = [&](double factor) {
        const fs::path scaled =
            saved(folder / "a.safetensors", tensor_of(kShape, DType::f32, [&](int64_t i) { return factor * one(i); }));
        return compare_latents(scaled, reference);
    };
    for (const auto& [factor, distance, cosine] :
         {std::tuple(1.0, 0.0, 1.0), {0.5, 0.5, 1.0}, {2.0, 1.0, 1.0}, {-1.0, 2.0, -1.0}}) {
        EXPECT_NEAR(values(factor)[0].value, distance, 1e-12);
        EXPECT_NEAR(values(factor)[1].value, cosine, 1e-12);
    }
    EXPECT_EQ(compare_latents(reference, reference)[0].value, 0);
    EXPECT_EQ(values(0)[0].value, 1);
    EXPECT_TRUE(std::isnan(values(0)[1].value));
    EXPECT_EQ(values(0)[1].note, "the latents are all zero");
}

TEST(Latents, MoreNoiseIsFurther) {
    const TemporaryFolder folder;
    const fs::path reference = saved(folder / "b.safetensors", tensor_of(kShape, DType::f32, one));
    double distance = 0, cosine = 1;
    for (const double noise : {0.01, 0.1, 1.0}) {
        const fs::path noisy = saved(folder / "a.safetensors", tensor_of(kShape, DType::f32, [&](int64_t i) {
                                         return one(i) + noise * std::sin(double(i) * 12.9898);
                                     }));
        const std::vector<Value> values = compare_latents(noisy, reference);
        EXPECT_GT(values[0].value, distance);
        EXPECT_LT(values[1].value, cosine);
        distance = values[0].value;
        cosine = values[1].value;
    }
}

TEST(Latents, AReferenceOfZerosHasNoScale) {
    const TemporaryFolder folder;
    const auto zero = [](int64_t) { return 0.0; };
    const fs::path a = saved(folder / "a.safetensors", tensor_of(kShape, DType::f32, one)),
                   b = saved(folder / "b.safetensors", tensor_of(kShape, DType::f32, zero));
    for (const fs::path& latents : {a, b}) {
        for (const Value& value : compare_latents(latents, b)) {
            EXPECT_TRUE(std::isnan(value.value));
            EXPECT_EQ(value.note, "the reference's latents are all zero");
        }
    }
}

TEST(Latents, JobsAndOtherProgramsWriteThemUnderTheirNamesAndTypes) {
    const TemporaryFolder folder;
    const fs::path a = saved(folder / "a.safetensors", tensor_of(kShape, DType::f32, one));
    const fs::path job = folder / "job.safetensors";
    checkpoint::save_safetensors(
        job, {{"x", tensor_of(kShape, DType::f32, one)}, {"history.0", tensor_of(kShape, DType::f32, other)}});
    EXPECT_EQ(compare_latents(job, a)[0].value, 0);
    const fs::path batch = saved(folder / "batch.safetensors", tensor_of({1, 3, 2, 5, 7}, DType::f32, one));
    EXPECT_EQ(compare_latents(batch, a)[0].value, 0);
    const fs::path half = saved(folder / "half.safetensors", tensor_of(kShape, DType::bf16, one));
    EXPECT_GT(compare_latents(half, a)[0].value, 0);
    EXPECT_LT(compare_latents(half, a)[0].value, 4e-3);
    for (const fs::path& file : {a, job, batch, half}) {
        EXPECT_TRUE(is_latents(file));
        const FilmShape shape = latent_shape(file);
        EXPECT_EQ(shape.width, 7);
        EXPECT_EQ(shape.height, 5);
        EXPECT_EQ(shape.frames, 2);
        EXPECT_EQ(shape.fps, 0);
    }
}

TEST(Latents, OtherFilesAreNone) {
    const TemporaryFolder folder;
    const fs::path weights = saved(folder / "w.safetensors", tensor_of({4}, DType::f32, one), "weight"),
                   video = testing::write_file(folder / "a.mp4", std::string(100, '\7')),
                   nothing = testing::write_file(folder / "b.safetensors", ""), absent = folder / "absent.safetensors";
    for (const fs::path& file : {weights, video, nothing, absent, folder.path(), fs::path()}) {
        EXPECT_FALSE(is_latents(file)) << file;
        expect_invalid([&] { latent_shape(file); }, {file.string()});
    }
    expect_invalid([&] { latent_shape(weights); }, {weights.string() + ": holds no latents; expected a tensor"});
}

TEST(Latents, LatentsThatDoNotFitAreRefused) {
    const TemporaryFolder folder;
    const fs::path a = saved(folder / "a.safetensors", tensor_of(kShape, DType::f32, one));
    const auto expect_refused = [&](const fs::path& file, const std::string& words) {
        expect_invalid([&] { compare_latents(a, file); }, {file.string(), words});
        expect_invalid([&] { compare_latents(file, a); }, {file.string(), words});
    };
    expect_refused(saved(folder / "wide.safetensors", tensor_of({3, 2, 5, 8}, DType::f32, one)), "[3, 2, 5, 8]");
    expect_refused(saved(folder / "flat.safetensors", tensor_of({3, 2, 35}, DType::f32, one)),
                   "latents of [3, 2, 35]; expected [channels, frames, height, width]");
    expect_refused(saved(folder / "two.safetensors", tensor_of({2, 3, 2, 5, 7}, DType::f32, one)),
                   "latents of [2, 3, 2, 5, 7]; expected");
    expect_refused(saved(folder / "empty.safetensors", tensor_of({3, 0, 5, 7}, DType::f32, one)), "[3, 0, 5, 7]");
    Tensor whole = empty_on_host(kShape, DType::i32);
    std::ranges::fill(whole.span<int32_t>(), 1);
    expect_refused(saved(folder / "whole.safetensors", whole), "latents of type i32; expected f32, f16 or bf16");
}

TEST(Latents, ValuesThatAreNoNumbersAreRefusedByFile) {
    const TemporaryFolder folder;
    const fs::path a = saved(folder / "a.safetensors", tensor_of(kShape, DType::f32, one));
    for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        const fs::path b = saved(folder / "b.safetensors",
                                 tensor_of(kShape, DType::f32, [&](int64_t i) { return i == 100 ? bad : one(i); }));
        const std::string words = b.string() + ": latents hold values that are infinite or not numbers";
        expect_invalid([&] { compare_latents(a, b); }, {words});
        expect_invalid([&] { compare_latents(b, a); }, {words});
    }
}

}  // namespace
}  // namespace t3video::evaluation
