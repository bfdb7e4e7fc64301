// Checks on names and shapes found in files.
#include "checkpoint/checks.h"

#include <algorithm>
#include <limits>
#include <ranges>

#include "core/error.h"

namespace t3video::checkpoint {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace

std::string quote(std::string_view text) {
    constexpr size_t kLongest = 200;
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "'";
    for (const char c : text.substr(0, kLongest)) {
        if (is_control(c)) {
            const auto byte = static_cast<unsigned char>(c);
            out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
        } else {
            out += c;
        }
    }
    return out + (text.size() > kLongest ? "...'" : "'");
}

void check_name(std::string_view name, const std::string& where) {
    require_valid(std::ranges::none_of(name, is_control), where, ": the tensor name ", quote(name),
                  " contains control characters");
}

Shape checked_shape(std::span<const int64_t> dims, DType dtype, const std::string& where) {
    require_valid(dims.size() <= Shape::kMaxRank, where, " has ", dims.size(), " dimensions, at most ", Shape::kMaxRank,
                  " are supported");
    int64_t largest = std::numeric_limits<int64_t>::max() / static_cast<int64_t>(size_of(dtype));  // elements left
    for (const int64_t extent : dims) {
        require_valid(extent >= 0, where, " has the negative extent ", extent);
        require_valid(extent <= largest, where, " is too large: extent ", extent);
        if (extent > 0) largest /= extent;
    }
    return Shape(dims);
}

bool same_but_for_ones(const Shape& a, const Shape& b) {
    const auto is_more = [](int64_t extent) { return extent != 1; };
    return std::ranges::equal(a.dims() | std::views::filter(is_more), b.dims() | std::views::filter(is_more));
}

bool is_folding(const Shape& folded, const Shape& of) {
    constexpr int kMostAxes = 4;
    if (of.rank() <= kMostAxes || of.numel() != folded.numel() || of.numel() == 0) return false;
    // Every axis of `folded` ends where one of `of` ends.
    int64_t elements = 1, seen = 1;
    auto next = of.dims().begin();
    for (const int64_t extent : folded.dims()) {
        elements *= extent;
        while (seen < elements && next != of.dims().end()) seen *= *next++;
        if (seen != elements) return false;
    }
    return true;
}

void check_overlaps(std::vector<Extent> extents, const std::string& where) {
    std::erase_if(extents, [](const Extent& e) { return e.begin == e.end; });
    std::ranges::sort(extents, {}, &Extent::begin);
    for (size_t i = 1; i < extents.size(); ++i) {
        const Extent &before = extents[i - 1], &after = extents[i];
        require_valid(before.end <= after.begin, where, ": tensors ", quote(before.name), " and ", quote(after.name),
                      " overlap at byte ", after.begin, " of the data");
    }
}

}  // namespace t3video::checkpoint
