// Memory: what opening a model costs, that weights are not copied for good, and that long films decode in that of short
// ones.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "film/networks.h"
#include "support/files.h"
#include "support/memory.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;

// The first of the demo's layers in f32: what a forward pass may convert at a time.
int64_t layer_kb(models::WanDit dit) {
    int64_t values = 0;
    dit.for_each_param("", [&](const std::string& name, const nn::Param& param) {
        if (name.starts_with("blocks.0.")) values += param.shape.numel();
    });
    return values * 4 / 1024;
}

TEST(Memory, OpeningAModelReadsNoWeights) {
    if (!kMemoryIsMeasurable) GTEST_SKIP();
    const film::ModelFiles files = film::find_model(film::demo_model_folder());
    const int64_t before = memory_kb("RssAnon");
    const film::Networks networks = film::load_networks(files);
    const int64_t grown = memory_kb("RssAnon") - before;
    RecordProperty("grown_kb", static_cast<int>(grown));
    EXPECT_LT(grown, layer_kb(networks.dit())) << "kB";
}

TEST(Memory, ForwardPassesKeepNoWeights) {
    if (!kMemoryIsMeasurable) GTEST_SKIP();
    Context ctx;
    const Tensor latent = randn(ctx, {16, 1, 4, 4}, 1);  // 4 tokens: their activations are nothing beside a layer
    const t3::LayoutWindows windows(ctx, t3::full_attention({1, 2, 2}));
    const auto forward = [&](const models::WanDit& dit) {
        const models::TextContext text = dit.embed_text(ctx, randn(ctx, {2, dit.config().text_dim}, 2));
        dit.forward(ctx, latent, 500, text, windows);
    };
    // A tiny model first: threads and libraries have then set themselves up.
    forward(film::load_networks(film::find_model(T3VIDEO_TEST_DATA "/golden/wan21-tiny/model")).dit());
    const film::Networks networks = film::load_networks(film::find_model(film::demo_model_folder()));
    const int64_t before = memory_kb("RssAnon");
    forward(networks.dit());
    const int64_t once = memory_kb("RssAnon") - before;
    for (int i = 0; i < 5; ++i) forward(networks.dit());
    const int64_t six_times = memory_kb("RssAnon") - before;
    RecordProperty("once_kb", static_cast<int>(once));
    RecordProperty("six_times_kb", static_cast<int>(six_times));
    const int64_t layers = networks.dit().config().layers, layer = layer_kb(networks.dit());
    EXPECT_LT(once, layers * layer / 4) << "kB; the model in f32 is " << layers * layer;
    EXPECT_LT(six_times - once, 2 * layer) << "kB; five passes that each keep a layer keep more";
}

constexpr const char* kFrames = "T3VIDEO_TEST_DECODED_FRAMES";

// Decodes so many frames of 480x272, lets them go, and prints the peak of this process.
void decode_and_print_peak(int64_t frames) {
    Context ctx;
    const auto vae = models::WanVae::load(film::find_model(film::demo_model_folder()).need(film::Part::vae));
    const Tensor latent = randn(ctx, {16, (frames - 1) / 4 + 1, 272 / 8, 480 / 8}, 3);
    int64_t decoded = 0;
    vae.decode(ctx, latent, [&](const Tensor& x, int64_t, int64_t) { decoded += x.dim(0); });
    ASSERT_EQ(decoded, frames);
    std::cout << "peak " << memory_kb("VmHWM") << '\n';
}

// The peak in kB of a process of its own that decodes so many frames: this test, called again with kFrames set.
int64_t decoding_peak_kb(int64_t frames) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string command = concat("OMP_WAIT_POLICY=passive ", kFrames, '=', frames, " '", program,
                                       "' --gtest_filter=Memory.DecodingTakesTheSame*");
    FILE* output = popen(command.c_str(), "r");
    if (output == nullptr) return -1;
    int64_t peak = -1;
    char line[1000];
    while (std::fgets(line, sizeof line, output) != nullptr) {
        if (std::string(line).starts_with("peak ")) peak = std::atoll(line + 5);
    }
    return pclose(output) == 0 ? peak : -1;
}

TEST(Memory, DecodingTakesTheSameMemoryForAnyLength) {
    if (!kMemoryIsMeasurable) GTEST_SKIP();
    if (const char* frames = std::getenv(kFrames)) return decode_and_print_peak(std::atoll(frames));
    const int64_t shorter = decoding_peak_kb(17), longer = decoding_peak_kb(81);
    RecordProperty("frames_17_kb", static_cast<int>(shorter));
    RecordProperty("frames_81_kb", static_cast<int>(longer));
    ASSERT_GT(shorter, 0);
    EXPECT_LT(double(longer), 1.1 * double(shorter)) << longer << " kB for 81 frames, " << shorter << " kB for 17";
    EXPECT_GT(double(longer), 0.9 * double(shorter)) << longer << " kB for 81 frames, " << shorter << " kB for 17";
}

}  // namespace
}  // namespace t3video::session
