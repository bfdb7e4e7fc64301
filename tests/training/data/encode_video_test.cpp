// Videos to shards: the frames that a player shows, and the same bytes from every form of list.
#include <cmath>

#include "media/frame_writer.h"
#include "media/input/film_reader.h"
#include "media/resize.h"
#include "support/encoding.h"

namespace t3video::training {
namespace {

using namespace testing;
namespace fs = std::filesystem;

const fs::path kMedia = T3VIDEO_TEST_DATA "/media";

// The place of an MP4's display matrix (ISO/IEC 14496-12, tkhd of version 0) and of its pixel aspect.
constexpr size_t kMatrixBehindName = 44;

class EncodeVideo : public EncodingTest {
  protected:
    fs::path film(const fs::path& name, int64_t width, int64_t height, int64_t frames, double fps) const {
        fs::create_directories((folder_ / name.string()).parent_path());
        const auto writer = media::open_writer(folder_ / name.string(), width, height, fps);
        for (int64_t i = 0; i < frames; ++i) {
            media::Image image(width, height);
            for (int64_t y = 0; y < height; ++y) {
                for (int64_t x = 0; x < width; ++x) {
                    uint8_t* pixel = image.pixel(x, y);
                    pixel[0] = static_cast<uint8_t>(x * 4);
                    pixel[1] = static_cast<uint8_t>(y * 5);
                    pixel[2] = static_cast<uint8_t>(20 * i);
                }
            }
            writer->write(image);
        }
        writer->close();
        return folder_ / name.string();
    }
    fs::path patched(const fs::path& file, const std::string& name, size_t at, const std::string& bytes) const {
        std::string text = read_file(file);
        text.replace(at, bytes.size(), bytes);
        return write_file(folder_ / name, text);
    }
    // The latent of the first frames that a player shows, covering the size, all at once.
    Tensor expected(const fs::path& file, Size size, int64_t frames, double fps) {
        const auto reader = media::open_frames(file);
        reader->sample_at(fps);
        const media::Fitting fitting = media::covering(reader->width(), reader->height(), size.width, size.height,
                                                       media::Filter::lanczos, reader->pixel_aspect());
        Tensor video = empty_on_host({frames, size.height, size.width, 3});
        float* out = video.data<float>();
        for (int64_t i = 0; i < frames; ++i) {
            media::Image image;
            EXPECT_TRUE(reader->read(image)) << file << " ends at " << i;
            media::Resizer resizer(fitting, 1, [&](int64_t, const uint8_t* row) {
                for (int64_t x = 0; x < size.width * 3; ++x) *out++ = static_cast<float>(row[x]) / 127.5f - 1;
            });
            for (int64_t y = 0; y < image.height; ++y) resizer.add(image.row<uint8_t>(y));
        }
        return nn::resident(ctx_, networks_->vae).encode(ctx_, video);
    }
};

TEST_F(EncodeVideo, LatentsAreOfTheFramesThatAPlayerShows) {
    const fs::path plain = film("plain.mp4", 64, 48, 9, 8);
    const std::string bytes = read_file(plain);
    const std::string quarter_turn("\0\0\0\0\0\1\0\0\0\0\0\0\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0",
                                   36);
    const fs::path turned = patched(plain, "turned.mp4", bytes.find("tkhd") + kMatrixBehindName, quarter_turn);
    const fs::path wide = patched(plain, "wide.mp4", bytes.find("pasp") + 4, std::string("\0\0\0\2\0\0\0\1", 8));
    ASSERT_EQ(media::open_frames(turned)->width(), 48);
    ASSERT_EQ(media::open_frames(wide)->pixel_aspect(), 2);
    const fs::path gap = kMedia / "gap.mp4", pq = kMedia / "smpte2084.mp4", hlg = kMedia / "arib-std-b67.mp4";

    for (const auto& [file, frames, fps] : {std::tuple(plain, 9, 8.0),
                                            {turned, 5, 8.0},
                                            {wide, 5, 8.0},
                                            {plain, 5, 4.0},
                                            {plain, 17, 16.0},
                                            {gap, 13, 10.0},
                                            {gap, 5, 5.0},
                                            {pq, 1, 8.0},
                                            {hlg, 1, 8.0}}) {
        SCOPED_TRACE(concat(file.filename(), ' ', frames, ' ', fps));
        write_file(folder_ / "list.json", concat(R"([{"video": ")", file.string(), R"(", "prompt": "x"}])"));
        EncodeOptions o = options("out");
        o.choices.settings = {.target_frames = {frames}, .resolutions = {{48, 32}}};
        o.choices.fps = fps;
        ASSERT_EQ(encode(read("list.json"), o).windows, 1);
        const EncodedClip clip = ShardSet(folder_ / "out").clip(0);
        const Tensor reference = expected(file, {48, 32}, frames, fps);
        ASSERT_EQ(clip.latents.shape(), reference.shape());
        for (int64_t i = 0; i < reference.numel(); ++i)
            ASSERT_NEAR(clip.latents.span<float>()[size_t(i)], reference.span<float>()[size_t(i)], 1e-5);
        EXPECT_EQ(clip.notes.fps, fps);
        fs::remove_all(folder_ / "out");
    }
}

TEST_F(EncodeVideo, EveryFrameIsOfTheFilesRate) {
    const fs::path file = film("plain.mp4", 32, 32, 9, 25);
    write_file(folder_ / "list.json", R"([{"video": "plain.mp4", "prompt": "x"}])");
    EncodeOptions o = options("out");
    o.choices.settings.target_frames = {9};
    expect_invalid([&] { encode(read("list.json"), o); }, {"1 too short"});
    EXPECT_NE(listener_->lines.at(0).find("has 3 frames at 8 frames per second"), std::string::npos);
    o.choices.every_frame = true;
    EXPECT_EQ(encode(read("list.json"), o).windows, 1);
    EXPECT_EQ(ShardSet(folder_ / "out").notes(0).fps, 25);
}

// The forms of lists that trainers have, with the same clips in them.
TEST_F(EncodeVideo, EveryFormOfListGivesTheSameBytes) {
    film("videos/a.mp4", 64, 48, 9, 8);
    film("videos/b.mp4", 48, 64, 6, 8);
    const std::string a = "A red ball, \"fast\".", b = "Ein grüner Würfel; 水.";
    const std::string json_a = R"("A red ball, \"fast\".")", json_b = concat('"', b, '"');
    for (const auto& [name, text] : {std::pair("a.txt", a), {"b.txt", b}}) write_file(folder_ / "videos" / name, text);
    const auto records = [&](const char* path, const char* caption, const char* before, const char* between) {
        return concat("{\"", path, "\": \"", before, "a.mp4\", \"", caption, "\": ", json_a, "}", between, "{\"", path,
                      "\": \"", before, "b.mp4\", \"", caption, "\": ", json_b, "}");
    };
    const std::string csv =
        concat("video,prompt\r\nvideos/a.mp4,\"A red ball, \"\"fast\"\".\"\r\nvideos/b.mp4,", b, "\r\n");
    const std::pair<const char*, std::string> forms[] = {
        {"t3.json", "[" + records("data_file", "prompt_en", "videos/", ", ") + "]"},
        {"t3.jsonl", records("data_file", "prompt_en", "videos/", "\n")},
        {"metadata.csv", csv},
        {"diffsynth.json", "[" + records("video", "prompt", "videos/", ", ") + "]"},
        {"musubi.toml",
         "[general]\nresolution = [32, 32]\ncaption_extension = \".txt\"\nbatch_size = 1\n"
         "[[datasets]]\nvideo_directory = \"videos\"\ntarget_frames = [5]\nframe_extraction = \"head\"\n"},
        {"musubi.jsonl", records("video_path", "caption", "videos/", "\n")},
        {"musubi2.toml",
         "[[datasets]]\nvideo_jsonl_file = \"musubi.jsonl\"\nresolution = [32, 32]\ntarget_frames = [5]\n"},
        {"pipe.toml", "resolutions = [32]\nframe_buckets = [5]\n[[directory]]\npath = \"videos\"\n"},
        {"videos", ""},
        {"videos2caption.json", concat("[{\"path\": \"a.mp4\", \"cap\": [", json_a, "], \"fps\": 8}, ",
                                       "{\"path\": \"b.mp4\", \"cap\": [", json_b, "]}]")},
        {"lightx2v.jsonl", records("video", "caption", "videos/", "\n")}};
    std::string expected;
    for (const auto& [name, text] : forms) {
        SCOPED_TRACE(name);
        if (!text.empty()) write_file(folder_ / name, text);
        EncodeOptions o = options("out");
        o.shard_bytes = size_t{1} << 20;
        const DataSet set = read(name);
        EXPECT_EQ(problems_of(set), std::vector<std::string>());
        ASSERT_EQ(encode(set, o).done, 2);
        const std::string bytes = read_file(folder_ / "out/00000.safetensors");
        if (expected.empty()) expected = bytes;
        EXPECT_TRUE(bytes == expected);
        fs::remove_all(folder_ / "out");
    }
    EXPECT_GT(expected.size(), 1000u);
}

}  // namespace
}  // namespace t3video::training
