// Videos written and read back: size, time, colours, quality, and what is left behind.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>

#include "media/ffmpeg.h"
#include "media/input/video_reader.h"
#include "media/video_writer.h"
#include "media_fixture.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

class VideoTest : public MediaTest {
  protected:
    // `frames` pictures of 448x256 through a writer.
    fs::path write_video(
        const std::string& name, FrameRate fps, int64_t frames = 17, const VideoOptions& options = {},
        const std::function<Image(int64_t)>& picture = [](int64_t i) { return moving_picture(448, 256, i); }) const {
        const fs::path path = folder() / name;
        VideoWriter writer(path, 448, 256, fps, options);
        for (int64_t i = 0; i < frames; ++i) writer.write(picture(i));
        EXPECT_FALSE(fs::exists(path));
        EXPECT_TRUE(fs::exists(partial_name(path)));
        writer.close();
        EXPECT_EQ(writer.frames(), frames);
        EXPECT_FALSE(fs::exists(partial_name(path)));
        return path;
    }
    static fs::path partial_name(const fs::path& path) { return path.string() + ".partial"; }
};

using Rgb = std::array<uint8_t, 3>;
constexpr std::array<Rgb, 8> kPatches = {
    {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}, {255, 255, 255}, {0, 0, 0}, {128, 128, 128}, {30, 90, 200}}};
constexpr int64_t kPatchWidth = 448 / 4, kPatchHeight = 256 / 2;

// Eight flat patches, four to a row.
Image patches() {
    Image image(448, 256);
    for (int64_t y = 0; y < image.height; ++y) {
        for (int64_t x = 0; x < image.width; ++x) {
            const auto patch = static_cast<size_t>(y / kPatchHeight * 4 + x / kPatchWidth);
            std::copy_n(kPatches[patch].data(), 3, image.pixel(x, y));
        }
    }
    return image;
}

// Mean over the inner part of a patch, 8 pixels off its edges, of value(x, y).
double patch_mean(size_t patch, const std::function<double(int64_t x, int64_t y)>& value) {
    const auto index = static_cast<int64_t>(patch);
    const int64_t left = index % 4 * kPatchWidth, top = index / 4 * kPatchHeight;
    double sum = 0;
    for (int64_t y = top + 8; y < top + kPatchHeight - 8; ++y) {
        for (int64_t x = left + 8; x < left + kPatchWidth - 8; ++x) sum += value(x, y);
    }
    return sum / static_cast<double>((kPatchWidth - 16) * (kPatchHeight - 16));
}

double mean_psnr(const Video& video) {
    double sum = 0;
    for (size_t i = 0; i < video.frames.size(); ++i) {
        sum += psnr(video.frames[i], moving_picture(448, 256, static_cast<int64_t>(i)));
    }
    return sum / static_cast<double>(video.frames.size());
}

// The first picture as it is coded, without this folder's colour conversion.
FramePtr first_coded_frame(const fs::path& path) {
    AVFormatContext* raw = nullptr;
    check_av(avformat_open_input(&raw, path.c_str(), nullptr, nullptr), "open");
    const InputPtr input(raw);
    const AVCodec* codec = avcodec_find_decoder(input->streams[0]->codecpar->codec_id);
    const CodecPtr decoder(avcodec_alloc_context3(codec));
    check_av(avcodec_parameters_to_context(decoder.get(), input->streams[0]->codecpar), "parameters");
    check_av(avcodec_open2(decoder.get(), codec, nullptr), "decoder");
    const PacketPtr packet = make_packet();
    FramePtr frame = make_frame();
    while (av_read_frame(input.get(), packet.get()) >= 0) {
        check_av(avcodec_send_packet(decoder.get(), packet.get()), "packet");
        av_packet_unref(packet.get());
        if (avcodec_receive_frame(decoder.get(), frame.get()) >= 0) return frame;
    }
    check_av(avcodec_send_packet(decoder.get(), nullptr), "end");
    check_av(avcodec_receive_frame(decoder.get(), frame.get()), "frame");
    return frame;
}

