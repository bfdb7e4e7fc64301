// How far attention reaches: which tokens a token's value depends on after some layers.
//
// After the first L layers a token q depends on N_0(N_1(... N_{L-1}({q}))), where N_l of a set of tokens holds every
// token that shares a window of layer l, close or remote, with one of them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "t3/window_layout.h"

namespace t3video::t3 {

struct Token {
    int64_t t = 0, h = 0, w = 0;
};

// A set of tokens of a grid, as a union of boxes: each the product of a set of positions per axis. N_l maps a box to
// one box per branch, since windows are products themselves.
class TokenSet {
  public:
    using Positions = std::vector<bool>;  // of an axis
    struct Box {
        Positions t, h, w;
        friend bool operator==(const Box&, const Box&) = default;
    };

    TokenSet(const Grid& grid, const Token& token);
    TokenSet(const Grid& grid, std::vector<Box> boxes) : grid_(grid), boxes_(std::move(boxes)) {}

    // N of a pattern.
    TokenSet neighbours(const Pattern& pattern) const;
    const std::vector<Box>& boxes() const { return boxes_; }
    bool has(const Token& token) const;
    int64_t count() const;

  private:
    void add(Box box);

    Grid grid_;
    std::vector<Box> boxes_;
};

// All tokens that share a close window, or a remote one, with a token of the box.
TokenSet::Box close_to(const TokenSet::Box& box, const Pattern& pattern);
TokenSet::Box remote_to(const TokenSet::Box& box, const Pattern& pattern);

// The tokens that `token` depends on after the first `layers` layers; at most 6 layers, since boxes double with each.
TokenSet reached(const WindowLayout& layout, const Token& token, int64_t layers);

// Shares of all tokens that are reached after the first 1, 2, ... layers.
struct Reach {
    double centre, corner;  // from the token in the middle, and from the first
    double mean;            // over 256 tokens, or all where there are no more
};
std::vector<Reach> reach_of(const WindowLayout& layout, int64_t layers = 5, uint64_t seed = 0);

}  // namespace t3video::t3
