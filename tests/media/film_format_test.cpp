// What goes with what, and what is said about the rest.
#include "media/film_format.h"

#include <algorithm>

#include "core/quantize.h"
#include "media/contact_sheet.h"
#include "media/frame_writer.h"
#include "media_fixture.h"

namespace t3video::media {
namespace {

TEST(FilmFormat, DefaultsFollowTheOutput) {
    const auto expect = [](const char* output, const VideoOptions& options, int bits, int crf, Samples samples) {
        const FilmFormat format = film_format(output, options);
        EXPECT_EQ(format.bits, bits) << output;
        if (format.kind == OutputKind::video && format.codec != Codec::prores) {
            EXPECT_EQ(format.crf, crf) << output;
        }
        EXPECT_EQ(format.samples, samples) << output;
    };
    expect("a.mp4", {}, 8, 18, Samples::u8);
    expect("a.mov", {.bits = 10}, 10, 18, Samples::u16);
    expect("a.MKV", {.codec = Codec::hevc}, 10, 20, Samples::u16);
    expect("a.mp4", {.codec = Codec::hevc, .bits = 8}, 8, 20, Samples::u8);
    expect("a.mp4", {.crf = 60, .codec = Codec::av1}, 10, 60, Samples::u16);
    expect("a.mov", {.codec = Codec::prores}, 10, 0, Samples::u16);
    expect("a.y4m", {}, 8, 0, Samples::u8);
    expect("frames/", {}, 8, 0, Samples::u8);
    expect("frames/%d.png", {.bits = 16}, 16, 0, Samples::u16);
    expect("frames/%d.exr", {}, 16, 0, Samples::f32);
    expect("frames/%d.EXR", {.bits = 32}, 32, 0, Samples::f32);
}

TEST(FilmFormat, WrongChoicesAreToldTheRightOnes) {
    const auto refused = [](const char* output, const VideoOptions& options, const std::vector<std::string>& says) {
        const std::string message = complaint([&] { film_format(output, options); });
        for (const std::string& part : says) EXPECT_TRUE(contains(message, part)) << message;
        EXPECT_FALSE(contains(message, "\n")) << message;
        EXPECT_FALSE(contains(message, "--")) << "not every front door has options: " << message;
    };
    refused("a.mp4", {.codec = Codec::prores}, {"codec prores", ".mp4", ".mov or .mkv"});
    refused("a.mov", {.codec = Codec::av1}, {"codec av1", ".mov", ".mp4 or .mkv"});
    refused("a.mp4", {.bits = 16}, {"bits 16", "h264 takes 8 or 10"});
    refused("a.mp4", {.bits = 0}, {"bits 0", "8 or 10"});
    refused("a.mov", {.codec = Codec::prores, .bits = 8}, {"bits 8", "prores takes 10"});
    refused("a.mov", {.crf = 20, .codec = Codec::prores}, {"crf 20", "HQ"});
    refused("a.mp4", {.crf = 52, .codec = Codec::hevc}, {"crf 52", "0 to 51 for hevc, from lossless"});
    refused("a.mp4", {.crf = 0, .codec = Codec::av1}, {"crf 0", "1 to 63"});
    refused("a.y4m", {.bits = 10}, {"bits 10", ".y4m takes 8"});
    refused("a.y4m", {.codec = Codec::hevc}, {"codec hevc", "a.y4m has no codec"});
    refused("a.y4m", {.crf = 3}, {"crf 3", "a.y4m is not compressed with loss"});
    refused("frames/", {.crf = 3}, {"crf 3", ".mp4, .mkv or .mov"});
    refused("frames/", {.bits = 10}, {"bits 10", "PNG takes 8 or 16"});
    refused("%d.exr", {.bits = 8}, {"bits 8", "16 or 32"});
    EXPECT_TRUE(contains(complaint([] { parse_codec("vp9"); }), "codec vp9: expected h264, hevc, av1 or prores"));
    EXPECT_EQ(parse_codec("prores"), Codec::prores);
}

TEST(FilmFormat, SmallestSidesDependOnTheCodec) {
    EXPECT_TRUE(contains(complaint([] { check_size({.codec = Codec::av1}, 62, 64); }), "64x64"));
    EXPECT_TRUE(contains(complaint([] { check_size({.codec = Codec::hevc}, 14, 64); }), "16x64"));
    EXPECT_NO_THROW(check_size({.codec = Codec::av1}, 64, 64));
    EXPECT_NO_THROW(check_size({.kind = OutputKind::exr}, 1, 3));
}

// Levels of 16 bits end where the floats do, and agree with those of 8 bits.
TEST(Samples, DeepFramesGiveTheSameEightBits) {
    Context ctx;
    Tensor rows = empty(ctx, {1, 1001, 3});
    for (int64_t i = 0; i < rows.numel(); ++i) rows.data<float>()[i] = static_cast<float>(i) / 1001 - 1.5f;
    Image deep(1001, 1, Samples::u16), floats(1001, 1, Samples::f32);
    copy_cropped_rows(deep, rows, 0, 1);
    copy_cropped_rows(floats, rows, 0, 1);
    const Image eight = in_8_bits(floats), from_deep = in_8_bits(deep);
    for (int64_t i = 0; i < rows.numel(); ++i) {
        const float value = rows.data<float>()[i];
        ASSERT_EQ(floats.row<float>(0)[i], value);
        ASSERT_EQ(eight.rgb[static_cast<size_t>(i)], quantize_u8(value));
        ASSERT_NEAR(from_deep.rgb[static_cast<size_t>(i)], quantize_u8(value), 1);
        const double exact = std::clamp((double(value) + 1) * 32767.5, 0.0, 65535.0);
        ASSERT_NEAR(deep.row<uint16_t>(0)[i], exact, 0.5);
    }
    ContactSheet sheet(1), plain(1);
    sheet.add(0, floats);
    plain.add(0, eight);
    EXPECT_TRUE(sheet.image() == plain.image());
    EXPECT_THROW(copy_cropped_rows(deep, empty(ctx, {1, 1001, 3}, DType::u8), 0, 1), Error);
}

}  // namespace
}  // namespace t3video::media
