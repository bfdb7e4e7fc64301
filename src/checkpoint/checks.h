// Checks and message parts that the readers of all formats share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace t3video::checkpoint {

// Text from a file, fit for a one-line message: in single quotes, control bytes as \xNN, cut after 200 bytes.
std::string quote(std::string_view text);

// Throws InvalidRequest, beginning with `where`, for a tensor name with control bytes: names end up in messages.
void check_name(std::string_view name, const std::string& where);

// The shape, after checking what Shape itself takes for granted: at most Shape::kMaxRank extents, none negative, a byte
// size within 63 bits. Throws InvalidRequest beginning with `where`.
Shape checked_shape(std::span<const int64_t> dims, DType dtype, const std::string& where);

// What a file's tensor may differ in from a parameter: extents of 1, which GGUF files leave out.
bool same_but_for_ones(const Shape& a, const Shape& b);

// Whether a tensor of more axes than the four of GGUF files was `of` before neighbouring axes were folded into one, as
// [192, 16, 1, 2, 2] into [3072, 1, 2, 2]: the same elements in the same order.
bool is_folding(const Shape& folded, const Shape& of);

// Bytes [begin, end) of a file's data that a tensor takes.
struct Extent {
    uint64_t begin = 0, end = 0;
    std::string name;
};

// Throws InvalidRequest, beginning with `where`, naming two tensors that share bytes.
void check_overlaps(std::vector<Extent> extents, const std::string& where);

}  // namespace t3video::checkpoint
