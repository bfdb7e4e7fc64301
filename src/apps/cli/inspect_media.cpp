// Pictures, videos and folders of pictures.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "apps/cli/clip_folder.h"
#include "apps/cli/inspect.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/paths.h"
#include "job/film_record.h"
#include "media/film_comment.h"
#include "media/film_format.h"
#include "media/input/film_reader.h"
#include "media/sound.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;
using media::extension_of;
using namespace std::string_view_literals;

struct Mark {
    const char* kind;
    std::string_view bytes;
    size_t at = 0;
    std::string_view then = {};  // and these at `then_at`
    size_t then_at = 0;
};

// From the formats' own specifications.
constexpr Mark kMarks[] = {
    {"Picture (PNG)", "\x89PNG\r\n\x1a\n"sv},
    {"Picture (JPEG)", "\xff\xd8\xff"sv},
    {"Picture (GIF)", "GIF8"sv},
    {"Picture (WebP)", "RIFF"sv, 0, "WEBP"sv, 8},
    {"Picture (TIFF)", "II*\0"sv},
    {"Picture (TIFF)", "MM\0*"sv},
    {"Picture (JPEG 2000)", "\0\0\0\x0cjP  "sv},
    {"Picture (JPEG 2000)", "\xff\x4f\xff\x51"sv},
    {"Picture (JPEG XL)", "\0\0\0\x0cJXL "sv},
    {"Picture (JPEG XL)", "\xff\x0a"sv},
    {"Picture (QOI)", "qoif"sv},
    {"Picture (SGI)", "\x01\xda"sv},
    {"Picture (DDS)", "DDS "sv},
    {"Picture (BMP)", "BM"sv, 0, "\0\0\0\0"sv, 6},
    {"Picture (OpenEXR)", "\x76\x2f\x31\x01"sv},
    {"Picture (AVIF)", "ftypavif"sv, 4},
    {"Picture (AVIF)", "ftypavis"sv, 4},
    {"Picture (HEIC)", "ftyphei"sv, 4},
    {"Picture (HEIC)", "ftyphev"sv, 4},
    {"Picture (HEIC)", "ftypmif1"sv, 4},
    {"Picture (HEIC)", "ftypmsf1"sv, 4},
    {"Video (MOV)", "ftypqt"sv, 4},
    {"Video (MP4)", "ftyp"sv, 4},
    {"Video (MOV)", "moov"sv, 4},
    {"Video (MOV)", "wide"sv, 4},
    {"Video (MOV)", "mdat"sv, 4},
    {"Video (MKV or WebM)", "\x1a\x45\xdf\xa3"sv},
    {"Video (AVI)", "RIFF"sv, 0, "AVI "sv, 8},
    {"Video (FLV)", "FLV\x01"sv},
    {"Video (WMV)", "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv},
    {"Video (Ogg)", "OggS"sv},
    {"Video (MPEG)", "\0\0\x01\xba"sv},
    {"Video (MPEG)", "\0\0\x01\xb3"sv},
    {"Video (MPEG-TS)", "\x47"sv, 0, "\x47"sv, 188},
    {"Video (MPEG-TS)", "\x47"sv, 4, "\x47"sv, 196},
    {"Video (DV)", "\x1f\x07\0"sv},
    {"Video (y4m)", "YUV4MPEG2"sv},
    {"Sound (WAV)", "RIFF"sv, 0, "WAVE"sv, 8},
    {"Sound (MP3)", "ID3"sv},
    {"Sound (FLAC)", "fLaC"sv},
};

// TGA has no mark in front; newer files have one at the end, others can only be told by a header without
// contradictions in a file of that name.
bool is_tga(const fs::path& path, const std::string& head, InputFile& file) {
    constexpr std::string_view kFooter = "TRUEVISION-XFILE."sv;
    if (file.bytes() > 44) {
        file.seek(file.bytes() - 18);
        if (file.read(17) == kFooter) return true;
    }
    return extension_of(path) == ".tga" && head.size() >= 18 && static_cast<uint8_t>(head[1]) <= 1 &&
           "\x01\x02\x03\x09\x0a\x0b"sv.find(head[2]) != std::string_view::npos;
}

bool is_picture(const std::string& kind) {
    return kind.starts_with("Picture");
}

std::string turned_text(const media::Orientation& orientation) {
    if (orientation.is_plain()) return "";
    return orientation.transposed ? ", turned on its side in the file" : ", turned or mirrored in the file";
}

void print_record(const fs::path& path, const std::string& comment) {
    if (const auto clip = parse_clip_record(comment)) {
        row("Made", fmt::format("by t3video make-clips, clip {}: {}", clip->index, clip->caption));
        for (const std::string& option : clip->options) row("", option);
        return;
    }
    const auto record = job::parse_film_record(comment);
    if (!record) return row("Made", "unknown: the file does not say how");
    row("Made", fmt::format("by t3video {} on {} in {}", record->version, record->device, record->dtype));
    if (!record->computed.empty()) row("computed", record->computed);
    for (const auto* options : {&record->options, &record->format}) {
        for (const auto& [name, values] : *options) {
            for (const std::string& value : values) row("", fmt::format("--{} {}", name, value));
        }
    }
    row("Again", fmt::format("t3video generate --like {}", path.string()));
}

// The file's own header where it has one that is read here, else FFmpeg's view of it.
media::VideoInfo info_of(const fs::path& path, const std::string& kind) {
    const std::string extension = extension_of(path);
    const bool own =
        (kind == "Picture (PNG)" && extension == ".png") || (kind == "Picture (OpenEXR)" && extension == ".exr");
    return own ? media::read_film_info(path) : media::read_video_info(path);
}

// FFmpeg gives GIFs and CMYK JPEGs a fourth channel whatever they hold.
bool may_have_alpha(const std::string& kind) {
    return kind != "Picture (JPEG)" && kind != "Picture (GIF)";
}

bool has_alpha(const std::string& pixels) {
    return pixels.ends_with("alpha") || pixels.find("rgba") != std::string::npos ||
           pixels.find("yuva") != std::string::npos || pixels.find("bgra") != std::string::npos ||
           pixels.find("gbrap") != std::string::npos || pixels.find("argb") != std::string::npos ||
           pixels.starts_with("ya");
}

std::vector<fs::path> pictures_in(const fs::path& folder) {
    std::vector<fs::path> pictures = entries_of(folder);
    std::erase_if(pictures, [](const fs::path& entry) {
        return entry.filename().string().starts_with('.') || !is_file(entry) || extension_of(entry) != ".png";
    });
    return pictures;
}

void print_shown(const media::FrameReader& reader, const std::string& details) {
    const std::string aspect =
        reader.pixel_aspect() == 1 ? "" : fmt::format(", pixels {:.4g} times as wide as high", reader.pixel_aspect());
    row("", fmt::format("{}x{}{}{}", reader.width(), reader.height(), aspect, details));
}

}  // namespace

