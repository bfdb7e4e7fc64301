// RMS norm over a token's whole width and rotary position embedding of its heads, in one pass:
// y[2j] = n[2j] cos - n[2j+1] sin, y[2j+1] = n[2j] sin + n[2j+1] cos, n = the norm of x, or x itself. Bound by memory:
// x is read once into registers, y is written once; weight and angles come from cache. A warp holds one token and lays
// out its angles, which all heads share, in shared memory. Widths that 16-byte accesses do not fit, or wider than
// registers hold, are read pair by pair, twice, the second time from cache.
#include "cuda/rope.h"

#include "cuda/convert.h"
#include "cuda/row_registers.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;
constexpr int kWidestHead = 1024;  // 8 warps times 512 pairs of angles are 32 KiB of shared memory

struct Axis {
    const float *cosine, *sine;  // [positions, pairs]
    int pairs;                   // of a head

    __device__ float2 angle(int64_t position, int pair) const {
        return {cosine[position * pairs + pair], sine[position * pairs + pair]};
    }
};

struct Rotation {
    Axis t, h, w;
    int64_t height, width, first;  // of the grid; token of row 0
    int head;                      // elements of a head

    // Cosine and sine of a pair of a head in row `row`.
    __device__ float2 angle(int64_t row, int pair) const {
        const int64_t token = first + row;
        if (pair < t.pairs) return t.angle(token / (height * width), pair);
        if (pair < t.pairs + h.pairs) return h.angle(token / width % height, pair - t.pairs);
        return w.angle(token % width, pair - t.pairs - h.pairs);
    }
};

__device__ float2 rotate(float2 x, float2 angle) {
    return {fmaf(x.x, angle.x, -x.y * angle.y), fmaf(x.x, angle.y, x.y * angle.x)};
}

// y may be x.
template <int N, int kItems, class T>
__global__ void __launch_bounds__(kThreads)
    norm_rope_rows(const T* x, const float* weight, float eps, Rotation rotation, int64_t rows, int width, T* y) {
    extern __shared__ float2 all_angles[];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, packs = width / N, pairs = rotation.head / 2;
    float2* angles = all_angles + warp * pairs;
    for (int64_t row = int64_t{blockIdx.x} * kWarps + warp; row < rows; row += int64_t{gridDim.x} * kWarps) {
        RowRegisters<T, N, kItems> v;
        v.read(x + row * width, packs, lane, 32, true);
        __syncwarp();  // the angles of the row before have been read
        for (int j = lane; j < pairs; j += 32) angles[j] = rotation.angle(row, j);
        __syncwarp();
        float factor = 1.0f;
        if (weight) {
            const float mean = warp_sum(v.squares(0.0f, packs, lane, 32)) / static_cast<float>(width);
            factor = 1.0f / sqrtf(mean + eps);
        }
#pragma unroll
        for (int i = 0; i < kItems; ++i) {
            const int p = lane + i * 32;
            if (p >= packs) continue;
            Pack<float, N> scale;
            if (weight) {
                scale = load<N>(weight + p * N);
            } else {
#pragma unroll
                for (int j = 0; j < N; ++j) scale.value[j] = 1.0f;
            }
            const Pack<float2, N / 2> angle = load<N / 2>(angles + p * N % rotation.head / 2);
            Pack<T, N> result;
#pragma unroll
            for (int j = 0; j < N; j += 2) {
                const float2 turned = rotate({to_float(v.pack[i].value[j]) * factor * scale.value[j],
                                              to_float(v.pack[i].value[j + 1]) * factor * scale.value[j + 1]},
                                             angle.value[j / 2]);
                result.value[j] = from_float<T>(turned.x);
                result.value[j + 1] = from_float<T>(turned.y);
            }
            store(y + row * width + p * N, result);
        }
    }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    norm_rope_rows_of_any_width(const T* x, const float* weight, float eps, Rotation rotation, int64_t rows, int width,
                                T* y) {
    const int lane = threadIdx.x % 32;
    const int64_t first = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
    for (int64_t row = first; row < rows; row += int64_t{gridDim.x} * kWarps) {
        const T* v = x + row * width;
        float factor = 1.0f;
        if (weight) {
            float squares = 0;
            for (int c = lane; c < width; c += 32) squares = fmaf(to_float(v[c]), to_float(v[c]), squares);
            factor = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(width) + eps);
        }
        for (int c = lane * 2; c < width; c += 64) {
            const float2 scale = weight ? float2{weight[c], weight[c + 1]} : float2{1.0f, 1.0f};
            const float2 turned = rotate({to_float(v[c]) * factor * scale.x, to_float(v[c + 1]) * factor * scale.y},
                                         rotation.angle(row, c % rotation.head / 2));
            y[row * width + c] = from_float<T>(turned.x);
            y[row * width + c + 1] = from_float<T>(turned.y);
        }
    }
}

Axis axis(const Tensor& cosine, const Tensor& sine) {
    return {in<float>(cosine), in<float>(sine), static_cast<int>(cosine.dim(1))};
}

template <class T>
void launch(const State& s, const T* x, const float* weight, float eps, const Rotation& rotation, int64_t rows,
            int width, T* y) {
    constexpr int N = kPack<T>;
    const int packs = width / N;
    const unsigned blocks = blocks_for(s, (rows + kWarps - 1) / kWarps);
    if (rotation.head % N == 0 && rotation.head <= kWidestHead && packs <= 32 * kMostItems<N> &&
        aligned(x, weight, y)) {
        const size_t shared = size_t{kWarps} * static_cast<size_t>(rotation.head / 2) * sizeof(float2);
        visit_items<N>((packs + 31) / 32, [&]<int kItems>() {
            norm_rope_rows<N, kItems><<<blocks, kThreads, shared, s.stream>>>(x, weight, eps, rotation, rows, width, y);
        });
    } else {
        norm_rope_rows_of_any_width<<<blocks, kThreads, 0, s.stream>>>(x, weight, eps, rotation, rows, width, y);
    }
    check_launch();
}

}  // namespace

void norm_rope(Context& ctx, const Tensor& x, const Tensor* weight, float eps, const ops::RopeTable& table,
               int64_t heads, int64_t first, Tensor& y) {
    require(x.dim(1) <= (1 << 30), "norm_rope: rows of ", x.dim(1), " elements");
    const Rotation rotation{axis(table.cos_t, table.sin_t),
                            axis(table.cos_h, table.sin_h),
                            axis(table.cos_w, table.sin_w),
                            table.grid.h,
                            table.grid.w,
                            first,
                            static_cast<int>(x.dim(1) / heads)};
    const Tensor scale = weight ? as_f32(ctx, *weight) : Tensor();
    visit(x.dtype(), [&]<class T>() {
        launch(state(ctx), in<T>(x), weight ? in<float>(scale) : nullptr, eps, rotation, x.dim(0),
               static_cast<int>(x.dim(1)), out<T>(y));
    });
}

}  // namespace t3video::cuda
