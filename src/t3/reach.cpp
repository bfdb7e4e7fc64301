// Boxes through windows, and counting their union.
#include "t3/reach.h"

#include <algorithm>
#include <map>
#include <random>

#include "core/error.h"

namespace t3video::t3 {
namespace {

using Positions = TokenSet::Positions;

// All positions that share a part of an axis with one of these.
Positions spread_close(const Positions& from, int64_t count, int64_t shift) {
    const auto extent = static_cast<int64_t>(from.size());
    Positions to(from.size());
    for (int64_t part = -1; part < count; ++part) {
        const auto [first, last] = close_part(extent, count, shift, part);
        const auto begin = from.begin() + first, end = from.begin() + last;
        if (std::find(begin, end, true) != end) std::fill(to.begin() + first, to.begin() + last, true);
    }
    return to;
}
Positions spread_remote(const Positions& from, int64_t count) {
    const auto n = static_cast<size_t>(count);
    Positions classes(n), to(from.size());
    for (size_t i = 0; i < from.size(); ++i) classes[i % n] = classes[i % n] || from[i];
    for (size_t i = 0; i < to.size(); ++i) to[i] = classes[i % n];
    return to;
}

bool is_within(const Positions& a, const Positions& b) {
    for (size_t i = 0; i < a.size(); ++i) {
        if (a[i] && !b[i]) return false;
    }
    return true;
}
bool is_within(const TokenSet::Box& a, const TokenSet::Box& b) {
    return is_within(a.t, b.t) && is_within(a.h, b.h) && is_within(a.w, b.w);
}

// Of an axis: in which boxes a position is, as bits, and how many positions are in the same.
using Memberships = std::vector<std::pair<uint64_t, int64_t>>;
Memberships memberships(const std::vector<TokenSet::Box>& boxes, Positions TokenSet::Box::*axis, int64_t extent) {
    std::map<uint64_t, int64_t> counts;
    for (size_t i = 0; i < static_cast<size_t>(extent); ++i) {
        uint64_t bits = 0;
        for (size_t b = 0; b < boxes.size(); ++b) bits |= uint64_t{(boxes[b].*axis)[i]} << b;
        if (bits != 0) ++counts[bits];
    }
    return {counts.begin(), counts.end()};
}

}  // namespace

TokenSet::TokenSet(const Grid& grid, const Token& token) : grid_(grid) {
    require(token.t >= 0 && token.t < grid.t && token.h >= 0 && token.h < grid.h && token.w >= 0 && token.w < grid.w,
            "token ", token.t, ", ", token.h, ", ", token.w, " of a grid of ", grid);
    const auto only = [](int64_t extent, int64_t position) {
        Positions positions(static_cast<size_t>(extent));
        positions[static_cast<size_t>(position)] = true;
        return positions;
    };
    boxes_ = {{only(grid.t, token.t), only(grid.h, token.h), only(grid.w, token.w)}};
}

void TokenSet::add(Box box) {
    for (const Box& other : boxes_) {
        if (is_within(box, other)) return;
    }
    std::erase_if(boxes_, [&](const Box& other) { return is_within(other, box); });
    boxes_.push_back(std::move(box));
}

TokenSet TokenSet::neighbours(const Pattern& p) const {
    TokenSet all(grid_, std::vector<Box>());
    for (const Box& box : boxes_) {
        if (p.branches != Branches::remote) all.add(close_to(box, p));
        if (p.branches != Branches::close) all.add(remote_to(box, p));
    }
    return all;
}

bool TokenSet::has(const Token& token) const {
    return std::ranges::any_of(boxes_, [&](const Box& box) {
        return box.t[static_cast<size_t>(token.t)] && box.h[static_cast<size_t>(token.h)] &&
               box.w[static_cast<size_t>(token.w)];
    });
}

int64_t TokenSet::count() const {
    require(boxes_.size() <= 64, "a set of ", boxes_.size(), " boxes");
    const Memberships ts = memberships(boxes_, &Box::t, grid_.t), hs = memberships(boxes_, &Box::h, grid_.h),
                      ws = memberships(boxes_, &Box::w, grid_.w);
    int64_t sum = 0;
    for (const auto& [in_t, t] : ts) {
        for (const auto& [in_h, h] : hs) {
            if ((in_t & in_h) == 0) continue;
            for (const auto& [in_w, w] : ws) sum += (in_t & in_h & in_w) != 0 ? t * h * w : 0;
        }
    }
    return sum;
}

TokenSet::Box close_to(const TokenSet::Box& box, const Pattern& p) {
    return {spread_close(box.t, p.t, p.shift.t), spread_close(box.h, p.h, p.shift.h),
            spread_close(box.w, p.w, p.shift.w)};
}

TokenSet::Box remote_to(const TokenSet::Box& box, const Pattern& p) {
    return {spread_remote(box.t, p.t), spread_remote(box.h, p.h), spread_remote(box.w, p.w)};
}

TokenSet reached(const WindowLayout& layout, const Token& token, int64_t layers) {
    TokenSet set(layout.grid, token);
    for (int64_t layer = layers - 1; layer >= 0; --layer) set = set.neighbours(layout.of_layer(layer));
    return set;
}

std::vector<Reach> reach_of(const WindowLayout& layout, int64_t layers, uint64_t seed) {
    const Grid& g = layout.grid;
    const auto token = [&](int64_t i) { return Token{i / (g.h * g.w), i / g.w % g.h, i % g.w}; };
    constexpr int64_t kSample = 256;
    std::vector<Token> sample;
    std::mt19937_64 random(seed);
    for (int64_t i = 0; i < std::min(kSample, g.tokens()); ++i) {
        const bool all = g.tokens() <= kSample;
        sample.push_back(token(all ? i : static_cast<int64_t>(random() % static_cast<uint64_t>(g.tokens()))));
    }
    // Of one token, after each number of layers: what has everything once keeps it.
    const auto shares = [&](const Token& from) {
        std::vector<double> all;
        for (int64_t n = 1; n <= layers; ++n) {
            const bool full = !all.empty() && all.back() == 1;
            all.push_back(full ? 1 : double(reached(layout, from, n).count()) / double(g.tokens()));
        }
        return all;
    };
    const std::vector<double> centre = shares({g.t / 2, g.h / 2, g.w / 2}), corner = shares({});
    std::vector<Reach> reach;
    for (size_t i = 0; i < centre.size(); ++i) reach.push_back({centre[i], corner[i], 0});
    for (const Token& from : sample) {
        const std::vector<double> own = shares(from);
        for (size_t i = 0; i < own.size(); ++i) reach[i].mean += own[i] / double(sample.size());
    }
    return reach;
}

}  // namespace t3video::t3
