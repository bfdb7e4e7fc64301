// Builds the tables in double precision: angles reach a thousand radians.
#include "nn/rope.h"

#include <cmath>
#include <utility>
#include <vector>

namespace t3video::nn {
namespace {

constexpr double kTheta = 10000.0;

// {cosines, sines}, each [positions, pairs]
std::pair<Tensor, Tensor> axis_table(Context& ctx, int64_t positions, int64_t pairs) {
    std::vector<double> turns;
    for (int64_t i = 0; i < pairs; ++i) turns.push_back(std::pow(kTheta, -double(i) / double(pairs)));
    const auto table = [&](double (*of_angle)(double)) {
        return computed(ctx, {positions, pairs}, [&](std::span<float> values) {
            auto value = values.begin();
            for (int64_t p = 0; p < positions; ++p) {
                for (const double turn : turns) *value++ = static_cast<float>(of_angle(double(p) * turn));
            }
        });
    };
    return {table(std::cos), table(std::sin)};
}

}  // namespace

ops::RopeTable make_rope_table(Context& ctx, const Grid& grid, int64_t head_width) {
    require(head_width > 0 && head_width % 2 == 0, "rope: head width ", head_width, " is not even");
    const int64_t spatial = head_width / 6, temporal = head_width / 2 - 2 * spatial;
    const auto [cos_t, sin_t] = axis_table(ctx, grid.t, temporal);
    const auto [cos_h, sin_h] = axis_table(ctx, grid.h, spatial);
    const auto [cos_w, sin_w] = axis_table(ctx, grid.w, spatial);
    return {grid, cos_t, sin_t, cos_h, sin_h, cos_w, sin_w};
}

}  // namespace t3video::nn