TEST_F(VideoTest, ReadsBackWhatWasWritten) {
    for (const char* name : {"a.mp4", "a.mkv", "a.mov", "B.MP4", "colon: 8%d.mp4"}) {
        SCOPED_TRACE(name);
        const Video video = read_video(write_video(name, 8));
        EXPECT_EQ(video.frames.size(), 17u);
        EXPECT_EQ(video.info.width, 448);
        EXPECT_EQ(video.info.height, 256);
        EXPECT_EQ(video.info.fps, FrameRate(8, 1));
        EXPECT_NEAR(video.info.duration, 17.0 / 8, 1e-3);
        EXPECT_EQ(video.info.codec, "h264");
        EXPECT_EQ(video.info.pixels, "yuv420p");
        EXPECT_EQ(video.info.tags, (ColorTags{"bt709", "bt709", "bt709", "tv"}));
        for (size_t i = 0; i < video.times.size(); ++i) EXPECT_NEAR(video.times[i], static_cast<double>(i) / 8, 1e-3);
        EXPECT_GT(mean_psnr(video), 30);
    }
}

TEST_F(VideoTest, BroadcastRatesAreExact) {
    const Video video = read_video(write_video("a.mp4", 23.976, 49));
    EXPECT_EQ(video.info.fps, FrameRate(24000, 1001));
    EXPECT_NEAR(video.info.duration, 49 * 1001.0 / 24000, 1e-9);
    ASSERT_EQ(video.times.size(), 49u);
    for (size_t i = 0; i < 49; ++i) EXPECT_NEAR(video.times[i], static_cast<double>(i) * 1001 / 24000, 1e-9);
}

TEST_F(VideoTest, OneFrameHasADuration) {
    const Video video = read_video(write_video("a.mp4", 16, 1));
    EXPECT_EQ(video.frames.size(), 1u);
    EXPECT_NEAR(video.info.duration, 1.0 / 16, 1e-9);
}

TEST_F(VideoTest, FlatColoursSurvive) {
    const Video video = read_video(write_video("a.mp4", 8, 17, {}, [](int64_t) { return patches(); }));
    for (const Image& image : {video.frames.front(), video.frames.back()}) {
        for (size_t patch = 0; patch < kPatches.size(); ++patch) {
            for (size_t c = 0; c < 3; ++c) {
                const double mean = patch_mean(patch, [&](int64_t x, int64_t y) { return image.pixel(x, y)[c]; });
                EXPECT_NEAR(mean, kPatches[patch][c], 3) << "patch " << patch << " channel " << c;
            }
        }
    }
}

// Y = 0.2126 R + 0.7152 G + 0.0722 B in 16..235; Cb = (B - Y) / 1.8556 and Cr = (R - Y) / 1.5748 in 16..240 around 128.
TEST_F(VideoTest, CodedLevelsAreBt709LimitedRange) {
    const FramePtr frame = first_coded_frame(write_video("a.mp4", 8, 2, {.crf = 1}, [](int64_t) { return patches(); }));
    ASSERT_EQ(frame->format, AV_PIX_FMT_YUV420P);
    for (size_t patch = 0; patch < kPatches.size(); ++patch) {
        const double r = kPatches[patch][0] / 255.0, g = kPatches[patch][1] / 255.0, b = kPatches[patch][2] / 255.0;
        const double luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        const double expected[3] = {16 + 219 * luma, 128 + 224 * (b - luma) / 1.8556, 128 + 224 * (r - luma) / 1.5748};
        for (int plane = 0; plane < 3; ++plane) {
            const int64_t shift = plane == 0 ? 0 : 1;
            const double mean = patch_mean(patch, [&](int64_t x, int64_t y) {
                return frame->data[plane][(y >> shift) * frame->linesize[plane] + (x >> shift)];
            });
            EXPECT_NEAR(mean, expected[plane], 1) << "patch " << patch << " plane " << plane;
        }
    }
}

