// Motion and warp error by OpenCV's DIS flow.
#include "evaluation/opencv/plugin.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/tracking.hpp>

namespace t3video::evaluation {
namespace {

constexpr int kLongestSide = 960;
constexpr int kShortestSide = 16;  // of a shrunk frame: two of DIS's patches of 8 pixels
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A frame's size as flow sees it.
cv::Size shrunk_size(const FilmShape& shape) {
    const double by = std::min(1.0, double(kLongestSide) / double(std::max(shape.width, shape.height)));
    const auto side = [&](int64_t pixels) { return std::max(1, static_cast<int>(std::lround(double(pixels) * by))); };
    return {side(shape.width), side(shape.height)};
}

// Where a place between four pixels lies; the place is inside the frame.
struct Fetch {
    Fetch(float x, float y, const cv::Size& size)
        : left(std::min(static_cast<int>(x), size.width - 2)),
          top(std::min(static_cast<int>(y), size.height - 2)),
          right_share(x - float(left)),
          lower_share(y - float(top)) {}

    template <class Pixel>
    Pixel of(const cv::Mat& picture) const {
        const Pixel* above = picture.ptr<Pixel>(top) + left;
        const Pixel* below = picture.ptr<Pixel>(top + 1) + left;
        const Pixel upper = above[0] + (above[1] - above[0]) * right_share;
        const Pixel lower = below[0] + (below[1] - below[0]) * right_share;
        return upper + (lower - upper) * lower_share;
    }

    int left, top;
    float right_share, lower_share;
};

float squared(const cv::Point2f& vector) {
    return vector.dot(vector);
}

class FlowMeter final : public Meter {
  public:
    FlowMeter(const FilmShape& shape, const Metric* metrics) : metrics_(metrics), size_(shrunk_size(shape)) {
        // DIS cuts frames into as many stripes as there are threads, and its values depend on the stripes. The number
        // is one of the whole process; nothing here wants another one.
        if (cv::getNumThreads() != 1) cv::setNumThreads(1);
        dis_ = cv::DISOpticalFlow::create(cv::DISOpticalFlow::PRESET_MEDIUM);
    }

    void take(const Frame& frame, const Frame*) override {
        ++frames_;
        if (too_small()) return;
        std::swap(luma_, last_luma_);
        std::swap(grey_, last_grey_);
        const cv::Mat whole(static_cast<int>(frame.height()), static_cast<int>(frame.width()), CV_32F,
                            const_cast<float*>(frame.luma.data()));
        cv::resize(whole, luma_, size_, 0, 0, cv::INTER_AREA);
        luma_.convertTo(grey_, CV_8U);
        if (frames_ > 1) measure_pair();
    }

    std::vector<Value> values() override {
        const Metric *motion = &metrics_[0], *warp_error = &metrics_[1];
        if (too_small() || frames_ < 2) {
            const char* note = too_small() ? "the frames are smaller than 16 pixels" : "there is one frame only";
            return {{motion, kNaN, note, {}}, {warp_error, kNaN, note, {}}};
        }
        Value moved{motion, mean_of_finite(motions_), "", motions_};
        Value left{warp_error, mean_of_finite(errors_), "", errors_};
        if (!std::isfinite(left.value)) left.note = "no pixel could be followed from one frame to the next";
        return {std::move(moved), std::move(left)};
    }

  private:
    bool too_small() const { return std::min(size_.width, size_.height) < kShortestSide; }

    static double mean_of_finite(const std::vector<double>& values) {
        double sum = 0;
        int64_t count = 0;
        for (const double value : values) {
            if (!std::isfinite(value)) continue;
            sum += value;
            ++count;
        }
        return count > 0 ? sum / double(count) : kNaN;
    }

    void measure_pair() {
        // DIS begins from the flow that it is given.
        forward_.release();
        backward_.release();
        dis_->calc(last_grey_, grey_, forward_);
        dis_->calc(grey_, last_grey_, backward_);
        double length = 0, error = 0;
        int64_t seen = 0;
        const auto last_column = float(size_.width - 1), last_row = float(size_.height - 1);
        for (int y = 0; y < size_.height; ++y) {
            const auto* flows = forward_.ptr<cv::Point2f>(y);
            const auto* lumas = last_luma_.ptr<float>(y);
            for (int x = 0; x < size_.width; ++x) {
                const cv::Point2f flow = flows[x], place(float(x) + flow.x, float(y) + flow.y);
                length += std::sqrt(squared(flow));
                // Written so that it also fails for what is no number.
                if (!(place.x >= 0 && place.x <= last_column && place.y >= 0 && place.y <= last_row)) continue;
                const Fetch fetch(place.x, place.y, size_);
                const auto back = fetch.of<cv::Point2f>(backward_);
                if (squared(flow + back) >= 0.01F * (squared(flow) + squared(back)) + 0.5F) continue;
                error += std::abs(lumas[x] - fetch.of<float>(luma_));
                ++seen;
            }
        }
        motions_.push_back(100 * length / double(size_.area()) / double(size_.height));
        errors_.push_back(seen > 0 ? error / double(seen) : kNaN);
    }

    const Metric* metrics_;
    cv::Size size_;
    cv::Ptr<cv::DISOpticalFlow> dis_;
    int64_t frames_ = 0;
    cv::Mat luma_, last_luma_;  // f32, shrunk
    cv::Mat grey_, last_grey_;  // the same in 8 bits, as DIS wants it
    cv::Mat forward_, backward_;
    std::vector<double> motions_, errors_;  // of each pair
};

}  // namespace

extern "C" Meter* t3video_flow_meter(const FilmShape& shape, const Metric* metrics) {
    return new FlowMeter(shape, metrics);
}

}  // namespace t3video::evaluation
