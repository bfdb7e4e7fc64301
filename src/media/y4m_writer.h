// Writes frames to an uncompressed YUV4MPEG2 file, which players and encoders read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/output_file.h"
#include "media/frame_writer.h"

namespace t3video::media {

// 8-bit 4:2:0 with BT.709 colours in limited range, a chroma sample beside the left pixel of its 2x2 block: what
// VideoWriter encodes. The header says so where the format has words for it ("C420mpeg2", "XCOLORRANGE=LIMITED"); it
// has none for BT.709, which players assume from 720 rows on, and "XT3VIDEO=BT709" is for is_own_y4m. Odd sides have a
// chroma sample for the last column or row. Memory: one frame.
class Y4mWriter final : public FrameWriter {
  public:
    // Throws InvalidRequest when the file cannot be written, and for sides outside 1..16384. `threads` 0: one per
    // core; `owner`: VideoOptions.
    Y4mWriter(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps, int threads = 0,
              const std::string& owner = {});

    void write(const Image& image) override;
    void finish() override;
    std::vector<const PartialFile*> files() const override { return {&file_}; }
    void close() override;
    int64_t frames() const override { return frames_; }

  private:
    int64_t width_, height_;
    int threads_;
    PartialFile file_;
    std::ofstream out_;
    std::string frame_;  // "FRAME\n" and the three planes
    int64_t frames_ = 0;
    bool finished_ = false, closed_ = false;
};

// Whether a YUV4MPEG2 file is one that Y4mWriter wrote, by its header: BT.709 whatever its size.
bool is_own_y4m(const std::filesystem::path& path);

}  // namespace t3video::media
