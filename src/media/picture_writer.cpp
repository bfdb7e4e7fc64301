// Names of a sequence of pictures, and the files under them.
#include "media/picture_writer.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/paths.h"
#include "media/exr.h"
#include "media/png.h"

namespace t3video::media {

namespace fs = std::filesystem;

namespace {

// zlib's compression level: higher ones take twice the time and more for a few percent of size.
constexpr int kCompressionLevel = 1;

// The folder that holds the sequence, made if it is absent; returns whether it was.
bool make_folder(const PictureNames& names) {
    const fs::path& folder = names.folder;
    if (folder.empty() || is_folder(folder)) return false;
    require_valid(!is_there(folder), folder.string(), " is not a folder; choose another name");
    const fs::path above = folder_above(folder);
    require_valid(is_folder(above), folder.string(), ": folder ", above.string(), " does not exist; create it first");
    std::error_code error;
    fs::create_directory(folder, error);
    if (is_full(error.value())) throw WriteError(concat(folder.string(), ": ", words_of_refusal(error.value())));
    require_valid(!error, "cannot create folder ", folder.string(), ": ", error.message(),
                  "; choose a place that can be written");
    return true;
}

}  // namespace

PictureNames::PictureNames(const fs::path& output) {
    if (!output.has_filename() || is_folder(output)) {
        folder = output.has_filename() ? output : output.parent_path();
        after = ".png";
        return;
    }
    folder = output.parent_path();
    const std::string name = output.filename().string();
    const size_t start = name.find('%');
    exr = extension_of(output) == ".exr";
    if (start == std::string::npos) {
        single = true;
        before = name;
        return;
    }
    const size_t end = name.find_first_not_of("0123456789", start + 1);
    const bool numbered =
        end != std::string::npos && name[end] == 'd' && end - start <= 3 && name.find('%', end) == std::string::npos;
    require_valid(numbered, output.string(), ": expected one number such as %05d in the name, as in ",
                  (output.parent_path() / output.stem() / ("%05d" + output.extension().string())).string());
    const std::string width = name.substr(start + 1, end - start - 1);
    digits = width.empty() ? 1 : std::clamp(std::stoi(width), 1, 18);
    before = name.substr(0, start);
    after = name.substr(end + 1);
}

fs::path PictureNames::name(int64_t frame) const {
    if (single) return folder / before;
    std::string number = std::to_string(frame);
    number.insert(0, static_cast<size_t>(std::max<int64_t>(0, digits - static_cast<int64_t>(number.size()))), '0');
    return folder / (before + number + after);
}

std::optional<int64_t> PictureNames::frame_of(const std::string& file_name) const {
    if (single) return file_name == before ? std::optional<int64_t>(0) : std::nullopt;
    if (file_name.size() <= before.size() + after.size() || !file_name.starts_with(before) ||
        !file_name.ends_with(after))
        return std::nullopt;
    const char* const end = file_name.data() + file_name.size() - after.size();
    int64_t frame = 0;
    const auto [rest, error] = std::from_chars(file_name.data() + before.size(), end, frame);
    const bool number = error == std::errc() && rest == end && frame >= 0;
    return number && name(frame).filename() == file_name ? std::optional(frame) : std::nullopt;
}

void check_pictures(const PictureNames& names) {
    const bool made = make_folder(names);
    std::error_code ignored;
    try {
        check_writable(names.name(0));
    } catch (const InvalidRequest&) {
        if (made) fs::remove(names.folder, ignored);
        throw;
    }
    if (made) fs::remove(names.folder, ignored);
}

PictureWriter::PictureWriter(const PictureNames& names, int64_t width, int64_t height, const PictureOptions& options)
    : names_(names), width_(width), height_(height), options_(options) {
    check_size({.kind = OutputKind::pictures}, width, height);
    check_pictures(names);
    folder_is_ours_ = make_folder(names);
}

PictureWriter::~PictureWriter() {
    files_.clear();
    std::error_code ignored;
    if (folder_is_ours_ && !closed_) fs::remove(names_.folder, ignored);  // stays if others wrote into it
}

void PictureWriter::write(const Image& image) {
    const std::string name = names_.name(frames()).string();
    require(!finished_, name, ": frame after finish()");
    require(!names_.single || files_.empty(), name, ": one picture, and a second frame");
    require(image.width == width_ && image.height == height_, name, ": frame of ", image.width, "x", image.height,
            " for a video of ", width_, "x", height_);
    require(names_.exr || 8 * bytes_of(image.samples) == options_.bits, name, ": frame of ", bytes_of(image.samples),
            "-byte samples for ", options_.bits, " bits");
    const std::string bytes =
        names_.exr
            ? encode_exr(image, {.half = options_.bits == 16, .threads = options_.threads, .comment = options_.comment})
            : encode_png(
                  image,
                  {.compression_level = kCompressionLevel, .threads = options_.threads, .comment = options_.comment});
    auto file = std::make_unique<PartialFile>(name, options_.owner);
    file->write(bytes);
    file->finish();  // open files are few, frames may be many
    files_.push_back(std::move(file));
}

void PictureWriter::finish() {
    require(frames() > 0, names_.name(0).string(), ": a video needs at least one frame");
    finished_ = true;
}

std::vector<const PartialFile*> PictureWriter::files() const {
    std::vector<const PartialFile*> files;
    for (const auto& file : files_) files.push_back(file.get());
    return files;
}

void PictureWriter::close() {
    if (closed_) return;
    finish();
    for (const auto& file : files_) file->commit();
    closed_ = true;
}

}  // namespace t3video::media
