// Chooses a writer by the output's name.
#include "media/frame_writer.h"

#include <algorithm>

#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "media/picture_writer.h"
#include "media/video_writer.h"
#include "media/y4m_writer.h"

namespace t3video::media {

namespace fs = std::filesystem;

namespace {

bool names_folder(const fs::path& output) {
    return (!output.empty() && !output.has_filename()) || is_folder(output);
}

bool is_pictures(const fs::path& output) {
    const OutputKind kind = output_kind(output);
    return kind == OutputKind::pictures || kind == OutputKind::exr;
}

// A folder under its own name: "." has none.
fs::path named_folder(const fs::path& folder) {
    fs::path name =
        folder.filename() == "." || folder.filename() == ".." ? absolute_path(folder).lexically_normal() : folder;
    return name.has_filename() || name == name.root_path() ? name : name.parent_path();
}

void require_video_support(const fs::path& output) {
    require_valid(has_video_support(), output.string(), ": this build has no FFmpeg; write ",
                  fs::path(output).replace_extension(".y4m").string(), " or a folder of PNGs (",
                  fs::path(output).replace_extension().string(), "/)");
}

}  // namespace

fs::path default_output() {
    return has_video_support() ? "output.mp4" : "output.y4m";
}

void check_output(const fs::path& output, const VideoOptions& options) {
    const FilmFormat format = film_format(output, options);
    switch (format.kind) {
        case OutputKind::video:
            require_video_support(output);
            check_encoder(format);
            return check_writable(output);
        case OutputKind::y4m:
            return check_writable(output);
        case OutputKind::pictures:
        case OutputKind::exr:
            return check_pictures(PictureNames(output));
    }
}

void check_film(const fs::path& output, int64_t width, int64_t height, FrameRate fps, const VideoOptions& options) {
    const FilmFormat format = film_format(output, options);
    check_size(format, width, height);
    if (format.kind != OutputKind::video) return;
    require_video_support(output);
    check_video(output, width, height, fps, options);
}

bool is_one_picture(const fs::path& output) {
    return is_pictures(output) && PictureNames(output).single;
}

bool output_exists(const fs::path& output) {
    return is_file(is_pictures(output) ? PictureNames(output).name(0) : output);
}

std::vector<OutputEntry> entries_of_output(const fs::path& output) {
    std::vector<OutputEntry> entries;
    if (!is_pictures(output)) {
        if (name_exists(output)) entries.push_back({0, output});
        return entries;
    }
    const PictureNames names(output);
    const fs::path folder = names.folder.empty() ? fs::path(".") : names.folder;
    if (!is_folder(folder)) return entries;
    for (const fs::path& path : t3video::entries_of(folder)) {
        if (const auto frame = names.frame_of(path.filename().string()))
            entries.push_back({*frame, names.name(*frame)});
    }
    std::ranges::sort(entries, {}, &OutputEntry::frame);
    return entries;
}

fs::path folder_of(const fs::path& output) {
    return is_pictures(output) ? PictureNames(output).folder : output.parent_path();
}

fs::path beside_output(const fs::path& output, const std::string& ending) {
    fs::path base;
    if (!is_pictures(output) || is_one_picture(output)) {
        base = fs::path(output).replace_extension();
    } else if (names_folder(output)) {
        base = named_folder(output.has_filename() ? output : output.parent_path());
    } else {
        const PictureNames names(output.lexically_normal());
        std::string text = names.before + names.after.substr(0, names.after.size() - 4);  // without .png or .exr
        while (!text.empty() && std::string_view("-_. ").find(text.back()) != std::string_view::npos) text.pop_back();
        base = !names.folder.empty() ? named_folder(names.folder) : fs::path(text.empty() ? "frames" : text);
    }
    return base += ending;
}

std::unique_ptr<FrameWriter> open_writer(const fs::path& output, int64_t width, int64_t height, FrameRate fps,
                                         const VideoOptions& options) {
    const FilmFormat format = film_format(output, options);
    check_size(format, width, height);
    switch (format.kind) {
        case OutputKind::video:
            require_video_support(output);
            return open_video(output, width, height, fps, options);
        case OutputKind::y4m:
            return std::make_unique<Y4mWriter>(output, width, height, fps, options.threads, options.owner);
        case OutputKind::pictures:
        case OutputKind::exr:
            break;
    }
    return std::make_unique<PictureWriter>(
        PictureNames(output), width, height,
        PictureOptions{
            .bits = format.bits, .comment = options.comment, .threads = options.threads, .owner = options.owner});
}

}  // namespace t3video::media
