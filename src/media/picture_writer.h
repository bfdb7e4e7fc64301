// Writes frames as a sequence of PNG or OpenEXR files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/output_file.h"
#include "media/frame_writer.h"

namespace t3video::media {

// The names of a sequence, or of a single picture.
struct PictureNames {
    // "frames/" and folders that exist: 00000.png and so on in it; a name with one %d, %3d or %03d and the ending .png
    // or .exr; a name without any '%': one picture. Throws InvalidRequest for others.
    explicit PictureNames(const std::filesystem::path& output);

    std::filesystem::path name(int64_t frame) const;  // the first is 0
    // The frame that has this file name; nothing for another name.
    std::optional<int64_t> frame_of(const std::string& file_name) const;

    std::filesystem::path folder;  // empty: the current one
    std::string before, after;     // the number; of one picture all of its name is `before`
    bool single = false;
    int digits = 5;  // at least so many, filled with zeros
    bool exr = false;
};

// Throws InvalidRequest unless the pictures can be written. The folder itself may be absent, not the one above it.
void check_pictures(const PictureNames& names);

struct PictureOptions {
    int bits = 8;         // PNG: 8 or 16 from images of u8 or u16; EXR: 16 or 32 from images of f32
    std::string comment;  // ASCII, in every picture; empty: none
    int threads = 0;      // 0: one per core
    std::string owner;    // VideoOptions
};

// RGB, lossless but for the halves of EXR. Pictures are compressed fast rather than small, on all threads: about a
// third of the raw size for a film in 8 bits. Memory: one frame.
class PictureWriter final : public FrameWriter {
  public:
    // Makes the folder. Throws InvalidRequest as check_pictures does and for sides outside 1..16384.
    PictureWriter(const PictureNames& names, int64_t width, int64_t height, const PictureOptions& options = {});
    ~PictureWriter() override;  // without close(): removes the partial files, and the folder if it was made here

    void write(const Image& image) override;
    void finish() override;
    std::vector<const PartialFile*> files() const override;
    void close() override;
    int64_t frames() const override { return static_cast<int64_t>(files_.size()); }

  private:
    PictureNames names_;
    int64_t width_, height_;
    PictureOptions options_;
    bool folder_is_ours_ = false, finished_ = false, closed_ = false;
    std::vector<std::unique_ptr<PartialFile>> files_;
};

}  // namespace t3video::media
