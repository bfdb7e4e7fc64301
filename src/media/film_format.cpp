// Formats by name, and what goes with what.
#include "media/film_format.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "core/paths.h"

namespace t3video::media {

namespace fs = std::filesystem;

namespace {

struct CodecFacts {
    std::string_view name;
    std::array<std::string_view, 3> containers;  // empty after the last
    std::array<int, 2> bits;                     // the default first; 0 after the last
    int crf, best_crf, worst_crf;
    int64_t smallest_side;
};

// In the order of Codec.
constexpr std::array<CodecFacts, 4> kCodecs = {{
    {"h264", {".mp4", ".mkv", ".mov"}, {8, 10}, 18, 0, 51, 2},
    {"hevc", {".mp4", ".mkv", ".mov"}, {10, 8}, 20, 0, 51, 16},
    {"av1", {".mp4", ".mkv"}, {10, 8}, 25, 1, 63, 64},  // SVT-AV1's smallest side
    {"prores", {".mov", ".mkv"}, {10}, 0, 0, 0, 2},
}};

const CodecFacts& facts(Codec codec) {
    return kCodecs[static_cast<size_t>(codec)];
}

constexpr std::array<Codec, 4> kAllCodecs = {Codec::h264, Codec::hevc, Codec::av1, Codec::prores};
constexpr int64_t kLargestSide = 16384;

// "8 or 10" of the entries that are not empty.
template <class T, size_t n>
std::string joined(const std::array<T, n>& list) {
    const auto count = static_cast<size_t>(std::ranges::find(list, T{}) - list.begin());
    std::string text;
    for (size_t i = 0; i < count; ++i) text += concat(i == 0 ? "" : i + 1 < count ? ", " : " or ", list[i]);
    return text;
}

int choose_bits(const std::optional<int>& asked, const std::array<int, 2>& known, std::string_view what) {
    const int bits = asked.value_or(known.front());
    require_valid(bits != 0 && std::ranges::find(known, bits) != known.end(), Field("bits", bits), ": ", what,
                  " takes ", joined(known));
    return bits;
}

int choose_crf(const VideoOptions& options, Codec codec) {
    const CodecFacts& f = facts(codec);
    const int crf = options.crf.value_or(f.crf);
    require_valid(codec != Codec::prores || !options.crf, Field("crf", crf),
                  ": prores has no such quality; its HQ profile decides");
    require_valid(crf >= f.best_crf && crf <= f.worst_crf, Field("crf", crf), ": expected ", f.best_crf, " to ",
                  f.worst_crf, " for ", f.name, ", from ", f.best_crf == 0 ? "lossless" : "best", " to worst");
    return crf;
}

}  // namespace

std::string_view name_of(Codec codec) {
    return facts(codec).name;
}

Codec parse_codec(const std::string& name) {
    for (const Codec codec : kAllCodecs) {
        if (name_of(codec) == name) return codec;
    }
    throw InvalidRequest(Message(Field("codec", name), ": expected h264, hevc, av1 or prores"));
}

std::string extension_of(const fs::path& path) {
    std::string extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

OutputKind output_kind(const fs::path& output) {
    require_valid(!output.empty(), "no output given; expected a file such as film.mp4 or a folder such as frames/");
    const std::string extension = extension_of(output);
    if (!output.has_filename() || extension == ".png") return OutputKind::pictures;
    if (extension == ".exr") return OutputKind::exr;
    if (extension == ".y4m") return OutputKind::y4m;
    for (const char* known : {".mp4", ".mkv", ".mov"}) {
        if (extension == known) return OutputKind::video;
    }
    if (is_folder(output)) return OutputKind::pictures;
    throw InvalidRequest(concat(output.string(), ": ",
                                extension.empty() ? "no extension" : "unknown extension '" + extension + "'",
                                "; expected .mp4, .mkv or .mov, .y4m (uncompressed), for PNGs a folder that exists or ",
                                "ends in /, or a pattern such as %05d.exr; for one picture .png or .exr"));
}

FilmFormat film_format(const fs::path& output, const VideoOptions& options) {
    require_valid(options.threads >= 0, "video threads ", options.threads, ": expected 0 (one per core) or more");
    FilmFormat format{.kind = output_kind(output)};
    const std::string extension = extension_of(output);
    if (format.kind == OutputKind::video) {
        format.codec = options.codec.value_or(Codec::h264);
        const CodecFacts& f = facts(format.codec);
        require_valid(std::ranges::find(f.containers, extension) != f.containers.end(), Field("codec", f.name),
                      ": not in ", extension, " files; write ", joined(f.containers));
        format.bits = choose_bits(options.bits, f.bits, f.name);
        format.crf = choose_crf(options, format.codec);
    } else {
        require_valid(!options.codec, Field("codec", options.codec ? name_of(*options.codec) : ""), ": ",
                      output.string(), " has no codec; write .mp4, .mkv or .mov");
        require_valid(!options.crf, Field("crf", options.crf.value_or(0)), ": ", output.string(),
                      " is not compressed with loss; write .mp4, .mkv or .mov");
        format.bits = format.kind == OutputKind::pictures ? choose_bits(options.bits, {8, 16}, "PNG")
                      : format.kind == OutputKind::exr    ? choose_bits(options.bits, {16, 32}, "EXR (floats)")
                                                          : choose_bits(options.bits, {8, 0}, ".y4m");
    }
    format.samples = format.kind == OutputKind::exr ? Samples::f32 : format.bits > 8 ? Samples::u16 : Samples::u8;
    return format;
}

int64_t encoder_bytes(const FilmFormat& format) {
    if (format.kind != OutputKind::video) return 0;
    return (format.codec == Codec::av1 ? int64_t{240} : format.codec == Codec::hevc ? 64 : 0) << 20;
}

void check_size(const FilmFormat& format, int64_t width, int64_t height) {
    if (format.kind != OutputKind::video) {
        require_valid(std::min(width, height) >= 1 && std::max(width, height) <= kLargestSide, "picture size ", width,
                      "x", height, ": both sides must be from 1 to ", kLargestSide);
        return;
    }
    const CodecFacts& f = facts(format.codec);
    const auto fits = [&](int64_t side) { return side >= f.smallest_side && side <= kLargestSide && side % 2 == 0; };
    const auto nearest = [&](int64_t side) { return std::clamp(side + side % 2, f.smallest_side, kLargestSide); };
    require_valid(fits(width) && fits(height), "video size ", width, "x", height, ": both sides must be even and from ",
                  f.smallest_side, " to ", kLargestSide, " for ", f.name, ", such as ", nearest(width), "x",
                  nearest(height));
}

}  // namespace t3video::media
