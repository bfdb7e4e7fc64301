// Headers of PNG and OpenEXR files; video files go to FFmpeg.
#include "media/film_comment.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/error.h"
#include "core/input_file.h"
#include "core/paths.h"
#include "media/film_format.h"

namespace t3video::media {

namespace fs = std::filesystem;

namespace {

fs::path first_picture(const fs::path& folder) {
    for (const char* name : {"00000.png", "00000.exr"}) {
        if (is_file(folder / name)) return folder / name;
    }
    return {};
}

// A file read from front to back. Throws InvalidRequest where it ends too early.
class Header {
  public:
    explicit Header(const fs::path& path) : name_(path.string()), file_(path, "a film") {}

    std::string read(uint64_t count) {
        constexpr uint64_t kMost = 1 << 24;  // no field of a header is larger
        require_valid(count <= kMost, name_, ": damaged header");
        const std::string bytes = file_.read(count);
        at_ += count;
        require_valid(bytes.size() == count, name_, ": ends within its header");
        return bytes;
    }
    void skip(uint64_t count) {
        at_ += count;
        file_.seek(static_cast<int64_t>(at_));
    }
    // Text up to a zero byte, which is read too.
    std::string word() {
        std::string text;
        for (std::string c = read(1); c[0] != '\0'; c = read(1)) {
            require_valid(text.size() < 256, name_, ": damaged header");
            text += c;
        }
        return text;
    }
    const std::string& name() const { return name_; }

  private:
    std::string name_;
    InputFile file_;
    uint64_t at_ = 0;
};

uint32_t number(const std::string& bytes, size_t at, bool big) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) {
        const auto byte = static_cast<uint8_t>(bytes.at(at + i));
        value |= static_cast<uint32_t>(byte) << (8 * (big ? 3 - i : i));
    }
    return value;
}

// By the colour type of IHDR.
const char* colours_of(char type) {
    return type == 0   ? " gray"
           : type == 2 ? " RGB"
           : type == 3 ? " palette"
           : type == 4 ? " gray and alpha"
                       : " RGB and alpha";
}

VideoInfo read_png_info(const fs::path& path) {
    Header header(path);
    require_valid(header.read(8) == "\x89PNG\r\n\x1a\n", header.name(), ": not a PNG file");
    VideoInfo info;
    info.codec = "png";
    info.tags = {"unknown", "unknown", "unknown", "unknown"};
    while (true) {
        const std::string start = header.read(8), type = start.substr(4);
        const uint32_t size = number(start, 0, true);
        if (type == "IDAT" || type == "IEND") return info;
        if (type == "IHDR") {
            const std::string data = header.read(size);
            require_valid(size == 13, header.name(), ": damaged header");
            info.width = number(data, 0, true);
            info.height = number(data, 4, true);
            info.pixels = concat(static_cast<int>(data[8]), "-bit", colours_of(data[9]));
        } else if (type == "tEXt") {
            const std::string data = header.read(size);
            constexpr std::string_view kKey("Comment\0", 8);
            if (data.starts_with(kKey)) info.comment = data.substr(kKey.size());
        } else {
            header.skip(size);
        }
        header.skip(4);  // the checksum
    }
}

VideoInfo read_exr_info(const fs::path& path) {
    Header header(path);
    require_valid(number(header.read(8), 0, false) == 20000630, header.name(), ": not an OpenEXR file");
    VideoInfo info;
    info.codec = "exr";
    std::map<std::string, std::string> comments;  // one text in parts, in the order of their names
    info.tags = {"unknown", "unknown", "unknown", "unknown"};
    for (std::string name = header.word(); !name.empty(); name = header.word()) {
        const std::string type = header.word();
        const std::string value = header.read(number(header.read(4), 0, false));
        if (name == "dataWindow" && value.size() == 16) {
            info.width = int64_t{number(value, 8, false)} - number(value, 0, false) + 1;
            info.height = int64_t{number(value, 12, false)} - number(value, 4, false) + 1;
        }
        if (name.starts_with("comments") && type == "string") comments[name] = value;
        if (name == "channels" && value.size() > 6) {
            const size_t end = value.find('\0');
            require_valid(end + 5 <= value.size(), header.name(), ": damaged header");
            info.pixels = number(value, end + 1, false) == 1 ? "16-bit float" : "32-bit float";
        }
    }
    for (const auto& [name, part] : comments) info.comment += part;
    return info;
}

}  // namespace

bool is_film(const fs::path& path) {
    if (is_folder(path)) return !first_picture(path).empty();
    const std::string extension = extension_of(path);
    constexpr const char* kFilms[] = {".mp4", ".mkv", ".mov", ".y4m", ".png", ".exr"};
    return std::ranges::find(kFilms, extension) != std::end(kFilms);
}

VideoInfo read_film_info(const fs::path& path) {
    fs::path file = path;
    if (is_folder(path)) file = first_picture(path);
    require_valid(!file.empty(), path.string(), ": no 00000.png or 00000.exr in this folder; expected a film");
    const std::string extension = extension_of(file);
    if (extension == ".png") return read_png_info(file);
    if (extension == ".exr") return read_exr_info(file);
    return read_video_info(file);
}

}  // namespace t3video::media
