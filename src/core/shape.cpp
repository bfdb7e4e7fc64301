// Shape: bounds, products and printing.
#include "core/shape.h"

#include <algorithm>
#include <limits>
#include <ostream>

#include "core/error.h"

namespace t3video {

Shape::Shape(std::span<const int64_t> dims) : rank_(static_cast<int>(dims.size())) {
    require(dims.size() <= kMaxRank, "shape: rank ", dims.size(), " exceeds ", kMaxRank);
    std::copy(dims.begin(), dims.end(), dims_.begin());
    int64_t product = 1;
    for (const int64_t extent : dims) {
        require(extent >= 0, "shape: negative extent in ", *this);
        require(extent == 0 || product <= std::numeric_limits<int64_t>::max() / extent, "shape: ", *this,
                " is too large");
        product *= extent;
    }
}

int64_t Shape::dim(int axis) const {
    const int resolved = axis < 0 ? axis + rank_ : axis;
    require(resolved >= 0 && resolved < rank_, "shape: no axis ", axis, " in ", *this);
    return dims_[static_cast<size_t>(resolved)];
}

void Shape::set_dim(int axis, int64_t extent) {
    const int resolved = axis < 0 ? axis + rank_ : axis;
    require(resolved >= 0 && resolved < rank_ && extent >= 0, "shape: cannot set axis ", axis, " of ", *this, " to ",
            extent);
    dims_[static_cast<size_t>(resolved)] = extent;
}

int64_t Shape::numel() const {
    int64_t product = 1;
    for (const int64_t extent : dims()) product *= extent;
    return product;
}

std::string Shape::str() const {
    std::string text = "[";
    for (int axis = 0; axis < rank_; ++axis) {
        if (axis > 0) text += ", ";
        text += std::to_string(dims_[static_cast<size_t>(axis)]);
    }
    return text + "]";
}

bool operator==(const Shape& a, const Shape& b) {
    return std::ranges::equal(a.dims(), b.dims());
}
std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.str();
}
std::ostream& operator<<(std::ostream& out, const Grid& grid) {
    return out << grid.t << 'x' << grid.h << 'x' << grid.w;
}

}  // namespace t3video