// A ramp of blue from left to right: chroma sample i lies on pixel 2i, not between 2i and 2i + 1.
TEST_F(VideoTest, ChromaLiesOnTheLeft) {
    Image ramp(448, 256);
    for (int64_t y = 0; y < 256; ++y) {
        for (int64_t x = 0; x < 448; ++x) ramp.pixel(x, y)[2] = static_cast<uint8_t>(x / 2);
    }
    const auto picture = [&](int64_t) { return ramp; };
    const FramePtr frame = first_coded_frame(write_video("a.mp4", 8, 1, {.crf = 1}, picture));
    double difference = 0;  // in pixels: coded minus expected, over the slope of the ramp
    for (int64_t i = 8; i < 216; ++i) {
        const double blue = (static_cast<double>(2 * i) - 0.5) / 2;  // x / 2 rounded down: 1/4 less on average
        const double slope = 0.5 * 224 / 255 * (1 - 0.0722) / 0.9278;
        const double expected = 128 + 224 * (blue / 255) * (1 - 0.0722) / 1.8556;
        difference += (frame->data[1][100 * frame->linesize[1] + i] - expected) / (slope / 2) / 208;
    }
    EXPECT_NEAR(difference, 0, 0.2);  // 0.5 for chroma in the middle
    EXPECT_EQ(frame->chroma_location, AVCHROMA_LOC_LEFT);
}

TEST_F(VideoTest, QualityOptionTradesSizeForQuality) {
    const fs::path good = write_video("good.mp4", 8, 17, {.crf = 10}),
                   poor = write_video("poor.mp4", 8, 17, {.crf = 35});
    const double good_psnr = mean_psnr(read_video(good)), poor_psnr = mean_psnr(read_video(poor));
    EXPECT_GT(good_psnr, poor_psnr + 5) << good_psnr << " and " << poor_psnr;
    EXPECT_LT(2 * fs::file_size(poor), fs::file_size(good));
}

