// A sheet of small pictures that shows a whole video at one glance.
#pragma once

#include <cstdint>
#include <vector>

#include "media/frame.h"

namespace t3video::media {

// An image of u8 at a smaller (or equal) size: each pixel is the mean of the area it covers, in code values.
Image shrink(const Image& image, int64_t width, int64_t height);

// About twelve evenly spaced frames, the first and the last among them, in reading order; a landscape video gives four
// columns, a portrait one six. Thumbnails are at most 320 pixels wide, with dark gaps between and around.
class ContactSheet {
  public:
    static constexpr int64_t kThumbnails = 12, kThumbnailWidth = 320, kGap = 4;

    // `frames`: how many the video has, at least 1.
    explicit ContactSheet(int64_t frames);

    // The frames that appear, ascending.
    const std::vector<int64_t>& shown() const { return shown_; }
    // Takes frame `index` of the video if it is one of those; all frames may be given, in any order, of any samples.
    // Throws Error for an index outside the video and for a size that changes.
    void add(int64_t index, const Image& image);
    // The sheet so far; frames that were not added are dark. Throws Error before the first one.
    const Image& image() const;

    int64_t columns() const { return columns_; }
    int64_t rows() const { return rows_; }

  private:
    void lay_out(int64_t width, int64_t height);

    int64_t frames_;
    std::vector<int64_t> shown_;
    int64_t columns_ = 0, rows_ = 0;              // known from the first frame on
    int64_t frame_width_ = 0, frame_height_ = 0;  // of the video
    int64_t thumbnail_width_ = 0, thumbnail_height_ = 0;
    Image sheet_;
};

}  // namespace t3video::media