std::string media_kind(const fs::path& path) {
    InputFile file(path, "a picture or video");
    const std::string head = file.read(512);
    const auto has = [&](std::string_view bytes, size_t at) {
        return head.size() >= at && std::string_view(head).substr(at).starts_with(bytes);
    };
    for (const Mark& mark : kMarks) {
        if (has(mark.bytes, mark.at) && has(mark.then, mark.then_at)) return mark.kind;
    }
    return is_tga(path, head, file) ? "Picture (TGA)" : "";
}

bool is_picture_folder(const fs::path& folder) {
    return media::is_film(folder) || !pictures_in(folder).empty();
}

void inspect_media(const fs::path& path) {
    if (is_folder(path)) {
        row("Pictures", path.string());
        if (media::is_film(path)) {
            const media::VideoInfo info = media::read_film_info(path);
            row("", fmt::format("{} PNGs; the first is {}x{}, {} {}", pictures_in(path).size(), info.width, info.height,
                                info.codec, info.pixels));
            return print_record(path, info.comment);
        }
        const auto reader = media::open_frames(path);
        return print_shown(
            *reader, fmt::format(", {} PNGs, in the order of the numbers in their names", pictures_in(path).size()));
    }
    const std::string kind = media_kind(path);
    const bool picture = is_picture(kind);
    require_valid(kind != "Picture (TGA)", path.string(),
                  ": is a picture (TGA), which is not read; save it as PNG or TIFF");
    require_valid(kind != "Picture (JPEG XL)", path.string(),
                  ": is a picture (JPEG XL), which is not read; save it as PNG or TIFF");
    require_valid(!kind.starts_with("Sound"), path.string(), ": is sound alone, which no film is made from");
    if (kind == "Picture (OpenEXR)") {
        const media::VideoInfo info = info_of(path, kind);
        row("Picture", path.string());
        row("", fmt::format("{}x{}, {} {}", info.width, info.height, info.codec, info.pixels));
        return print_record(path, info.comment);
    }
    // As an input it is refused in the reader's words, which name what is wrong.
    const auto reader = picture ? media::open_picture(path) : media::open_frames(path);
    const media::VideoInfo info = info_of(path, kind);
    const bool ours = job::parse_film_record(info.comment).has_value();
    row(picture ? "Picture" : ours ? "Film" : "Video", path.string());
    const bool timed = !picture && info.duration > 0 && info.fps;
    print_shown(*reader,
                fmt::format(", {} {}{}{}{}", info.codec, info.pixels,
                            may_have_alpha(kind) && has_alpha(info.pixels) ? ", alpha channel" : "",
                            timed ? fmt::format(", {:.5g} fps, {:.2f} s", info.fps->value(), info.duration) : "",
                            turned_text(info.orientation)));
    if (info.tags.matrix != "unknown")
        row("Colours", fmt::format("{}, {}, {}, range {}", info.tags.primaries, info.tags.transfer, info.tags.matrix,
                                   info.tags.range));
    if (!picture && extension_of(path) != ".y4m") {
        const Message obstacle = media::sound_obstacle(path, "film.mkv");
        row("Sound", obstacle.empty() ? "yes" : "not for a film: " + obstacle.in(command_line()));
    }
    print_record(path, info.comment);
}

}  // namespace t3video::apps
