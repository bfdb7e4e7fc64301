// A folder of its own for each test, and synthetic pictures.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/error.h"
#include "media/frame.h"

namespace t3video::media {

class MediaTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "t3video_media_XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    const std::filesystem::path& folder() const { return folder_; }
    // A readable file that is no video.
    std::filesystem::path make_file(const std::string& name, const std::string& text = "text") const {
        std::ofstream(folder_ / name) << text;
        return folder_ / name;
    }
    size_t files_in_folder() const {
        const std::filesystem::directory_iterator files(folder_);
        return static_cast<size_t>(std::distance(begin(files), end(files)));
    }

  private:
    std::filesystem::path folder_;
};

// What an InvalidRequest says; a test failure when `action` throws none.
template <class Action>
std::string complaint(Action&& action) {
    try {
        action();
    } catch (const InvalidRequest& error) {
        return error.what();
    }
    ADD_FAILURE() << "expected an InvalidRequest";
    return {};
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// In decibels, against a peak of 255.
inline double psnr(const Image& a, const Image& b) {
    double sum = 0;
    for (size_t i = 0; i < a.rgb.size(); ++i) {
        const double difference = static_cast<double>(a.rgb[i]) - static_cast<double>(b.rgb[i]);
        sum += difference * difference;
    }
    return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / sum);
}

// Colour waves with fine grey detail that move with the frame number: something to lose at low quality, and nothing
// that halving the resolution of the colours destroys.
inline Image moving_picture(int64_t width, int64_t height, int64_t frame) {
    Image image(width, height);
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            const double u = static_cast<double>(x + 3 * frame), v = static_cast<double>(y - 2 * frame);
            const double base = 128 + 15 * std::sin(u * 1.1 + v * 0.7) + 15 * std::sin(u * 0.8 - v * 1.3);
            uint8_t* pixel = image.pixel(x, y);
            pixel[0] = static_cast<uint8_t>(base + 80 * std::sin(u / 17));
            pixel[1] = static_cast<uint8_t>(base + 80 * std::sin(v / 23));
            pixel[2] = static_cast<uint8_t>(base + 90 * std::sin((u + v) / 31));
        }
    }
    return image;
}

}  // namespace t3video::media
