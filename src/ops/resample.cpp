// Resampling: shapes and dispatch.
#include "ops/resample.h"

#include "cpu/resample.h"
#include "cuda/resample.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor fold_pixels(Context& ctx, const Tensor& x) {
    require(x.rank() == 4 && x.dim(1) % 2 == 0 && x.dim(2) % 2 == 0, "fold_pixels: x ", x.shape());
    Tensor y = empty(ctx, {x.dim(0), x.dim(1) / 2, x.dim(2) / 2, x.dim(3) * 4}, x.dtype());
    dispatch(
        ctx, moved(x, y), [&] { cpu::fold_pixels(ctx, x, y); }, [&] { cuda::fold_pixels(ctx, x, y); });
    return y;
}

Tensor unfold_pixels(Context& ctx, const Tensor& x) {
    require(x.rank() == 4 && x.dim(3) % 4 == 0, "unfold_pixels: x ", x.shape());
    Tensor y = empty(ctx, {x.dim(0), x.dim(1) * 2, x.dim(2) * 2, x.dim(3) / 4}, x.dtype());
    dispatch(
        ctx, moved(x, y), [&] { cpu::unfold_pixels(ctx, x, y); }, [&] { cuda::unfold_pixels(ctx, x, y); });
    return y;
}

Tensor channels_to_time(Context& ctx, const Tensor& x, int64_t factor) {
    require(x.rank() == 4 && factor >= 1 && x.dim(3) % factor == 0, "channels_to_time: x ", x.shape(), " by ", factor);
    Tensor y = empty(ctx, {x.dim(0) * factor, x.dim(1), x.dim(2), x.dim(3) / factor}, x.dtype());
    dispatch(
        ctx, moved(x, y), [&] { cpu::channels_to_time(ctx, x, y); }, [&] { cuda::channels_to_time(ctx, x, y); });
    return y;
}

Tensor add_average_down(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs) {
    require(ft >= 1 && fs >= 1 && x.rank() == 4 && main.rank() == 4 && main.dim(0) == (x.dim(0) + ft - 1) / ft &&
                main.dim(1) * fs == x.dim(1) && main.dim(2) * fs == x.dim(2) &&
                x.dim(3) * ft * fs * fs % main.dim(3) == 0,
            "add_average_down: x ", x.shape(), " by ", ft, ", ", fs, " for main ", main.shape());
    Tensor y = empty_like(ctx, main);
    dispatch(
        ctx, moved(x, main, y), [&] { cpu::add_average_down(ctx, main, x, ft, fs, y); },
        [&] { cuda::add_average_down(ctx, main, x, ft, fs, y); });
    return y;
}

Tensor add_duplicate_up(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, int64_t first_row) {
    require(ft >= 1 && fs >= 1 && x.rank() == 4 && main.rank() == 4 && main.dim(0) <= x.dim(0) * ft &&
                main.dim(0) > (x.dim(0) - 1) * ft && first_row >= 0 && first_row + main.dim(1) <= x.dim(1) * fs &&
                main.dim(2) == x.dim(2) * fs && main.dim(3) * ft * fs * fs % x.dim(3) == 0,
            "add_duplicate_up: x ", x.shape(), " by ", ft, ", ", fs, " from row ", first_row, " for main ",
            main.shape());
    Tensor y = empty_like(ctx, main);
    dispatch(
        ctx, moved(x, main, y), [&] { cpu::add_duplicate_up(ctx, main, x, ft, fs, first_row, y); },
        [&] { cuda::add_duplicate_up(ctx, main, x, ft, fs, first_row, y); });
    return y;
}

}  // namespace t3video::ops
