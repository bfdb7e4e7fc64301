// Extents of a dense row-major array, and the token grid of a video.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace t3video {

class Shape {
  public:
    static constexpr int kMaxRank = 6;

    Shape() = default;
    Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}
    explicit Shape(std::span<const int64_t> dims);

    int rank() const { return rank_; }
    // Negative axes count from the last: dim(-1) is the innermost extent.
    int64_t dim(int axis) const;
    int64_t operator[](int axis) const { return dim(axis); }
    void set_dim(int axis, int64_t extent);
    // Product of all extents; 1 for a scalar. The constructor rejects products beyond 63 bits.
    int64_t numel() const;
    std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
    std::string str() const;  // "[2, 3]"

    friend bool operator==(const Shape& a, const Shape& b);
    friend std::ostream& operator<<(std::ostream& out, const Shape& shape);

  private:
    std::array<int64_t, kMaxRank> dims_{};
    int rank_ = 0;
};

// Tokens of a video: latent frames, rows and columns of patches; raster order, w fastest.
struct Grid {
    int64_t t = 0, h = 0, w = 0;

    int64_t tokens() const { return t * h * w; }
    friend bool operator==(const Grid&, const Grid&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Grid& grid);  // "21x136x240"
};

}  // namespace t3video
