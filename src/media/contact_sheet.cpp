// Layout of the contact sheet, and area averaging for its thumbnails.
#include "media/contact_sheet.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::media {
namespace {

constexpr uint8_t kGapGrey = 24;  // a dark grey that still differs from a black frame

// What one output pixel covers of the input: pixels [first, first + weights.size()), weights summing to 1.
struct Cover {
    int64_t first = 0;
    std::vector<float> weights;
};

// Output pixel i covers [i * from / to, (i + 1) * from / to) of the input.
std::vector<Cover> covers(int64_t from, int64_t to) {
    std::vector<Cover> result(static_cast<size_t>(to));
    for (int64_t i = 0; i < to; ++i) {
        Cover& cover = result[static_cast<size_t>(i)];
        const int64_t begin = i * from, end = begin + from;  // in units of 1/to of an input pixel
        cover.first = begin / to;
        for (int64_t pixel = cover.first; pixel * to < end; ++pixel) {
            const int64_t overlap = std::min(end, (pixel + 1) * to) - std::max(begin, pixel * to);
            cover.weights.push_back(static_cast<float>(overlap) / static_cast<float>(from));
        }
    }
    return result;
}

// sum[x] += weight * row[x]
void add_row(const uint8_t* row, float weight, std::vector<float>& sum) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * static_cast<float>(row[i]);
}

// row: [width, 3] of floats; out: one pixel per cover.
void shrink_row(const std::vector<float>& row, const std::vector<Cover>& columns, uint8_t* out) {
    for (const Cover& cover : columns) {
        const float* pixel = row.data() + cover.first * 3;
        float sum[3] = {0.5f, 0.5f, 0.5f};  // rounds to the nearest integer
        for (const float weight : cover.weights) {
            for (int c = 0; c < 3; ++c) sum[c] += weight * pixel[c];
            pixel += 3;
        }
        for (const float value : sum) *out++ = static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
    }
}

int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

}  // namespace

Image shrink(const Image& image, int64_t width, int64_t height) {
    require(image.samples == Samples::u8 && width > 0 && height > 0 && width <= image.width && height <= image.height,
            "cannot shrink ", image.width, "x", image.height, " to ", width, "x", height);
    const std::vector<Cover> rows = covers(image.height, height), columns = covers(image.width, width);
    Image result(width, height);
    std::vector<float> sum(static_cast<size_t>(image.width * 3));
    for (int64_t y = 0; y < height; ++y) {
        const Cover& cover = rows[static_cast<size_t>(y)];
        std::fill(sum.begin(), sum.end(), 0.0f);
        int64_t source = cover.first;
        for (const float weight : cover.weights) add_row(image.pixel(0, source++), weight, sum);
        shrink_row(sum, columns, result.pixel(0, y));
    }
    return result;
}

ContactSheet::ContactSheet(int64_t frames) : frames_(frames) {
    require(frames > 0, "contact sheet of ", frames, " frames");
    const int64_t count = std::min(frames, kThumbnails);
    for (int64_t i = 0; i < count; ++i) {
        // The nearest frame to i * (frames - 1) / (count - 1).
        shown_.push_back(count == 1 ? 0 : (2 * i * (frames - 1) + count - 1) / (2 * (count - 1)));
    }
}

void ContactSheet::lay_out(int64_t width, int64_t height) {
    const auto count = static_cast<int64_t>(shown_.size());
    const int64_t most_columns = width >= height ? 4 : 6;
    rows_ = divide_up(count, most_columns);
    columns_ = divide_up(count, rows_);
    frame_width_ = width;
    frame_height_ = height;
    thumbnail_width_ = std::min(width, kThumbnailWidth);
    thumbnail_height_ = std::max<int64_t>(1, (2 * height * thumbnail_width_ + width) / (2 * width));
    sheet_ = Image(kGap + columns_ * (thumbnail_width_ + kGap), kGap + rows_ * (thumbnail_height_ + kGap));
    std::fill(sheet_.rgb.begin(), sheet_.rgb.end(), kGapGrey);
}

void ContactSheet::add(int64_t index, const Image& image) {
    require(index >= 0 && index < frames_, "contact sheet: frame ", index, " of ", frames_);
    const auto found = std::lower_bound(shown_.begin(), shown_.end(), index);
    if (found == shown_.end() || *found != index) return;
    if (columns_ == 0) lay_out(image.width, image.height);
    require(image.width == frame_width_ && image.height == frame_height_, "contact sheet: frame ", index, " is ",
            image.width, "x", image.height, ", the others ", frame_width_, "x", frame_height_);

    const Image thumbnail = shrink(in_8_bits(image), thumbnail_width_, thumbnail_height_);
    const int64_t tile = found - shown_.begin();
    const int64_t left = kGap + tile % columns_ * (thumbnail_width_ + kGap);
    const int64_t top = kGap + tile / columns_ * (thumbnail_height_ + kGap);
    for (int64_t y = 0; y < thumbnail_height_; ++y) {
        std::copy_n(thumbnail.pixel(0, y), thumbnail_width_ * 3, sheet_.pixel(left, top + y));
    }
}

const Image& ContactSheet::image() const {
    require(columns_ > 0, "contact sheet: no frame was added");
    return sheet_;
}

}  // namespace t3video::media