// Fresh memory is filled with another byte for each file, so that a read of uninitialised memory shows.
TEST_F(VideoTest, SameFramesGiveTheSameFile) {
    const auto bytes = [&](const std::string& name, int fill) {
        mallopt(M_PERTURB, fill);
        std::ifstream file(write_video(name, 8, 9), std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string first = bytes("a.mp4", 23), second = bytes("b.mp4", 85);
    mallopt(M_PERTURB, 0);
    EXPECT_TRUE(first == second);  // not EXPECT_EQ, which prints both files
}

TEST_F(VideoTest, IndexStandsBeforeTheFrames) {
    std::ifstream file(write_video("a.mp4", 8, 3), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    ASSERT_NE(bytes.find("moov"), std::string::npos);
    EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));
}

TEST_F(VideoTest, ManyFrames) {
    const fs::path path = folder() / "long.mp4";
    VideoWriter writer(path, 64, 64, 30, {.threads = 2});
    for (int64_t i = 0; i < 200; ++i) writer.write(moving_picture(64, 64, i));
    writer.close();
    VideoReader reader(path);
    Image image;
    int64_t count = 0;
    while (reader.read(image)) {
        EXPECT_NEAR(reader.time(), static_cast<double>(count) / 30, 1e-9);
        ++count;
    }
    EXPECT_EQ(count, 200);
    EXPECT_FALSE(reader.read(image));
}

TEST_F(VideoTest, SmallestSize) {
    const fs::path path = folder() / "small.mp4";
    VideoWriter writer(path, 2, 2, 8);
    writer.write(Image(2, 2));
    writer.close();
    EXPECT_EQ(read_video(path).info.width, 2);
}

TEST_F(VideoTest, OddSizesAreRefusedWithAnEvenOne) {
    const auto attempt = [&](int64_t width, int64_t height) {
        return complaint([&] { VideoWriter(folder() / "a.mp4", width, height, 8); });
    };
    EXPECT_TRUE(contains(attempt(447, 256), "447x256")) << attempt(447, 256);
    EXPECT_TRUE(contains(attempt(447, 256), "even")) << attempt(447, 256);
    EXPECT_TRUE(contains(attempt(447, 256), "448x256")) << attempt(447, 256);
    EXPECT_TRUE(contains(attempt(448, 255), "448x256")) << attempt(448, 255);
    EXPECT_TRUE(contains(attempt(0, 256), "2x256")) << attempt(0, 256);
    EXPECT_TRUE(contains(attempt(448, 16386), "448x16384")) << attempt(448, 16386);
    EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(VideoTest, OptionsOutOfRangeAreRefused) {
    const auto attempt = [&](const VideoOptions& options) {
        return complaint([&] { VideoWriter(folder() / "a.mp4", 64, 64, 8, options); });
    };
    EXPECT_TRUE(contains(attempt({.crf = 52}), "0 to 51"));
    EXPECT_TRUE(contains(attempt({.crf = -1}), "0 to 51"));
    EXPECT_TRUE(contains(attempt({.preset = "best"}), "medium"));
    EXPECT_TRUE(contains(attempt({.threads = -1}), "threads"));
}

TEST_F(VideoTest, PlacesAreCheckedBeforeWriting) {
    EXPECT_THROW(VideoWriter(folder() / "a.gif", 64, 64, 8), InvalidRequest);
    EXPECT_THROW(VideoWriter(folder() / "none" / "a.mp4", 64, 64, 8), InvalidRequest);
    EXPECT_THROW(VideoWriter("/proc/a.mp4", 64, 64, 8), InvalidRequest);
    EXPECT_THROW(VideoWriter(folder(), 64, 64, 8), InvalidRequest);
}

TEST_F(VideoTest, OpensByName) {
    for (const char* name : {"a.mp4", "a.mkv", "a.mov", "with space: and colon.mp4"}) {
        EXPECT_NO_THROW(check_output(folder() / name)) << name;
        const auto writer = open_writer(folder() / name, 64, 64, 8);
        writer->write(Image(64, 64));
        writer->close();
        EXPECT_EQ(read_video(folder() / name).info.codec, "h264");
    }
    EXPECT_TRUE(contains(complaint([&] { open_writer(folder() / "b.mp4", 63, 64, 8); }), "even"));
}

TEST_F(VideoTest, WithoutCloseNothingIsLeftAndTheOldFileStays) {
    const fs::path path = make_file("a.mp4", "older video");
    {
        VideoWriter writer(path, 64, 64, 8);
        for (int64_t i = 0; i < 80; ++i) writer.write(moving_picture(64, 64, i));
        EXPECT_EQ(files_in_folder(), 2u);
    }
    EXPECT_EQ(files_in_folder(), 1u);
    EXPECT_EQ(fs::file_size(path), 11u);
}

TEST_F(VideoTest, CloseReplacesTheOldFile) {
    make_file("a.mp4", "older video");
    make_file("a.mp4.partial", "left by a killed run");
    EXPECT_THROW(read_video(folder() / "a.mp4"), InvalidRequest);
    VideoWriter writer(folder() / "a.mp4", 64, 64, 8);
    writer.write(Image(64, 64));
    writer.close();
    writer.close();
    EXPECT_EQ(read_video(folder() / "a.mp4").frames.size(), 1u);
    EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(VideoTest, MisuseIsAnError) {
    VideoWriter writer(folder() / "a.mp4", 64, 64, 8);
    EXPECT_THROW(writer.close(), Error);  // no frame yet
    EXPECT_THROW(writer.write(Image(64, 66)), Error);
    Image torn(64, 64);
    torn.rgb.pop_back();
    EXPECT_THROW(writer.write(torn), Error);
    writer.write(Image(64, 64));
    writer.close();
    EXPECT_THROW(writer.write(Image(64, 64)), Error);
}

TEST_F(VideoTest, ReaderNamesBadFiles) {
    EXPECT_TRUE(contains(complaint([&] { read_video(folder() / "none.mp4"); }), "none.mp4: no such file"));
    EXPECT_TRUE(contains(complaint([&] { read_video(folder()); }), "is a folder"));
    const fs::path text = make_file("text.mp4");
    EXPECT_TRUE(contains(complaint([&] { read_video(text); }), "text.mp4: not a video or image file"));
    const fs::path cut = write_video("cut.mp4", 8);
    fs::resize_file(cut, fs::file_size(cut) / 2);
    EXPECT_TRUE(contains(complaint([&] { read_video(cut); }), "cut.mp4"));
}

}  // namespace
}  // namespace t3video::media
