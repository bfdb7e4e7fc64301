// Pictures in another size, row by row.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace t3video::media {

enum class Filter { bicubic, lanczos };  // Keys' cubic with a = -0.5; windowed sinc of three lobes

// How a picture comes to another size: resized to full_width x full_height, of which a part is kept.
struct Fitting {
    int64_t in_width = 0, in_height = 0;
    int64_t full_width = 0, full_height = 0;
    int64_t left = 0, top = 0, width = 0, height = 0;  // of the part
    Filter filter = Filter::bicubic;

    bool is_copy() const {
        return in_width == width && in_height == height && full_width == width && full_height == height;
    }
};

// Each side by a factor of its own. These throw Error for sides that are not positive.
Fitting stretching(int64_t in_width, int64_t in_height, int64_t width, int64_t height, Filter filter);
// One factor for both sides, the smallest at which the picture covers width x height, and what is too much cut off
// evenly, of an odd excess one more row or column at the bottom or right. Pixels that are `pixel_aspect` times as wide
// as they are high become square.
Fitting covering(int64_t in_width, int64_t in_height, int64_t width, int64_t height, Filter filter,
                 double pixel_aspect = 1);

// Takes the rows of a picture of 8-bit RGB from top to bottom and gives those of the result as soon as they are known.
// Where a side shrinks its filter is stretched by the same factor, so that every pixel counts; beyond the edges nothing
// counts. Rounded once, at the end. The result is the same for any number of threads.
class Resizer {
  public:
    using Sink = std::function<void(int64_t y, const uint8_t* row)>;

    Resizer(const Fitting& fitting, int threads, Sink sink);
    // The next row; once for each row of the picture.
    void add(const uint8_t* row);
    // Memory that resizing takes, whatever the number of threads.
    static int64_t bytes(const Fitting& fitting);

    // What one sample of the result takes from the source: samples first, first + 1, ...
    struct Taps {
        int64_t first = 0;
        std::vector<float> weights;  // sum 1
        int64_t end() const { return first + static_cast<int64_t>(weights.size()); }
    };

  private:
    void flush();

    Fitting fitting_;
    int threads_;
    Sink sink_;
    std::vector<Taps> columns_, rows_;
    int64_t next_ = 0;                      // row to come
    int64_t block_first_ = 0;               // the row from which on rows wait
    std::vector<uint8_t> block_;            // rows that wait, [n, in_width, 3]
    std::vector<float> between_;            // their columns resized, [n, width, 3]
    int64_t emitted_ = 0;                   // rows of the result that the sink has
    std::vector<std::vector<float>> sums_;  // of those after them that have begun, [width, 3] each
};

}  // namespace t3video::media
