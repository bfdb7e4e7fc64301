// Step caches: passes of the network that are not computed, because the last computed one says nearly the same.
//
// Sources, formulas and what each costs: docs/caches.md. All of them decide before a pass; what they remember is f32,
// their sums are f64.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sampling/guidance.h"

namespace t3video::sampling {

enum class CacheKind {
    none,
    easy,     // EasyCache: by how far the sample has moved
    tea,      // TeaCache: by how far the time embedding has moved
    tea_ret,  // the same by its projection, and with other steps that are always computed ("ret steps")
    mag,      // MagCache: by how the residual's magnitude is known to change
};

constexpr size_t kBranches = 2;
constexpr size_t index_of(Branch branch) {
    return branch == Branch::positive ? 0 : 1;
}

struct CacheSettings {
    CacheKind kind = CacheKind::none;
    double threshold = 0;  // a pass is skipped while the expected error is below
    int64_t first = 10;    // easy: steps at the beginning that are computed
    int64_t most = 4;      // mag: skipped in a row at most
    double retention = 0;  // mag: share of the passes at the beginning that are computed
    // tea: of the polynomial that turns a change of the embedding into one of the output, the highest power first.
    std::vector<double> coefficients = {};
    // mag: of each branch, |residual| of a step by that of the step before, over the steps of some film.
    std::array<std::vector<double>, kBranches> ratios = {};

    // Whether it remembers what the layers added to their stream, rather than samples.
    bool keeps_residuals() const { return kind != CacheKind::none && kind != CacheKind::easy; }
};

// Noise levels at which guidance has its negative pass; elsewhere the velocity is that of the positive one.
struct GuidanceInterval {
    double from = 0, to = 1;  // sigma, both included

    bool contains(double sigma) const { return from <= sigma && sigma <= to; }
    bool all() const { return from <= 0 && to >= 1; }
    friend bool operator==(const GuidanceInterval&, const GuidanceInterval&) = default;
};

}  // namespace t3video::sampling
