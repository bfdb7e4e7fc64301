// RGB to 4:2:0 in fixed point, and the few words of text around the planes.
#include "media/y4m_writer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/input_file.h"
#include "core/parallel.h"

namespace t3video::media {
namespace {

constexpr int kBits = 16;  // of the fixed point: errors stay below 0.01 of a code value

constexpr int fixed(double value) {
    return static_cast<int>(value * (1 << kBits) + (value < 0 ? -0.5 : 0.5));
}

// BT.709: Y = 0.2126 R + 0.7152 G + 0.0722 B in 16..235; Cb = (B - Y) / 1.8556 and Cr = (R - Y) / 1.5748 in 16..240
// around 128.
constexpr double kRed = 0.2126, kGreen = 0.7152, kBlue = 0.0722;
constexpr double kLuma = 219.0 / 255, kCb = 224.0 / 255 / 1.8556, kCr = 224.0 / 255 / 1.5748;

void luma_row(const uint8_t* rgb, int64_t width, uint8_t* out) {
    constexpr int kR = fixed(kLuma * kRed), kG = fixed(kLuma * kGreen), kB = fixed(kLuma * kBlue);
    constexpr int kOffset = (16 << kBits) + (1 << (kBits - 1));  // black, and rounding
    for (int64_t x = 0; x < width; ++x, rgb += 3) {
        out[x] = static_cast<uint8_t>((kR * rgb[0] + kG * rgb[1] + kB * rgb[2] + kOffset) >> kBits);
    }
}

// Two rows of pixels (the same one twice under an odd last row) to a row of each chroma plane. Sample i lies at pixel
// 2i, between the rows: weights 1 2 1 across, 1 1 down, edges repeated.
void chroma_rows(const uint8_t* upper, const uint8_t* lower, int64_t width, uint8_t* cb, uint8_t* cr) {
    constexpr int kWeights = 3;  // log2 of the sum of weights
    constexpr int kCbR = fixed(-kCb * kRed), kCbG = fixed(-kCb * kGreen), kCbB = -kCbR - kCbG;  // greys give 128
    constexpr int kCrG = fixed(-kCr * kGreen), kCrB = fixed(-kCr * kBlue), kCrR = -kCrG - kCrB;
    constexpr int kOffset = (128 << (kBits + kWeights)) + (1 << (kBits + kWeights - 1));
    for (int64_t i = 0; 2 * i < width; ++i) {
        const int64_t middle = 2 * i * 3, left = std::max<int64_t>(middle - 3, 0),
                      right = std::min(middle + 3, (width - 1) * 3);
        int sum[3];
        for (int c = 0; c < 3; ++c) {
            sum[c] = upper[left + c] + 2 * upper[middle + c] + upper[right + c] + lower[left + c] +
                     2 * lower[middle + c] + lower[right + c];
        }
        cb[i] = static_cast<uint8_t>((kCbR * sum[0] + kCbG * sum[1] + kCbB * sum[2] + kOffset) >> (kBits + kWeights));
        cr[i] = static_cast<uint8_t>((kCrR * sum[0] + kCrG * sum[1] + kCrB * sum[2] + kOffset) >> (kBits + kWeights));
    }
}

constexpr std::string_view kFrame = "FRAME\n";
// The format has no word for it. FFmpeg passes over words that it does not know, in headers of up to 96 bytes.
constexpr std::string_view kMatrix = " XT3VIDEO=BT709";

}  // namespace

bool is_own_y4m(const std::filesystem::path& path) {
    constexpr size_t kMost = 512;
    const std::string head = InputFile(path, "a video").read(kMost);
    return std::string_view(head).substr(0, head.find('\n')).find(kMatrix) != std::string_view::npos;
}

Y4mWriter::Y4mWriter(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps, int threads,
                     const std::string& owner)
    : width_(width), height_(height), threads_(threads > 0 ? threads : available_threads()), file_(path, owner) {
    check_size({.kind = OutputKind::y4m}, width, height);
    const int64_t chroma = (width + 1) / 2 * ((height + 1) / 2);
    frame_ = kFrame;
    frame_.resize(kFrame.size() + static_cast<size_t>(width * height + 2 * chroma));
    out_.open(file_.path(), std::ios::binary | std::ios::trunc);
    out_ << "YUV4MPEG2 W" << width << " H" << height << " F" << fps.num << ':' << fps.den
         << " Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED" << kMatrix << '\n';
    require_written(out_.good(), file_.path());
}

void Y4mWriter::write(const Image& image) {
    const std::string name = file_.path().string();
    require(!finished_, name, ": frame after finish()");
    require(image.width == width_ && image.height == height_ && image.samples == Samples::u8 &&
                image.rgb.size() == static_cast<size_t>(width_ * height_ * 3),
            name, ": frame of ", image.width, "x", image.height, " with ", image.rgb.size(), " bytes for a video of ",
            width_, "x", height_);
    auto* luma = reinterpret_cast<uint8_t*>(frame_.data() + kFrame.size());
    const int64_t chroma_width = (width_ + 1) / 2, chroma_height = (height_ + 1) / 2;
    uint8_t *cb = luma + width_ * height_, *cr = cb + chroma_width * chroma_height;
    parallel_for(threads_, 0, chroma_height, 8, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const int64_t y = 2 * i, below = std::min(y + 1, height_ - 1);
            for (int64_t row = y; row <= below; ++row) luma_row(image.pixel(0, row), width_, luma + row * width_);
            chroma_rows(image.pixel(0, y), image.pixel(0, below), width_, cb + i * chroma_width, cr + i * chroma_width);
        }
    });
    out_.write(frame_.data(), static_cast<std::streamsize>(frame_.size()));
    require_written(out_.good(), file_.path());
    ++frames_;
}

void Y4mWriter::finish() {
    if (finished_) return;
    require(frames_ > 0, file_.path().string(), ": a video needs at least one frame");
    out_.close();
    require_written(out_.good(), file_.path());
    finished_ = true;
}

void Y4mWriter::close() {
    if (closed_) return;
    finish();
    file_.commit();
    closed_ = true;
}

}  // namespace t3video::media
