// A line of text in front, a line of text before each frame, and planes of bytes.
#include "media/input/y4m_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/input_file.h"
#include "core/numbers.h"
#include "media/y4m_writer.h"

namespace t3video::media {
namespace {

// Samples of chroma along a side: one for each pixel, one for two, or none.
struct Subsampling {
    std::string_view name;
    int64_t x, y;   // pixels of a sample; 0: there is no chroma
    double across;  // where the first sample lies, in pixels from the middle of the first one
};

// "420mpeg2" and "420paldv" lie at the left pixel, "420jpeg" and plain "420" between the two.
constexpr Subsampling kKinds[] = {{"420mpeg2", 2, 2, 0}, {"420paldv", 2, 2, 0}, {"420jpeg", 2, 2, 0.5},
                                  {"420", 2, 2, 0.5},    {"422", 2, 1, 0},      {"444", 1, 1, 0},
                                  {"mono", 0, 0, 0}};

uint8_t code(float value) {
    return static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

constexpr std::string_view kMark = "YUV4MPEG2";

// Of a header, behind its mark.
template <class Take>
void for_each_word(std::string_view header, const Take& take) {
    for (size_t at = kMark.size(); at < header.size();) {
        const size_t begin = header.find_first_not_of(' ', at), end = std::min(header.find(' ', begin), header.size());
        if (begin == std::string::npos) break;
        take(header.substr(begin, end - begin));
        at = end;
    }
}

class Y4mReader final : public FrameReader {
  public:
    Y4mReader(const std::filesystem::path& path, int64_t memory) : name_(path.string()), file_(path, "a video") {
        read_header(line("a YUV4MPEG2 header"));
        chroma_width_ = kind_.x == 0 ? 0 : (width_ + kind_.x - 1) / kind_.x;
        chroma_height_ = kind_.y == 0 ? 0 : (height_ + kind_.y - 1) / kind_.y;
        const int64_t bytes = width_ * height_ + 2 * chroma_width_ * chroma_height_;
        require_room(bytes + 3 * width_, memory, name_, width_, height_);
        const bool own = is_own_y4m(path);
        const bool bt709 = own || width_ >= 1280 || height_ >= 577;
        red_ = bt709 ? 0.2126F : 0.299F;
        blue_ = bt709 ? 0.0722F : 0.114F;
        planes_.resize(static_cast<size_t>(bytes));
        row_.resize(static_cast<size_t>(3 * width_));
    }
    double fps() const override { return fps_; }
    int64_t bytes() const override { return static_cast<int64_t>(planes_.size() + row_.size()); }

  private:
    // Without its end.
    std::string line(const char* expected) {
        constexpr size_t kMost = 4096;
        std::string text;
        for (char c = 0; file_.read(&c, 1) == 1 && c != '\n';) {
            text += c;
            require_valid(text.size() < kMost, name_, ": expected ", expected);
        }
        return text;
    }
    void read_header(const std::string& header) {
        require_valid(header.starts_with(kMark), name_, ": no YUV4MPEG2 file, and this build has no FFmpeg for others");
        std::tie(width_, height_) = y4m_size(header, name_);
        std::string_view kind = "420";
        for_each_word(header, [&](std::string_view word) {
            const std::string_view value = word.substr(1);
            if (word[0] == 'C') kind = value;
            if (word == "XCOLORRANGE=FULL") full_range_ = true;
            const auto ratio = two_numbers<double>(value, ":");
            if (word[0] == 'F' && ratio && ratio->second > 0) fps_ = ratio->first / ratio->second;
            if (word[0] == 'A' && ratio) pixel_aspect_ = plausible_aspect(ratio->first, ratio->second);
        });
        const auto* const found = std::ranges::find(kKinds, kind, &Subsampling::name);
        require_valid(found != std::end(kKinds), name_, ": samples of kind C", kind,
                      "; this build, which has no FFmpeg, reads 8 bits in 4:2:0, 4:2:2, 4:4:4 and grey");
        kind_ = *found;
    }

    bool next(const RowSink& sink) override {
        const std::string mark = line("FRAME");
        if (mark.empty()) return false;
        require_valid(mark.starts_with("FRAME"), name_, ": damaged at frame ", frames_);
        require_valid(file_.read(reinterpret_cast<char*>(planes_.data()), planes_.size()) == planes_.size(), name_,
                      ": cut in the middle of frame ", frames_);
        ++frames_;
        for (int64_t y = 0; y < height_; ++y) {
            convert(y);
            sink(row_.data());
        }
        return true;
    }

    // A sample of a chroma plane between the four around the place of a pixel, 0 for the grey of 128.
    float chroma(const uint8_t* plane, int64_t x, int64_t y) const {
        const auto place = [](int64_t pixel, int64_t step, double first, int64_t count) {
            const double at = (static_cast<double>(pixel) - first) / static_cast<double>(step);
            const double inside = std::clamp(at, 0.0, static_cast<double>(count - 1));
            const auto low = static_cast<int64_t>(inside);
            return std::tuple(low, std::min(low + 1, count - 1), static_cast<float>(inside - static_cast<double>(low)));
        };
        const auto [left, right, u] = place(x, kind_.x, kind_.across, chroma_width_);
        const auto [upper, lower, v] = place(y, kind_.y, kind_.y == 2 ? 0.5 : 0, chroma_height_);
        const uint8_t *a = plane + upper * chroma_width_, *b = plane + lower * chroma_width_;
        const auto mix = [](uint8_t p, uint8_t q, float share) {
            return static_cast<float>(p) + share * (static_cast<float>(q) - static_cast<float>(p));
        };
        const float above = mix(a[left], a[right], u), below = mix(b[left], b[right], u);
        return above + v * (below - above) - 128;
    }

    void convert(int64_t y) {
        const uint8_t *luma = planes_.data() + y * width_, *cb = planes_.data() + width_ * height_,
                      *cr = cb + chroma_width_ * chroma_height_;
        const float scale = full_range_ ? 1 : 255.0F / 219, chroma_scale = full_range_ ? 1 : 255.0F / 224;
        const float green = 1 - red_ - blue_, black = full_range_ ? 0 : 16;
        for (int64_t x = 0; x < width_; ++x) {
            const float level = (static_cast<float>(luma[x]) - black) * scale;
            const float b = kind_.x == 0 ? 0 : chroma(cb, x, y) * chroma_scale * 2 * (1 - blue_),
                        r = kind_.x == 0 ? 0 : chroma(cr, x, y) * chroma_scale * 2 * (1 - red_);
            uint8_t* rgb = row_.data() + 3 * x;
            rgb[0] = code(level + r);
            rgb[1] = code(level - (red_ * r + blue_ * b) / green);
            rgb[2] = code(level + b);
        }
    }

    std::string name_;
    InputFile file_;
    Subsampling kind_{};
    bool full_range_ = false;
    double fps_ = 0;
    float red_ = 0, blue_ = 0;  // their shares of luma
    int64_t chroma_width_ = 0, chroma_height_ = 0, frames_ = 0;
    std::vector<uint8_t> planes_, row_;
};

}  // namespace

std::pair<int64_t, int64_t> y4m_size(std::string_view header, const std::string& name) {
    constexpr int64_t kMostSide = 32768;
    std::string_view width, height;
    for_each_word(header, [&](std::string_view word) {
        if (word[0] == 'W') width = word.substr(1);
        if (word[0] == 'H') height = word.substr(1);
    });
    const std::optional<int64_t> w = number_of<int64_t>(width), h = number_of<int64_t>(height);
    const bool digits = std::ranges::all_of(concat(width, height), [](char c) { return c >= '0' && c <= '9'; });
    require_valid(!width.empty() && !height.empty() && digits, name, ": a damaged YUV4MPEG2 header");
    require_valid(w && h && *w > 0 && *h > 0 && *w <= kMostSide && *h <= kMostSide, name, ": ", width, "x", height,
                  " pixels; expected sides of 1 to ", kMostSide);
    return {*w, *h};
}

std::unique_ptr<FrameReader> open_y4m(const std::filesystem::path& path, int64_t memory) {
    return std::make_unique<Y4mReader>(path, memory);
}

}  // namespace t3video::media
