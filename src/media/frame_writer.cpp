// Chooses a writer by the output's name.
#include "media/frame_writer.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/output_file.h"
#include "media/picture_writer.h"
#include "media/video_writer.h"
#include "media/y4m_writer.h"

namespace t3video::media {

namespace fs = std::filesystem;

namespace {

// In lower case, with the dot.
std::string extension_of(const fs::path& path) {
    std::string extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

bool is_folder(const fs::path& output) {
    std::error_code ignored;
    return (!output.empty() && !output.has_filename()) || fs::is_directory(output, ignored);
}

bool is_pictures(const fs::path& output) {
    return is_folder(output) || extension_of(output) == ".png";
}

// A folder under its own name: "." has none.
fs::path named_folder(const fs::path& folder) {
    fs::path name =
        folder.filename() == "." || folder.filename() == ".." ? fs::absolute(folder).lexically_normal() : folder;
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

OutputKind output_kind(const fs::path& output) {
    require_valid(!output.empty(), "no output given; expected a file such as film.mp4 or a folder such as frames/");
    if (is_pictures(output)) return OutputKind::pictures;
    const std::string extension = extension_of(output);
    if (extension == ".y4m") return OutputKind::y4m;
    for (const char* known : {".mp4", ".mkv", ".mov"}) {
        if (extension == known) return OutputKind::video;
    }
    throw InvalidRequest(concat(output.string(), ": ",
                                extension.empty() ? "no extension" : "unknown extension '" + extension + "'",
                                "; expected .mp4, .mkv or .mov (H.264), .y4m (uncompressed), or for PNGs a folder ",
                                "that exists or ends in /"));
}

void check_output(const fs::path& output) {
    switch (output_kind(output)) {
        case OutputKind::video:
            require_video_support(output);
            return check_writable(output);
        case OutputKind::y4m:
            return check_writable(output);
        case OutputKind::pictures:
            return check_pictures(PictureNames(output));
    }
}

fs::path beside_output(const fs::path& output, const std::string& ending) {
    fs::path base;
    if (!is_pictures(output)) {
        base = fs::path(output).replace_extension();
    } else if (is_folder(output)) {
        base = named_folder(output.has_filename() ? output : output.parent_path());
    } else {
        const PictureNames names(output.lexically_normal());
        std::string text = names.before + names.after.substr(0, names.after.size() - 4);  // without .png
        while (!text.empty() && std::string_view("-_. ").find(text.back()) != std::string_view::npos) text.pop_back();
        base = !names.folder.empty() ? named_folder(names.folder) : fs::path(text.empty() ? "frames" : text);
    }
    return base += ending;
}

std::unique_ptr<FrameWriter> open_writer(const fs::path& output, int64_t width, int64_t height, FrameRate fps,
                                         const VideoOptions& options) {
    require_valid(options.threads >= 0, "video threads ", options.threads, ": expected 0 (one per core) or more");
    switch (output_kind(output)) {
        case OutputKind::video:
            require_video_support(output);
            return open_video(output, width, height, fps, options);
        case OutputKind::y4m:
            return std::make_unique<Y4mWriter>(output, width, height, fps, options.threads);
        case OutputKind::pictures:
            break;
    }
    return std::make_unique<PictureWriter>(PictureNames(output), width, height, options.threads);
}

}  // namespace t3video::media
