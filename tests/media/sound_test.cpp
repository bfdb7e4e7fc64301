// Sound that goes from one file to another.
#include "media/sound.h"

#include "media/ffmpeg.h"
#include "media/frame_writer.h"
#include "media/input/film_reader.h"
#include "media/input/input_source.h"
#include "media_fixture.h"

namespace t3video::media {
namespace {

const std::filesystem::path kMedia = T3VIDEO_TEST_DATA "/media";

struct Track {
    AVCodecID codec = AV_CODEC_ID_NONE;
    double begin = 0, end = 0;  // seconds
    std::string bytes;
    int unheard = 0;  // samples at the beginning, and of Opus by its own header
    int unheard_by_opus = 0;
};

class SoundTest : public MediaTest {
  protected:
    // A film of `frames` frames at 10 a second with the sound of `input`.
    std::filesystem::path film(const std::string& name, const std::filesystem::path& input, int64_t frames) const {
        const auto writer = open_writer(folder() / name, 32, 32, 10, {.sound = input});
        for (int64_t i = 0; i < frames; ++i) writer->write(moving_picture(32, 32, i));
        writer->close();
        return folder() / name;
    }
    static Track track_of(const std::filesystem::path& file) {
        InputSource source(file);
        const InputPtr input = source.open(source.probe());
        check_av(avformat_find_stream_info(input.get(), nullptr), "streams");
        const int index = av_find_best_stream(input.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
        if (index < 0) return {};
        const AVStream& stream = *input->streams[index];
        Track track{.codec = stream.codecpar->codec_id, .begin = 1e9};
        track.unheard = stream.codecpar->initial_padding;
        if (track.codec == AV_CODEC_ID_OPUS && stream.codecpar->extradata_size >= 12)  // RFC 7845
            track.unheard_by_opus = stream.codecpar->extradata[10] + 256 * stream.codecpar->extradata[11];
        for (const PacketPtr packet = make_packet(); av_read_frame(input.get(), packet.get()) >= 0;
             av_packet_unref(packet.get())) {
            if (packet->stream_index != index) continue;
            const double unit = av_q2d(stream.time_base);
            track.begin = std::min(track.begin, static_cast<double>(packet->pts) * unit);
            track.end = static_cast<double>(packet->pts + packet->duration) * unit;
            track.bytes.append(reinterpret_cast<const char*>(packet->data), static_cast<size_t>(packet->size));
        }
        return track;
    }
};

// Packets are the same bytes, from the first frame to the end of the film.
TEST_F(SoundTest, IsCopiedAndTrimmed) {
    const Track given = track_of(kMedia / "sound.mp4");
    for (const char* name : {"a.mp4", "a.mov", "a.mkv"}) {
        ASSERT_TRUE(sound_obstacle(kMedia / "sound.mp4", name).empty()) << name;
        const auto path = film(name, kMedia / "sound.mp4", 5);
        const Track track = track_of(path);
        EXPECT_EQ(track.codec, AV_CODEC_ID_AAC) << name;
        EXPECT_NEAR(track.end, 0.5, 0.065) << name << ": a packet has 1024 samples of 16000 a second";
        EXPECT_NE(given.bytes.find(track.bytes), std::string::npos) << name;
        const auto frames = open_frames(path);
        int64_t count = 0;
        for (Image image; frames->read(image); ++count) EXPECT_GT(psnr(image, moving_picture(32, 32, count)), 28);
        EXPECT_EQ(count, 5) << name;
    }
    EXPECT_NEAR(track_of(film("long.mp4", kMedia / "sound.mp4", 30)).end, given.end, 0.065) << "no more than there is";
}

// The sound begins before the first picture: 0.2 seconds of 8000 bytes are left out, to the sample.
TEST_F(SoundTest, BeginsWithTheFirstFrame) {
    const Track given = track_of(kMedia / "sound.mkv");
    EXPECT_EQ(given.bytes.size(), 16000u);
    for (const char* name : {"a.mkv", "a.mov"}) {
        const Track track = track_of(film(name, kMedia / "sound.mkv", 5));
        EXPECT_EQ(track.codec, AV_CODEC_ID_PCM_U8) << name;
        EXPECT_NEAR(track.begin, 0, 0.001) << name;
        EXPECT_TRUE(track.bytes == given.bytes.substr(1600, 4000)) << name << ": " << track.bytes.size() << " bytes";
    }
}

// Decoders leave out so many samples of Opus' first packet, which goes before the first frame; the rest keeps its
// times.
TEST_F(SoundTest, UnheardSamplesGoWithTheirPacket) {
    const Track given = track_of(kMedia / "opus.mkv");
    ASSERT_EQ(given.unheard, 312);
    ASSERT_EQ(given.unheard_by_opus, 312);
    for (const auto& [input, from] : {std::pair("opus.mkv", 0.0), std::pair("opus-early.mkv", 0.2)}) {
        const Track track = track_of(film("a.mkv", kMedia / input, 30));
        EXPECT_TRUE(given.bytes.ends_with(track.bytes) && track.bytes.size() < given.bytes.size()) << input;
        EXPECT_EQ(track.unheard, 0) << input;
        EXPECT_EQ(track.unheard_by_opus, 0) << input;
        EXPECT_TRUE(track.begin >= 0 && track.begin < 0.02) << input << track.begin << ": packets are of 20 ms";
        EXPECT_NEAR(track.end, given.end - from, 0.0011) << input;
    }
}

TEST_F(SoundTest, SaysWhyThereIsNone) {
    const auto obstacle = [](const char* input, const char* output) {
        return sound_obstacle(kMedia / input, output).plain();
    };
    EXPECT_TRUE(contains(obstacle("gap.mp4", "a.mp4"), "gap.mp4 has none"));
    EXPECT_TRUE(contains(obstacle("sound.mp4", "a.y4m"), ".y4m"));
    EXPECT_TRUE(contains(obstacle("sound.mp4", "a/"), "pictures"));
    const std::string message = obstacle("sound.mkv", "a.mp4");
    EXPECT_TRUE(contains(message, ".mp4 files do not take pcm_u8") && contains(message, ".mkv files do")) << message;
    EXPECT_TRUE(contains(complaint([&] { obstacle("none.mp4", "a.mp4"); }), "none.mp4: no such file"));
}

}  // namespace
}  // namespace t3video::media
