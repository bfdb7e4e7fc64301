// What a film is written as: container by the name of the output, codec, bits and quality by choice.
//
//   film.mp4, .mkv, .mov   h264 (8 or 10 bits), hevc, av1 (10 or 8 bits), prores (10 bits), as FFmpeg has them
//   film.y4m               uncompressed YUV4MPEG2, 8 bits
//   frames/                one PNG per frame, frames/00000.png and so on, 8 or 16 bits; also any folder that exists
//   frames/shot-%03d.png   the same by a pattern
//   frames/%05d.exr        one OpenEXR file per frame by a pattern, of 16-bit or 32-bit floats
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "media/frame.h"

namespace t3video::media {

enum class Codec { h264, hevc, av1, prores };

std::string_view name_of(Codec codec);  // "h264", "hevc", "av1", "prores"
// Throws InvalidRequest for other names.
Codec parse_codec(const std::string& name);

struct VideoOptions {
    // Quality from 0 (lossless; av1: from 1) to 51 (av1: 63, worst). Unset: 18 for h264, 20 for hevc, 25 for av1, which
    // are hard to tell from the source. ProRes has none: its HQ profile decides.
    std::optional<int> crf = {};
    std::string preset = "medium";     // x264's trade of time for size, ultrafast to placebo; the others have the like
    int threads = 0;                   // 0: one per core
    std::optional<Codec> codec = {};   // of .mp4, .mkv and .mov; unset: h264
    std::optional<int> bits = {};      // per channel; unset: the first of those above, of floats 16
    std::string comment = {};          // ASCII text stored in the file, or in every picture; y4m cannot
    std::filesystem::path sound = {};  // of .mp4, .mkv and .mov: a video whose sound they get; media/sound.h
    std::string owner = {};            // part of the names of files that are being written: core/output_file.h
};

// ".mp4" of "Film.MP4": in lower case, with the dot.
std::string extension_of(const std::filesystem::path& path);

enum class OutputKind { video, y4m, pictures, exr };

// By the name, and by what exists under it. Throws InvalidRequest for a name that is none of them.
OutputKind output_kind(const std::filesystem::path& output);

// Choices with the defaults filled in.
struct FilmFormat {
    OutputKind kind = OutputKind::video;
    Codec codec = Codec::h264;      // of kind video
    int bits = 8, crf = 18;         // crf of h264, hevc and av1
    Samples samples = Samples::u8;  // what the writer takes
};

// Throws InvalidRequest for choices out of range or that do not go together.
FilmFormat film_format(const std::filesystem::path& output, const VideoOptions& options);

// Memory that a film's encoder takes beside the frames it holds: tables, and the stacks of its threads. Measured with
// x265 3.5 and SVT-AV1 1.4, which starts some 70 threads.
int64_t encoder_bytes(const FilmFormat& format);

// Throws InvalidRequest for sides that the format does not take: codecs want even ones from 2 (hevc 16, av1 64) to
// 16384, the others 1 to 16384.
void check_size(const FilmFormat& format, int64_t width, int64_t height);

}  // namespace t3video::media
